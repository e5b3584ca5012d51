"""A running or finished build, as its events tell it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from dwarfsmith.engine.errors import CancelledError
from dwarfsmith.engine.events import (
    STAGES,
    AnyEvent,
    BlockDone,
    Built,
    Failed,
    Finished,
    Gauges,
    Identified,
    LogLine,
    Problem,
    Scanned,
    ScanProgress,
    Stage,
    StageFinished,
    StageProgress,
    StageStarted,
    Verified,
)
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.model.block_map import BlockSizes
from dwarfsmith.tui.model.eta import Eta
from dwarfsmith.tui.model.rates import Rates

Status = Literal["idle", "running", "cancelling", "done", "failed", "cancelled"]

CANCELLED = CancelledError.exit_code
STALE_S = 3.0
"""Samples come several times a second; one this old says nothing of now."""
MOST_LINES = 2000
"""Problems and log lines kept for the screen; all problems are counted."""


@dataclass(slots=True)
class StageView:
    """How far one stage is; `total` is None while unknown."""

    status: Literal["waiting", "running", "done"] = "waiting"
    unit: str = ""
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    detail: str = ""
    current: str = ""
    estimate: float | None = None
    """The part that is done where there is a better way to tell than by `done`."""

    @property
    def fraction(self) -> float | None:
        """The part that is done, None while that cannot be said."""
        if self.status == "done":
            return 1.0
        if self.estimate is not None:
            return self.estimate
        return self.done / self.total if self.total else None


@dataclass(slots=True)
class Lane:
    """What one worker has done; `last` is its newest block."""

    blocks: int = 0
    full_bytes: int = 0
    last: BlockDone | None = None


@dataclass(slots=True)
class Line:
    """A problem or a line of narration, for the list on screen."""

    level: str
    message: str
    path: str = ""


@dataclass
class BuildState:
    """Takes the events of one build in and keeps what the screens need."""

    plan: BuildPlan | None = None
    clock: Callable[[], float] = time.monotonic
    status: Status = "idle"
    started: float = 0.0
    ended: float | None = None
    stages: dict[Stage, StageView] = field(default_factory=dict)
    scan: ScanProgress | Scanned | None = None
    identified: Identified | None = None
    gauges: Gauges | None = None
    gauged: float = 0.0
    """When that sample arrived."""
    rates: Rates = field(default_factory=Rates)
    blocks: BlockSizes = field(default_factory=BlockSizes)
    lanes: dict[int, Lane] = field(default_factory=dict)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    problems: int = 0
    eta: Eta = field(default_factory=Eta)
    built: Built | None = None
    verified: Verified | None = None
    verifying: bool = False
    """The finished image is being read back on request."""
    verify_failure: Failed | None = None
    failure: Failed | None = None
    _fraction: float = 0.0

    def begin(self, plan: BuildPlan) -> None:
        """Mark the start: the worker is being launched."""
        self.plan = plan
        self.status = "running"
        self.started = self.clock()
        self.stages = {stage: StageView() for stage in STAGES}
        if not plan.verify:
            del self.stages["verify"]

    def begin_verify(self) -> None:
        """Mark that the finished image is being read back."""
        self.verifying = True
        self.verified = self.verify_failure = None
        self.stages["verify"] = StageView()

    def end_verify(self, event: Finished | Failed) -> None:
        """Take the end of reading back in."""
        self.verifying = False
        if isinstance(event, Failed) and event.exit_code != CANCELLED:
            self.verify_failure = event

    @property
    def active(self) -> bool:
        """Whether a worker is running."""
        return self.verifying or self.status in ("running", "cancelling")

    @property
    def elapsed(self) -> float:
        """Seconds since the start, up to the end."""
        if self.status == "idle":
            return 0.0
        return (self.clock() if self.ended is None else self.ended) - self.started

    def apply(self, event: AnyEvent) -> None:
        """Take one event in."""
        match event:
            case StageStarted() | StageProgress() | StageFinished():
                self._apply_stage(event)
            case ScanProgress() | Scanned():
                self.scan = event
            case Identified():
                self.identified = event
            case Gauges():
                self._apply_gauges(event)
            case BlockDone():
                self._apply_block(event)
            case Problem(message=message, path=path):
                self.problems += 1
                self.lines.append(Line("problem", message, path))
            case LogLine(level=level, message=message):
                self.lines.append(Line(level, message))
            case Built():
                self.built = event
            case Verified():
                self.verified = event
            case Failed():
                self.failure = event
                self._end("cancelled" if event.exit_code == CANCELLED else "failed")
            case Finished():
                self._end("done")

    def _end(self, status: Status) -> None:
        self.status = status
        self.ended = self.clock()

    def _apply_stage(self, event: StageStarted | StageProgress | StageFinished) -> None:
        view = self.stages.setdefault(event.stage, StageView())
        match event:
            case StageStarted():
                view.status, view.unit, view.total = "running", event.unit, event.total
            case StageProgress():
                view.done, view.current = event.done, event.current
                view.total = event.total if event.total is not None else view.total
            case StageFinished():
                view.status, view.detail = "done", event.detail
                view.seconds = event.seconds

    def _apply_gauges(self, event: Gauges) -> None:
        self.gauges = event
        self.gauged = self.clock()
        self.rates.add(event, self.ratio)
        self._estimate()
        compress = self.stages.get("compress")
        if compress is not None and compress.total is None:
            compress.total = event.blocks_total

    def _apply_block(self, event: BlockDone) -> None:
        self.blocks.add(event.number, event.full_bytes, event.stored_bytes)
        lane = self.lanes.setdefault(event.worker, Lane())
        lane.blocks += 1
        lane.full_bytes += event.full_bytes
        lane.last = event
        self._estimate()

    def _estimate(self) -> None:
        self.eta.update(self.clock(), self.blocks.full_bytes, self._to_compress())
        if (compress := self.stages.get("compress")) is not None:
            # By bytes, because the last blocks and their number come late.
            compress.estimate = self.fraction

    def _to_compress(self) -> float | None:
        """Return the bytes all blocks will hold, guessed from what was cut so far."""
        segment = self.stages.get("segment")
        gauges = self.gauges
        if gauges is None or segment is None:
            return None
        cut = gauges.segmented_bytes - gauges.matched_bytes
        if segment.status == "done":
            return cut
        total = segment.total if segment.unit == "bytes" else None
        if not total or not gauges.segmented_bytes:
            return None
        return cut * max(total / gauges.segmented_bytes, 1.0)

    @property
    def fraction(self) -> float | None:
        """The part that is compressed; never runs backwards; None while unknown."""
        if self.status == "done":
            return 1.0
        total = self._to_compress()
        if not total or not self.blocks.full_bytes:
            return None
        self._fraction = max(self._fraction, min(self.blocks.full_bytes / total, 1.0))
        return self._fraction

    @property
    def seconds_left(self) -> tuple[float, float] | None:
        """Soonest and latest end of compressing, None while that means nothing."""
        if self.status != "running":
            return None
        compress = self.stages.get("compress")
        if compress is not None and compress.status == "done":
            return None
        return self.eta.range(self.clock())

    @property
    def present(self) -> Gauges | None:
        """The newest sample, None once it is too old to speak for the present."""
        if self.gauges is None or self.clock() - self.gauged > STALE_S:
            return None
        return self.gauges

    @property
    def ratio(self) -> float | None:
        """Stored by full size of the blocks so far, None before the first."""
        blocks = self.blocks
        return blocks.stored_bytes / blocks.full_bytes if blocks.full_bytes else None
