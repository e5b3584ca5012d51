"""What a running job shares with its stages: events, problems, counters, the stop.

Stages get a `Job` and use it without asking who listens. Everything here may be
called from any thread.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from dwarfsmith.engine.errors import CancelledError
from dwarfsmith.engine.events import (
    Event,
    LogLine,
    Problem,
    Stage,
    StageFinished,
    StageProgress,
    StageStarted,
    printable,
)

Level = Literal["error", "warn", "info", "verbose", "debug", "trace"]

PROGRESS_INTERVAL_S = 0.1
"""Superseding events are sent at most this often per stage."""


class Stopwatch:
    """Adds up the time spent inside `with stopwatch:`, by one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._total = 0.0
        self._since: float | None = None
        self._lap = 0.0

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(self, *exc_info: object) -> None:
        since, self._since = self._since, None
        if since is not None:
            self._total += self._clock() - since

    @property
    def seconds(self) -> float:
        """All time so far, a running span included."""
        total, since = self._total, self._since
        return total if since is None else total + self._clock() - since

    def lap(self) -> float:
        """Return the time since the last call."""
        now = self.seconds
        before, self._lap = self._lap, now
        return max(0.0, now - before)


@dataclass(slots=True)
class Counters:
    """Running totals in bytes unless named else; each has one writing thread."""

    read_bytes: int = 0
    hashed_bytes: int = 0
    segmented_bytes: int = 0
    matched_bytes: int = 0
    reading: Stopwatch = field(default_factory=Stopwatch)
    """Time the segmenter has spent waiting for input."""


class Job:
    """The context of one running job.

    Args:
        emit: Receives every event, one at a time.
        clock: Monotonic seconds; replaceable in tests.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self.problems = 0
        self.clock = clock
        self._emit = emit
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def emit(self, event: Event) -> None:
        """Pass `event` on; calls from several threads do not mix."""
        with self._lock:
            self._emit(event)

    def log(self, level: Level, message: str) -> None:
        """Narrate one line."""
        self.emit(LogLine(level=level, message=message))

    def problem(self, path: bytes, message: str) -> None:
        """Count a problem with one entry; the job goes on and ends with code 2."""
        text = printable(path)
        exact = None
        if text.encode("utf-8", "surrogateescape") != path:
            exact = base64.b64encode(path).decode("ascii")
        with self._lock:
            self.problems += 1
            self._emit(Problem(message=message, path=text, path_b64=exact))

    def cancel(self) -> None:
        """Ask the job to stop; its stages raise `CancelledError` soon after."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was asked for."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Stop here if asked to.

        Raises:
            CancelledError: A stop was asked for.
        """
        if self._cancelled.is_set():
            raise CancelledError("cancelled")

    @contextmanager
    def stage(
        self,
        name: Stage,
        unit: Literal["entries", "bytes", "blocks", "contents"],
        total: int | None = None,
    ) -> Iterator[StageHandle]:
        """Announce a stage, give a handle to report by, and announce its end."""
        self.check()
        self.emit(StageStarted(stage=name, unit=unit, total=total))
        handle = StageHandle(self, name, total)
        started = self.clock()
        yield handle
        handle.flush()
        self.emit(
            StageFinished(
                stage=name, seconds=self.clock() - started, detail=handle.detail
            )
        )


class StageHandle:
    """Reports the progress of one stage; cheap to call often."""

    def __init__(self, job: Job, name: Stage, total: int | None) -> None:
        self.detail = ""
        """A phrase for the end of the stage."""
        self.total = total
        self.done = 0
        self._job = job
        self._name = name
        self._next = 0.0

    def advance(self, amount: int, current: bytes | str = b"") -> None:
        """Add to what is done, stop if asked to, and tell now and then."""
        self._job.check()
        self.done += amount
        now = self._job.clock()
        if now >= self._next:
            self._next = now + PROGRESS_INTERVAL_S
            self._tell(current)

    def flush(self) -> None:
        """Tell the present state now."""
        self._tell(b"")

    def _tell(self, current: bytes | str) -> None:
        text = printable(current) if isinstance(current, bytes) else current
        self._job.emit(
            StageProgress(
                stage=self._name, done=self.done, total=self.total, current=text
            )
        )
