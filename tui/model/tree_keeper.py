"""Follows the column files of a scan and arranges what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.sort import SortKey
    from dwarfsmith.tui.model.tree_index import Arrangement, Shape


class TreeKeeper:
    """The tree that a scan in another process writes to a folder.

    `update` may run in a thread, one at a time; entries that have been seen stay
    readable through `tree` meanwhile.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.tree: Tree | None = None
        self._shape: Shape | None = None

    def update(self, key: SortKey, descending: bool) -> Arrangement | None:
        """Look for new entries and arrange all; None while there are none at all.

        Raises:
            InputError: The folder's files are no tree.
        """
        # First use is after the first paint: the arrays' import is not free.
        from dwarfsmith.engine.source.tree import Tree
        from dwarfsmith.tui.model.tree_index import arrange, shape

        if self.tree is None:
            self.tree = Tree.attach(self.folder)
        grown = self.tree.refresh()
        if not len(self.tree):
            return None
        if self._shape is None or grown or len(self._shape) != len(self.tree):
            self._shape = shape(self.tree)
        return arrange(self.tree, self._shape, key, descending)
