"""How every screen looks, on wide and narrow, colourless and plain terminals.

`pytest tests/tui/app/test_snapshots.py --snapshot-update` takes them anew; look at each
before it is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from dwarfsmith.tui.app import DwarfsmithApp

NARROW, WIDE, TINY = (80, 24), (120, 40), (60, 20)

Steps = Callable[[Pilot[None]], Awaitable[None]]


def app_of(pilot: Pilot[None]) -> DwarfsmithApp:
    assert isinstance(pilot.app, DwarfsmithApp)
    return pilot.app


@pytest.fixture
def steps(until) -> Callable[..., Steps]:
    """Press keys once the input is scanned; `~done`, `~half` and `~early` wait."""

    def waits(app: DwarfsmithApp) -> dict[str, Callable[[], object]]:
        build = app.session.build
        return {
            "~done": lambda: build.status in ("done", "failed") and not build.verifying,
            "~half": lambda: len(build.blocks) == 27,
            "~early": lambda: build.stages["identify"].done,
        }

    def make(*keys: str, scanned: bool = True) -> Steps:
        async def run(pilot: Pilot[None]) -> None:
            app = app_of(pilot)
            await until(pilot, lambda: app.session.scan.counts or not scanned)
            if scanned:
                await until(pilot, lambda: app.session.arrangement is not None)
            for key in keys:
                if key.startswith("~"):
                    await until(pilot, waits(app)[key])
                else:
                    await pilot.press(key)
            await until(pilot, lambda: True)

        return run

    return make


@pytest.fixture
def looks(snap_compare, make_app, steps):
    """Compare an app after some keys with its snapshot."""

    def compare(script, keys, size, scanned=True, **options):
        assert snap_compare(
            make_app(script, **options),
            terminal_size=size,
            run_before=steps(*keys.split(), scanned=scanned),
        )

    return compare


SCREENS = {
    "browse": ("done", "j j j l j"),
    "plan": ("done", "p 5"),
    "running": ("running", "b ~half"),
    "result": ("done", "b ~done"),
}
DRESSES = {
    "narrow": (NARROW, {}),
    "wide": (WIDE, {}),
    "no-color": (WIDE, {"no_color": True}),
    "ascii": (NARROW, {"ascii": True}),
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("screen", SCREENS)
def test_the_main_screens(looks, screen, dress):
    script, keys = SCREENS[screen]
    size, options = DRESSES[dress]
    looks(script, keys, size, **options)


@pytest.mark.parametrize("screen", ["browse", "running", "result"])
def test_the_smallest_terminals(looks, screen):
    script, keys = SCREENS[screen]
    looks(script, keys, TINY)


@pytest.mark.parametrize("theme", ["parchment", "terminal"])
def test_other_themes(looks, theme):
    looks("running", "b ~half", WIDE, theme=theme)


def test_finding(looks):
    looks("done", "slash w o r l d enter n", NARROW)


def test_a_scan_that_goes_on(looks):
    looks("scanning", "", NARROW)


def test_an_input_that_is_gone(looks):
    looks("gone", "", NARROW, scanned=False)


def test_a_build_that_has_just_begun(looks):
    looks("early", "b ~early", WIDE)


def test_a_build_that_failed(looks):
    looks("failed", "b ~done", WIDE)


def test_before_a_build(looks):
    looks("done", "4", NARROW)


def test_a_question(looks):
    looks("running", "b ~half q", NARROW)


def test_the_keys(looks):
    looks("done", "question_mark", WIDE)


def test_the_problems(looks):
    looks("done", "b ~done w", NARROW)
