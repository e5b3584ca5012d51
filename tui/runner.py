"""Runs the engine in a process of its own: a request in, one event per line out."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from dwarfsmith.engine.events import AnyEvent, Failed, Finished, LogLine, from_line
from dwarfsmith.engine.requests import AnyRequest, CancelRequest, to_line

# -P: a module of the user's own in the current folder must not shadow ours.
WORKER: Final = (sys.executable, "-P", "-m", "dwarfsmith.engine.worker")
STOP_PATIENCE_S: Final = 2.0
"""How long a worker that was told to stop may take before it is killed."""
_LINE_LIMIT: Final = 1 << 20
_LAST_WORDS: Final = 20


class Process(Protocol):
    """A job as whoever started it sees it."""

    async def run(self) -> None:
        """Run to the end; the last event is `Finished` or `Failed`."""

    def cancel(self) -> None:
        """Ask it to stop."""

    async def stop(self) -> None:
        """End it, and return when nothing of it is left."""


Launch: TypeAlias = Callable[[AnyRequest, Callable[[AnyEvent], None]], Process]
"""Makes a job of a request; its events go to the second argument."""


class WorkerProcess:
    """One worker process from start to end.

    The last event passed on is always `Finished` or `Failed`: where the process
    dies without a word, one is made up from how it died. The process never
    outlives `run()`.

    Args:
        request: What to ask of it.
        on_event: Receives every event, in the event loop's thread.
        command: The program to start.
    """

    def __init__(
        self,
        request: AnyRequest,
        on_event: Callable[[AnyEvent], None],
        command: Sequence[str] = WORKER,
    ) -> None:
        self._request = request
        self._on_event = on_event
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._cancelled = False
        self._ended = False
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)

    async def run(self) -> None:
        """Start the process and pass its events on until it has ended."""
        try:
            # In a session of its own no signal meant for the app reaches it, and
            # it never has a terminal to write to.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,
            )
        except OSError as error:
            self._fail(f"the worker cannot be started: {error.strerror}", 1)
            return
        try:
            await self._talk(self._process)
            await _wait(self._process)
        finally:
            await _end(self._process)
        if not self._ended:
            self._fail(*self._cause_of_death(self._process))

    def cancel(self) -> None:
        """Ask the process to stop; it is killed if it does not listen."""
        self._cancelled = True
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        process.stdin.write(to_line(CancelRequest()))
        asyncio.get_running_loop().call_later(STOP_PATIENCE_S, _kill, process)

    async def stop(self) -> None:
        """End the process, gently first, and return when it is gone."""
        if self._process is not None:
            await _end(self._process)

    async def _talk(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        process.stdin.write(to_line(self._request))
        if self._cancelled:
            self.cancel()
        # A worker that died at once is reported by how it ended.
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        await asyncio.gather(self._read_events(process), self._read_errors(process))

    async def _read_events(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                event = from_line(line)
            except msgspec.DecodeError as error:
                event = LogLine(level="warn", message=f"unreadable event: {error}")
            if isinstance(event, Finished | Failed):
                self._ended = True
            self._on_event(event)

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            if text := line.decode("utf-8", "backslashreplace").strip():
                self._last_words.append(text)

    def _cause_of_death(self, process: asyncio.subprocess.Process) -> tuple[str, int]:
        code = process.returncode or 0
        if self._cancelled:
            return "cancelled", 130
        if code < 0:
            return f"the worker was stopped by {signal.Signals(-code).name}", 1
        said = f": {self._last_words[-1]}" if self._last_words else ""
        return f"the worker ended unexpectedly with code {code}{said}", 1

    def _fail(self, message: str, exit_code: int) -> None:
        self._on_event(Failed(message=message, exit_code=exit_code))


async def _wait(process: asyncio.subprocess.Process) -> bool:
    """Return whether the process ends by itself soon."""
    try:
        await asyncio.wait_for(process.wait(), STOP_PATIENCE_S)
    except TimeoutError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process, gently first.

    One that is at its end must be left to it before: a signal would take its exit
    code away from asyncio.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        if not await _wait(process):
            _kill(process)
            await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
