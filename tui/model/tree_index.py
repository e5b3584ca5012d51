"""The shape of a tree and an order to show it in, as columns.

A `Shape` is what the rows seen so far say about folders: children, depth, sizes and
counts rolled up. An `Arrangement` adds one sort order: every entry's position in a
pre-order walk of the tree, so that any set of opened folders is a slice or a mask of
it. Both cost a few array passes, whatever the number of entries, and are built off
the screen's thread.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SortKey = Literal["name", "size", "files"]
SORT_KEYS: tuple[SortKey, ...] = ("size", "name", "files")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first `n` entries of a tree say about its folders.

    Attributes:
        parent: i4[n], entry of the containing folder.
        first: i4[n], first child of a folder.
        children: i4[n], how many children are known, 0 for what is no folder.
        depth: i4[n], 0 for the root.
        size: i8[n], bytes of all regular files below and including an entry.
        files: i4[n], how many those are.
        extent: i4[n], entries below and including an entry.
        levels: the entries of each depth, children of one folder side by side.
        folders: the folders with children of each depth, in the order in which
            their children follow in the next level.
    """

    parent: I4
    first: I4
    children: I4
    depth: I4
    size: I8
    files: I4
    extent: I4
    levels: tuple[I4, ...]
    folders: tuple[I4, ...]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.parent)


def shape(tree: Tree) -> Shape:
    """Roll up the entries of `tree` that are there now."""
    n = len(tree)
    parent = np.array(tree.parent[:n], dtype=np.int32)
    first, children = _runs(parent)
    levels, folders = _levels(first, children)
    depth = np.zeros(n, np.int32)
    for number, level in enumerate(levels):
        depth[level] = number
    regular = (np.asarray(tree.mode[:n]) & stat.S_IFMT(0xFFFF)) == stat.S_IFREG
    size = np.where(regular, np.asarray(tree.size[:n]), 0).astype(np.int64)
    files = regular.astype(np.int32)
    extent = np.ones(n, np.int32)
    for column in (size, files, extent):
        _roll_up(column, levels, folders, children)
    return Shape(parent, first, children, depth, size, files, extent, levels, folders)


def _runs(parent: I4) -> tuple[I4, I4]:
    """Return each folder's first child and child count from the parents alone.

    A folder's children are neighbours, so every change of parent starts a family.
    What is still being appended is simply shorter.
    """
    n = len(parent)
    first = np.zeros(n, np.int32)
    children = np.zeros(n, np.int32)
    if n > 1:
        changes = np.flatnonzero(np.diff(parent[1:])) + 2
        starts = np.concatenate(([1], changes))
        owners = parent[starts]
        first[owners] = starts
        children[owners] = np.diff(np.concatenate((starts, [n])))
    return first, children


def _levels(first: I4, children: I4) -> tuple[tuple[I4, ...], tuple[I4, ...]]:
    level = np.zeros(min(1, len(first)), np.int32)
    levels, folders = [], []
    while len(level):
        levels.append(level)
        owners = level[children[level] > 0]
        folders.append(owners)
        level = _ranges(first[owners], children[owners])
    return tuple(levels), tuple(folders)


def _ranges(starts: I4, counts: I4) -> I4:
    """Return `starts[0] … starts[0]+counts[0]-1, starts[1] …` in one array."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    shift = np.repeat(starts - (ends - counts), counts)
    return (np.arange(total) + shift).astype(np.int32)


def _roll_up(
    column: npt.NDArray[np.integer],
    levels: tuple[I4, ...],
    folders: tuple[I4, ...],
    children: I4,
) -> None:
    """Add every entry's value to its folder's, from the deepest level upwards."""
    for number in range(len(levels) - 1, 0, -1):
        owners = folders[number - 1]
        counts = children[owners]
        starts = np.cumsum(counts, dtype=np.int64) - counts
        column[owners] += np.add.reduceat(column[levels[number]], starts)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A pre-order walk of a tree with each folder's children sorted.

    Attributes:
        shape: The tree it is of.
        key: What the children are sorted by.
        descending: Largest (or last) first.
        entries: i4[n], the entry at each position.
        position: i4[n], the position of each entry.
    """

    shape: Shape
    key: SortKey
    descending: bool
    entries: I4
    position: I4


def arrange(
    known: Shape,
    key: SortKey,
    descending: bool,
    rank: npt.NDArray[np.integer] | None = None,
) -> Arrangement:
    """Sort every folder's children and number the entries in walking order.

    Args:
        known: The tree's shape.
        key: What to sort by; folders come first by name.
        descending: Largest (or last) first.
        rank: Each entry's name as a sortable number; decides ties, and the whole
            order by name. Without it, discovery order does.
    """
    n = len(known)
    position = np.zeros(n, np.int32)
    if n > 1:
        order = _sorted_siblings(known, key, descending, rank)
        before = np.cumsum(known.extent[order], dtype=np.int64) - known.extent[order]
        # `order` keeps families together at their first child's number, less the root.
        family = known.first[known.parent[order]] - 1
        offset = np.zeros(n, np.int64)
        offset[order] = before - before[family] + 1
        for level in known.levels[1:]:
            position[level] = position[known.parent[level]] + offset[level]
    entries = np.zeros(n, np.int32)
    entries[position] = np.arange(n, dtype=np.int32)
    return Arrangement(known, key, descending, entries, position)


def _sorted_siblings(
    known: Shape,
    key: SortKey,
    descending: bool,
    rank: npt.NDArray[np.integer] | None,
) -> npt.NDArray[np.intp]:
    """Return entries 1 … n-1, families together, sorted within each family."""
    family = known.first[known.parent[1:]]
    names = None if rank is None else np.asarray(rank[1 : len(known)]).astype(np.int64)
    keys: list[npt.NDArray[np.integer]] = []
    if key == "name":
        if names is not None:
            keys.append(-names if descending else names)
        keys.append(known.children[1:] == 0)
    else:
        if names is not None:
            keys.append(names)
        column = known.size[1:] if key == "size" else known.files[1:]
        keys.append(-column if descending else column)
    return np.lexsort((*keys, family)) + 1
