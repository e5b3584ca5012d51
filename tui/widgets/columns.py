"""Which columns the tree table has at a given width."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

ColumnName = Literal["name", "size", "share", "percent", "files"]

SIZE_CELLS = 9
PERCENT_CELLS = 7
FILES_CELLS = 11
GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the tree table: where it starts and how wide it is."""

    name: ColumnName
    start: int
    cells: int

    @property
    def stop(self) -> int:
        """The first cell after it."""
        return self.start + self.cells


@lru_cache(32)
def columns(width: int) -> tuple[Column, ...]:
    """Return the columns that fit `width` cells; the name takes what is left."""
    bar = 8 if width < 76 else 12 if width < 110 else 16
    wanted: list[tuple[ColumnName, int]] = [("size", SIZE_CELLS)]
    if width >= 54:
        wanted.append(("share", bar))
    if width >= 62:
        wanted.append(("files", FILES_CELLS))
    if width >= 70:
        wanted.insert(2, ("percent", PERCENT_CELLS))
    taken = sum(cells + GAP for _, cells in wanted)
    found = [Column("name", 0, max(width - taken - 1, 1))]
    for name, cells in wanted:
        found.append(Column(name, found[-1].stop + GAP, cells))
    return tuple(found)
