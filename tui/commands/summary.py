"""The running totals of a build, as the six lines mkdwarfs users know."""

from __future__ import annotations

from dataclasses import dataclass, field

from dwarfsmith.engine.events import (
    BlockDone,
    Built,
    Event,
    Gauges,
    Identified,
    Scanned,
    ScanProgress,
    StageFinished,
    StageProgress,
    StageStarted,
)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size(count: float) -> str:
    """Return a number of bytes with four significant digits and its unit."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1024
    if unit == "B":
        return f"{value:.0f} B"
    return f"{value:.4g} {unit}"


def duration(seconds: float) -> str:
    """Return a time span with four significant digits and its unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.4g}{unit}"
    return f"{seconds * 1e9:.0f}ns"


@dataclass(slots=True)
class StageState:
    """How far one stage is."""

    total: int | None = None
    done: int = 0
    seconds: float = 0.0
    current: str = ""
    finished: bool = False


@dataclass(slots=True)
class BuildState:
    """What the events of a build have told so far."""

    scan: ScanProgress | Scanned | None = None
    identified: Identified | None = None
    gauges: Gauges | None = None
    built: Built | None = None
    stages: dict[str, StageState] = field(default_factory=dict)
    stage: str = ""
    blocks_done: int = 0
    stored_bytes: int = 0
    _fraction: float = 0.0

    def update(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case ScanProgress() | Scanned():
                self.scan = event
            case Identified():
                self.identified = event
            case Gauges():
                self.gauges = event
            case Built():
                self.built = event
            case BlockDone():
                self.blocks_done += 1
                self.stored_bytes += event.stored_bytes
            case StageStarted():
                self.stage = event.stage
                self.stages[event.stage] = StageState(event.total)
            case StageProgress():
                state = self.stages.setdefault(event.stage, StageState())
                state.done, state.total = event.done, event.total
                state.current = event.current or state.current
            case StageFinished():
                state = self.stages.setdefault(event.stage, StageState())
                state.seconds, state.finished = event.seconds, True
            case _:
                pass

    @property
    def fraction(self) -> float:
        """Share of the work that is done, from 0 to 1; never falls."""
        gauges, segment = self.gauges, self.stages.get("segment")
        if self.built is not None:
            self._fraction = 1.0
        elif gauges is not None and segment is not None:
            cut = segment.done / segment.total if segment.total else 1.0
            blocks = gauges.blocks_total
            packed = gauges.blocks_done / blocks if blocks else 0.0
            self._fraction = max(self._fraction, (cut + packed) / 2)
        return self._fraction

    def lines(self) -> list[str]:
        """Return the summary."""
        scan, known, gauges = self.scan, self.identified, self.gauges
        segment = self.stages.get("segment", StageState())
        scanned = self.stages.get("order", StageState())
        rate = scanned.done / scanned.seconds if scanned.seconds else 0.0
        links = known.hard_links if known else 0
        matched = gauges.matched_bytes if gauges else 0
        built = self.built
        chunks = built.chunks if built else 0
        inodes = built.inodes if built else 0
        fragments = known.contents if known else 0
        return [
            f"{scan.directories if scan else 0} dirs, {scan.links if scan else 0}/"
            f"{links} soft/hard links, {scan.files if scan else 0} files, "
            f"{scan.others if scan else 0} other",
            f"original size: {size(scan.size_bytes if scan else 0)}, hashed: "
            f"{size(known.hashed_bytes if known else 0)} "
            f"({known.hashed_files if known else 0} files)",
            f"scanned: {size(scanned.done)} ({size(rate)}/s)",
            "saved by deduplication: "
            f"{size(known.duplicate_bytes if known else 0)} "
            f"({known.duplicate_files if known else 0} files), "
            f"saved by segmenting: {size(matched)}",
            f"filesystem: {size(segment.done - matched)} in "
            f"{gauges.blocks_total or gauges.blocks_done if gauges else 0} blocks "
            f"({chunks} chunks, {fragments} fragments, {inodes} inodes)",
            f"compressed filesystem: {self.blocks_done} blocks/"
            f"{size(built.image_bytes if built else self.stored_bytes)} written",
        ]
