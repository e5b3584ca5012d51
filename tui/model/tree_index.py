"""The shape of a tree and an order to show it in, as columns.

A `Shape` rolls up what the rows seen so far say about folders. An `Arrangement` adds
one sort order: every entry's position in a pre-order walk, so that any set of opened
folders is a mask of one array. Both cost a few passes over the columns, whatever the
number of entries, and are made off the screen's thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dwarfsmith.tui.model.sort import SortKey

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import NameTable, Tree

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first `n` entries of a tree say about its folders.

    Attributes:
        parent: i4[n], entry of the containing folder.
        children: i4[n], how many children are known; 0 for what is no folder.
        size: i8[n], bytes of all regular files below and including an entry.
        files: i8[n], how many those are.
        extent: i8[n], entries below and including an entry.
    """

    parent: I4
    children: I4
    size: I8
    files: I8
    extent: I8

    def __len__(self) -> int:
        return len(self.parent)


def shape(tree: Tree) -> Shape:
    """Roll up the entries of `tree` that are there now."""
    # Rows of children can be listed before they are visible.
    visible = len(tree) - tree.first_child
    regular = tree.is_regular
    return Shape(
        parent=tree.parent,
        children=np.clip(tree.child_count, 0, np.maximum(visible, 0)),
        size=tree.rollup(np.where(regular, tree.size, 0)),
        files=tree.rollup(regular),
        extent=tree.rollup(np.ones(len(tree))),
    )


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A pre-order walk of a tree with each folder's children sorted.

    Attributes:
        shape: The tree it is of.
        key: What the children are sorted by.
        descending: Largest (or last) first.
        entries: i4[n], the entry at each position.
        position: i4[n], the position of each entry.
        names: The distinct names of these entries.
    """

    shape: Shape
    key: SortKey
    descending: bool
    entries: I4
    position: I4
    names: NameTable


def arrange(tree: Tree, known: Shape, key: SortKey, descending: bool) -> Arrangement:
    """Sort every folder's children and number the entries in walking order.

    Equal sizes and counts are in the order of names; by name, folders come first.
    """
    names = tree.name_table()
    if key == "name":
        rank = np.maximum(names.rank, 0)
        count = int(rank.max(initial=0)) + 1
        if descending:
            rank = count - 1 - rank
        rank = np.where(tree.is_directory, rank, rank + count)
    else:
        column = known.size if key == "size" else known.files
        order = np.lexsort((names.rank, -column if descending else column))
        rank = np.empty(len(known), np.int32)
        rank[order] = np.arange(len(known), dtype=np.int32)
    position = tree.preorder(rank)
    entries = np.empty(len(known), np.int32)
    entries[position] = np.arange(len(known), dtype=np.int32)
    return Arrangement(known, key, descending, entries, position, names)
