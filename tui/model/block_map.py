"""The blocks of an image being made, as one cell for each or for several."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Literal

State = Literal["done", "unmeasured", "pending", "waiting"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the map; `ratio` is stored by full size, where `done`."""

    state: State
    ratio: float = 0.0

    @property
    def level(self) -> int:
        """The ratio in eighths: 0 packs best, 7 worst."""
        return min(7, int(self.ratio * 8))


class BlockSizes:
    """What is known of each block: its size before and after compression."""

    def __init__(self) -> None:
        self._full = array("q")
        self._stored = array("q")
        self.full_bytes = 0
        """Of all blocks added."""
        self.stored_bytes = 0
        """The same after compression."""

    def __len__(self) -> int:
        """Return one more than the highest block number seen."""
        return len(self._full)

    def add(self, number: int, full_bytes: int, stored_bytes: int) -> None:
        """Note a finished block; numbers may be missing and come in any order."""
        missing = number + 1 - len(self._full)
        if missing > 0:
            self._full.extend([0] * missing)
            self._stored.extend([0] * missing)
        self.full_bytes += full_bytes - self._full[number]
        self.stored_bytes += stored_bytes - self._stored[number]
        self._full[number] = full_bytes
        self._stored[number] = stored_bytes

    def ratio(self, start: int, stop: int) -> float | None:
        """Return stored by full bytes of a range, None where nothing is known."""
        full = sum(self._full[start:stop])
        return sum(self._stored[start:stop]) / full if full else None


def cells(
    sizes: BlockSizes, done: int, busy: int, total: int | None, room: int
) -> list[Cell]:
    """Return at most `room` cells for the blocks of an image.

    Args:
        sizes: The blocks whose sizes are known.
        done: How many blocks are finished.
        busy: How many are being compressed now.
        total: How many there will be, None while unknown.
        room: Cells that can be drawn.
    """
    done = max(done, len(sizes))
    count = max(total or 0, done + busy)
    if not count or room <= 0:
        return []
    each = -(-count // room)
    return [
        _cell(sizes, start, min(start + each, count), done, busy)
        for start in range(0, count, each)
    ]


def _cell(sizes: BlockSizes, start: int, stop: int, done: int, busy: int) -> Cell:
    if start >= done + busy:
        return Cell("waiting")
    if stop > done:
        return Cell("pending")
    ratio = sizes.ratio(start, stop)
    if ratio is None:
        return Cell("unmeasured")
    return Cell("done", min(ratio, 1.0))
