"""Finding entries by a piece of their name, in one pass over all names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dwarfsmith.tui.model.tree_index import I4, Arrangement, Bools

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import NameTable


def matches(names: NameTable, wanted: bytes) -> Bools:
    """Return which distinct names contain `wanted`.

    Letters match either case unless `wanted` has a capital letter.
    """
    hits = np.zeros(len(names.offsets) - 1, np.bool_)
    text = np.asarray(names.text)
    if wanted and len(text) >= len(wanted):
        places = _places(text, wanted, exact=wanted != wanted.lower())
        owner = np.searchsorted(names.offsets, places, side="right") - 1
        inside = places + len(wanted) <= np.asarray(names.offsets)[owner + 1]
        hits[owner[inside]] = True
    return hits


def _places(
    text: npt.NDArray[np.uint8], wanted: bytes, exact: bool
) -> npt.NDArray[np.intp]:
    """Return every offset of `wanted` in `text`."""
    starts = len(text) - len(wanted) + 1
    places = np.flatnonzero(_same(text[:starts], wanted[0], exact))
    for number in range(1, len(wanted)):
        places = places[_same(text[places + number], wanted[number], exact)]
    return places


def _same(text: npt.NDArray[np.uint8], byte: int, exact: bool) -> Bools:
    found: Bools = text == byte
    other = bytes([byte]).upper()[0]
    return found if exact or other == byte else found | (text == other)


class Found:
    """The entries that match, in the order in which they are shown."""

    def __init__(self, arrangement: Arrangement, wanted: bytes) -> None:
        hits = matches(arrangement.names, wanted)
        # The root has no name and therefore no rank.
        chosen = np.flatnonzero(hits[arrangement.names.rank[1:]]) + 1
        self.wanted = wanted
        self._entries = arrangement.entries
        self._positions: I4 = np.sort(arrangement.position[chosen])

    def __len__(self) -> int:
        """Return how many entries match."""
        return len(self._positions)

    def number(self, position: int) -> int | None:
        """Return which match is at `position`, counted from 1."""
        place = int(np.searchsorted(self._positions, position))
        if place < len(self) and self._positions[place] == position:
            return place + 1
        return None

    def next(self, position: int) -> int:
        """Return the first matching entry after `position`, from the top if none."""
        place = int(np.searchsorted(self._positions, position, side="right"))
        return int(self._entries[self._positions[place % len(self)]])

    def previous(self, position: int) -> int:
        """Return the last matching entry before `position`, from the end if none."""
        place = int(np.searchsorted(self._positions, position)) - 1
        return int(self._entries[self._positions[place]])

    def at_or_after(self, position: int) -> int:
        """Return the first matching entry from `position` on."""
        return self.next(position - 1)
