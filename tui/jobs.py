"""Starts and stops the app's worker processes, and follows the tree they write."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

import msgspec

from dwarfsmith.engine.errors import DwarfsmithError
from dwarfsmith.engine.events import AnyEvent
from dwarfsmith.engine.requests import (
    AnyRequest,
    BuildRequest,
    ScanRequest,
    VerifyRequest,
)
from dwarfsmith.tui.messages import JobEvent, JobName, TreeArranged
from dwarfsmith.tui.model.plan_text import arguments
from dwarfsmith.tui.model.tree_keeper import TreeKeeper
from dwarfsmith.tui.runner import Launch, Process, WorkerProcess

if TYPE_CHECKING:
    from textual.app import App

    from dwarfsmith.engine.plan import BuildPlan
    from dwarfsmith.tui.session import Session

ARRANGE_INTERVAL_S: Final = 0.3
ARRANGE_SHARE: Final = 4
"""While a scan runs, arranging may take this fraction of the time, at most."""


class Jobs:
    """The jobs of one app; at most one of each kind runs.

    Args:
        app: Gets a `JobEvent` for every event, and `TreeArranged`.
        session: Is told of every start.
        launch: Makes a job of a request.
    """

    def __init__(
        self, app: App[None], session: Session, launch: Launch = WorkerProcess
    ) -> None:
        self._app = app
        self._session = session
        self._launch = launch
        self._processes: dict[JobName, Process] = {}
        self._runs: dict[JobName, int] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._keeper: TreeKeeper | None = None
        self._arranging = False
        self._again = False
        self._hurry = asyncio.Event()

    def scan(self, plan: BuildPlan) -> None:
        """Walk the plan's input; a scan that is running is given up."""
        self._drop_folder()
        self._folder = tempfile.TemporaryDirectory(prefix="dwarfsmith-")
        self._keeper = TreeKeeper(self._folder.name)
        self._session.begin_scan()
        request = ScanRequest(
            input=os.path.abspath(plan.input),
            columns=self._folder.name,
            with_devices=plan.with_devices,
            with_specials=plan.with_specials,
        )
        self._start("scan", request)

    def build(self, plan: BuildPlan) -> None:
        """Make the image of `plan`."""
        self._session.begin_build(plan)
        # The image's history tells how to make it again.
        told = msgspec.structs.replace(plan, command_line=arguments(plan))
        self._start("build", BuildRequest(plan=told))

    def verify(self, image: bytes, workers: int | None) -> None:
        """Read a finished image back."""
        self._session.build.begin_verify()
        self._start("verify", VerifyRequest(image=image, workers=workers))

    def cancel_build(self) -> None:
        """Ask the running build, or the reading back after it, to stop."""
        if self._session.build.status == "running":
            self._session.build.status = "cancelling"
        for name in ("build", "verify"):
            if process := self._processes.get(name):
                process.cancel()

    async def close(self) -> None:
        """End all processes and remove what scans have left on disk."""
        await asyncio.gather(*(process.stop() for process in self._processes.values()))
        with contextlib.suppress(OSError):
            self._drop_folder()

    def _drop_folder(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _start(self, name: JobName, request: AnyRequest) -> None:
        run = self._runs[name] = self._runs.get(name, 0) + 1

        def tell(event: AnyEvent) -> None:
            self._app.post_message(JobEvent(name, run, event))

        process = self._launch(request, tell)
        self._processes[name] = process
        self._run(process.run(), name, exclusive=True)

    def is_current(self, message: JobEvent) -> bool:
        """Return whether an event is of the newest start of its job."""
        return self._runs.get(message.job) == message.run

    def arrange(self, hurry: bool = False) -> None:
        """Bring the tree up to date off this thread, at once if `hurry`."""
        if self._arranging:
            self._again = True
            if hurry:
                self._hurry.set()
        elif self._keeper is not None:
            self._arranging = True
            self._run(self._keep_arranging(), "tree", exclusive=False)

    def _run(
        self, work: Coroutine[None, None, None], group: str, exclusive: bool
    ) -> None:
        self._app.run_worker(
            work, group=group, exclusive=exclusive, exit_on_error=False
        )

    async def _keep_arranging(self) -> None:
        try:
            self._again = True
            while self._again:
                self._again = False
                await self._arrange_once()
        finally:
            self._arranging = False

    async def _arrange_once(self) -> None:
        session, keeper = self._session, self._keeper
        if keeper is None:
            return
        started = session.clock()
        try:
            arrangement = await asyncio.to_thread(
                keeper.update, session.sort, session.descending
            )
        except DwarfsmithError:
            return  # a new scan has replaced the folder, or has not made it yet
        if keeper is self._keeper and keeper.tree is not None and arrangement:
            self._app.post_message(TreeArranged(keeper.tree, arrangement))
        if session.scan.active:
            took = session.clock() - started
            pause = max(ARRANGE_INTERVAL_S, ARRANGE_SHARE * took)
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
