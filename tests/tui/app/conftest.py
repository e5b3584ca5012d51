"""An app on canned events, the same on every machine."""

from __future__ import annotations

import pathlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from textual.pilot import Pilot

from dwarfsmith.tui.app import DwarfsmithApp
from dwarfsmith.tui.model import machine
from dwarfsmith.tui.options import Options

INPUT = b"/srv/tux"
PATIENCE_S = 60

MakeApp = Callable[..., DwarfsmithApp]
Until = Callable[[Pilot[Any], Callable[[], object]], Awaitable[None]]


class Clock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def same_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> Iterator[None]:
    """UTC, two processors, 12 GiB free, colours, an empty current folder."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    # Set, so that what an app changes is put back.
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(machine, "free_disk", lambda path: 12 << 30)
    for user in ("widgets.plan_card", "screens.plan"):
        name = f"dwarfsmith.tui.{user}.available_processors"
        monkeypatch.setattr(name, lambda: 2)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_app(clock: Clock, fake_worker: ModuleType) -> MakeApp:
    """Make an app whose worker plays a part of `fake_worker.py`."""

    def make(script: str = "done", **options: Any) -> DwarfsmithApp:
        options.setdefault("input", INPUT)
        worker = (sys.executable, str(fake_worker.__file__), script)
        options.setdefault("worker", worker)
        app = DwarfsmithApp(Options(**options))
        app.session.clock = clock
        app.session.memory = lambda: 1_525_000_000
        return app

    return make


async def run_until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until something holds and the screen shows it."""
    app = pilot.app
    assert isinstance(app, DwarfsmithApp)
    end = time.monotonic() + PATIENCE_S
    while not condition() or app._publish_pending:
        assert time.monotonic() < end, "it did not happen"
        await pilot.pause(0.02)
    await pilot.pause()
    await pilot.pause()


@pytest.fixture
def until() -> Until:
    """Let the app run until something holds and the screen shows it."""
    return run_until


def scanned(app: DwarfsmithApp) -> bool:
    """Whether the tree is complete and has been handed to the screens."""
    return not app.session.scan.active and app.session.arrangement is not None
