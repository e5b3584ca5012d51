"""Which entries of a tree are on show: opened folders, the cursor, the way around."""

from __future__ import annotations

import numpy as np

from dwarfsmith.tui.model.tree_index import I4, Arrangement, Bools


class TreeRows:
    """The visible rows of an arranged tree; the root itself has no row.

    Rows are positions of the arrangement in ascending order. Opening and closing a
    folder costs no more than its contents; a new arrangement keeps what is open.
    """

    def __init__(self, arrangement: Arrangement) -> None:
        self._open: Bools = np.zeros(0, np.bool_)
        self.adopt(arrangement)

    def adopt(self, arrangement: Arrangement) -> None:
        """Show another arrangement: more entries, or another order."""
        grown = np.zeros(len(arrangement.shape), np.bool_)
        grown[: len(self._open)] = self._open[: len(grown)]
        grown[:1] = True
        self._open = grown
        self.arrangement = arrangement
        self._rows = self._visible(0)

    def __len__(self) -> int:
        """Return how many rows are visible."""
        return len(self._rows)

    def entry(self, row: int) -> int:
        """Return the entry in a row."""
        return int(self.arrangement.entries[self._rows[row]])

    def row(self, entry: int) -> int:
        """Return the row of `entry`, or of the closed folder that hides it."""
        while entry:
            position = self.arrangement.position[entry]
            row = int(np.searchsorted(self._rows, position))
            if row < len(self._rows) and self._rows[row] == position:
                return row
            entry = int(self.arrangement.shape.parent[entry])
        return 0

    def is_folder(self, entry: int) -> bool:
        """Return whether an entry can be opened."""
        return bool(self.arrangement.shape.children[entry] > 0)

    def is_open(self, entry: int) -> bool:
        """Return whether a folder's children are shown with it."""
        return bool(self._open[entry])

    def set_open(self, entry: int, opened: bool) -> None:
        """Open or close one folder."""
        if self.is_folder(entry) and self.is_open(entry) != opened:
            self._open[entry] = opened
            self._resplice(entry)

    def set_open_below(self, entry: int, opened: bool) -> None:
        """Open or close a folder and every folder below it."""
        where = self._slice(entry)
        self._open[self.arrangement.entries[where]] = opened
        self._open[:1] = True
        self._resplice(entry)

    @property
    def opened(self) -> Bools:
        """Which entries are open, a copy to `reopen` later."""
        return self._open.copy()

    def reopen(self, opened: Bools) -> None:
        """Open what was open then, and nothing else."""
        self._open[:] = False
        self._open[: len(opened)] = opened
        self._open[:1] = True
        self._rows = self._visible(0)

    def reveal(self, entry: int) -> None:
        """Open every folder above `entry`."""
        parent = self.arrangement.shape.parent
        above = int(parent[entry])
        closed = 0
        while above:
            if not self._open[above]:
                self._open[above] = True
                closed = above
            above = int(parent[above])
        if closed:
            self._resplice(closed)

    def _slice(self, entry: int) -> slice:
        start = int(self.arrangement.position[entry])
        return slice(start, start + int(self.arrangement.shape.extent[entry]))

    def _visible(self, entry: int) -> I4:
        """Return the positions on show below `entry`, as if it were visible."""
        where = self._slice(entry)
        entries = self.arrangement.entries[where]
        known = self.arrangement.shape
        closed = np.flatnonzero((known.children[entries] > 0) & ~self._open[entries])
        # +1 where a closed folder's contents begin, -1 where they end: what lies
        # under a positive sum is hidden.
        depth = np.zeros(len(entries) + 1, np.int32)
        depth[closed + 1] = 1
        ends = closed + known.extent[entries[closed]]
        np.subtract.at(depth, ends, 1)
        shown = np.flatnonzero(np.cumsum(depth[:-1]) == 0)
        rows: I4 = (shown[1:] + where.start).astype(np.int32)
        return rows

    def _resplice(self, entry: int) -> None:
        """Replace the rows below `entry` by what is visible there now."""
        if entry == 0:
            self._rows = self._visible(0)
            return
        where = self._slice(entry)
        row = int(np.searchsorted(self._rows, where.start))
        if row == len(self._rows) or self._rows[row] != where.start:
            return  # it is hidden itself
        after = int(np.searchsorted(self._rows, where.stop))
        self._rows = np.concatenate(
            (self._rows[: row + 1], self._visible(entry), self._rows[after:])
        )
