"""What a running job tells: frozen records, to and from one JSON line each.

A job in the worker process writes these to its standard output, one JSON object
per line, tagged by `type`. `StageProgress`, `BlockDone` and `Gauges` supersede
earlier ones and are sent at most ten times a second per stage; everything else is
rare and never dropped. Paths are bytes on disk: events carry a printable `path`
and, when that is lossy, the exact bytes as `path_b64` (base64, as in `Problem`).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Stage = Literal[
    "scan", "identify", "order", "segment", "compress", "metadata", "verify", "extract"
]
STAGES: tuple[Stage, ...] = (
    "scan",
    "identify",
    "order",
    "segment",
    "compress",
    "metadata",
    "verify",
)


class Event(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Base of all events."""


class JobStarted(Event, frozen=True, tag="job-started"):
    """The first event of every job."""

    job: Literal["scan", "build", "verify", "extract"]
    pid: int


class StageStarted(Event, frozen=True, tag="stage-started"):
    """A stage began; `total` is in `unit`, None while unknown."""

    stage: Stage
    unit: Literal["entries", "bytes", "blocks", "contents"]
    total: int | None = None


class StageProgress(Event, frozen=True, tag="stage-progress"):
    """How far a stage is; `total` is None while unknown."""

    stage: Stage
    done: int
    total: int | None = None
    current: str = ""
    """What is being worked on, printable."""


class StageFinished(Event, frozen=True, tag="stage-finished"):
    """A stage ended; `detail` says in a phrase what it found."""

    stage: Stage
    seconds: float
    detail: str = ""


class ScanProgress(Event, frozen=True, tag="scan-progress"):
    """What the walk has found so far; rows below `entries` can be read."""

    entries: int
    directories: int
    files: int
    links: int
    others: int
    size_bytes: int


class Scanned(Event, frozen=True, tag="scanned"):
    """The walk is complete; `columns` is the folder of column files, if any."""

    entries: int
    directories: int
    files: int
    links: int
    others: int
    size_bytes: int
    seconds: float
    columns: str | None = None


class Identified(Event, frozen=True, tag="identified"):
    """Duplicates are known."""

    contents: int
    duplicate_files: int
    duplicate_bytes: int
    hard_links: int
    hard_link_bytes: int
    hashed_files: int
    hashed_bytes: int


class BlockDone(Event, frozen=True, tag="block-done"):
    """A block has been written; sizes in bytes, `codec` as stored."""

    number: int
    full_bytes: int
    stored_bytes: int
    codec: str
    seconds: float
    worker: int


class Gauges(Event, frozen=True, tag="gauges"):
    """A sample of the running totals, bytes since the start unless named else."""

    seconds: float
    read_bytes: int
    segmented_bytes: int
    matched_bytes: int
    compressed_bytes: int
    """Uncompressed size of all blocks that are done."""
    written_bytes: int
    blocks_done: int
    blocks_total: int | None
    in_flight_bytes: int
    limit_bytes: int
    resident_bytes: int
    busy_workers: int
    workers: int
    bottleneck: str = ""
    """The stage the others wait for, empty while unknown."""


class Problem(Event, frozen=True, tag="problem"):
    """Something about one entry went wrong; the job goes on."""

    message: str
    path: str = ""
    path_b64: str | None = None


class LogLine(Event, frozen=True, tag="log"):
    """A line of narration."""

    level: Literal["error", "warn", "info", "verbose", "debug", "trace"]
    message: str


class Built(Event, frozen=True, tag="built"):
    """The image is in place under its final name."""

    output: str
    image_bytes: int
    input_bytes: int
    blocks: int
    block_bytes: int
    """Compressed."""
    metadata_bytes: int
    """Compressed, with its schema."""
    chunks: int
    inodes: int
    problems: int
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    verified: bool
    digest: str = ""
    """SHA-256 of the image, hexadecimal, where it was computed."""


class Verified(Event, frozen=True, tag="verified"):
    """An image was read back and every section and entry agreed."""

    sections: int
    entries: int
    seconds: float


class Failed(Event, frozen=True, tag="failed"):
    """The last event of a job that did not succeed."""

    message: str
    exit_code: int


class Finished(Event, frozen=True, tag="finished"):
    """The last event of a job that did its work; 2 if problems were counted."""

    exit_code: int


AnyEvent: TypeAlias = (
    JobStarted
    | StageStarted
    | StageProgress
    | StageFinished
    | ScanProgress
    | Scanned
    | Identified
    | BlockDone
    | Gauges
    | Problem
    | LogLine
    | Built
    | Verified
    | Failed
    | Finished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def to_line(event: Event) -> bytes:
    """Return `event` as one JSON line, newline included."""
    return _encoder.encode(event) + b"\n"


def from_line(line: bytes | str) -> AnyEvent:
    """Parse one JSON line.

    Raises:
        msgspec.DecodeError: The line is no event of this release.
    """
    return _decoder.decode(line)


def printable(path: bytes) -> str:
    """Return `path` for display: control and undecodable bytes as escapes."""
    text = path.decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable()
        else f"\\x{ord(char) - 0xDC00:02x}"
        if 0xDC80 <= ord(char) <= 0xDCFF
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
