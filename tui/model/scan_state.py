"""A running or finished scan, as its events tell it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from dwarfsmith.engine.events import (
    AnyEvent,
    Failed,
    Finished,
    Problem,
    Scanned,
    ScanProgress,
)
from dwarfsmith.tui.model.build_state import MOST_LINES, Line


@dataclass
class ScanState:
    """Takes the events of one scan in and keeps what the screens need."""

    status: Literal["idle", "running", "done", "failed"] = "idle"
    counts: ScanProgress | Scanned | None = None
    problems: int = 0
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    failure: Failed | None = None

    @property
    def active(self) -> bool:
        """Whether the worker is running."""
        return self.status == "running"

    def apply(self, event: AnyEvent) -> None:
        """Take one event in."""
        match event:
            case ScanProgress() | Scanned():
                self.counts = event
            case Problem(message=message, path=path):
                self.problems += 1
                self.lines.append(Line("problem", message, path))
            case Failed():
                self.failure = event
                self.status = "failed"
            case Finished():
                self.status = "done"
