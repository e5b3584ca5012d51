"""An app on canned events, the same on every machine."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from textual.pilot import Pilot

from dwarfsmith.engine.events import AnyEvent, Failed, Gauges
from dwarfsmith.engine.requests import AnyRequest
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


class PlayedProcess:
    """A job that is only played, in this process: nothing is started."""

    def __init__(
        self,
        clock: Clock,
        play: Callable[[AnyRequest], Iterator[Any]],
        request: AnyRequest,
        on_event: Callable[[AnyEvent], None],
    ) -> None:
        self._clock = clock
        self._started = clock.now
        self._steps = play(request)
        self._on_event = on_event
        self._cancelled = asyncio.Event()

    async def run(self) -> None:
        for step in self._steps:
            if step == "wait":
                await self._cancelled.wait()
                step = Failed(message="cancelled", exit_code=130)
            elif step == "kill":
                step = Failed(message="the worker was stopped by SIGKILL", exit_code=1)
            if isinstance(step, Gauges):
                self._clock.now = self._started + step.seconds
            self._on_event(step)
            # Let the app take it in at its own time.
            await asyncio.sleep(0)
            if isinstance(step, Failed):
                return

    def cancel(self) -> None:
        self._cancelled.set()

    async def stop(self) -> None:
        self._cancelled.set()


@pytest.fixture
def make_app(clock: Clock, fake_worker: ModuleType) -> MakeApp:
    """Make an app whose jobs are a part of `fake_worker.py`, played."""

    def make(script: str = "done", **options: Any) -> DwarfsmithApp:
        options.setdefault("input", INPUT)
        play = partial(fake_worker.play, script)
        options.setdefault("launch", partial(PlayedProcess, clock, play))
        app = DwarfsmithApp(Options(**options))
        app.session.clock = clock
        app.NOTIFICATION_TIMEOUT = 3600
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


@pytest.fixture
def told() -> Callable[[DwarfsmithApp], str]:
    """Return what an app has said in passing."""

    def all_told(app: DwarfsmithApp) -> str:
        return "\n".join(note.message for note in app._notifications)

    return all_told


def scanned(app: DwarfsmithApp) -> bool:
    """Whether the tree is complete and has been handed to the screens."""
    return not app.session.scan.active and app.session.arrangement is not None
