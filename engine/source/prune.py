"""Trees without some of their entries."""

from __future__ import annotations

import numpy as np

from dwarfsmith.engine.source.tree import ROW, Mask, Tree


def without_empty_directories(tree: Tree) -> Tree:
    """Return the tree without directories that lead to nothing.

    A directory that contains only such directories goes as well; the root stays.
    """
    full: Mask = tree.rollup(~tree.is_directory) > 0
    full[:1] = True
    return tree if full.all() else select(tree, full)


def select(tree: Tree, keep: Mask) -> Tree:
    """Return a tree of the entries in `keep`, in their order.

    Its columns are kept where those of `tree` are, and replace them there.

    Args:
        tree: A complete tree.
        keep: bool[n]; the root is kept, and with each entry its directory.
    """
    kept = np.flatnonzero(keep)
    number = np.cumsum(keep, dtype=np.int32) - 1
    rows = np.empty(len(kept), ROW)
    for name in ROW.names or ():
        rows[name] = getattr(tree, name)[kept]
    rows["parent"] = parent = number[rows["parent"]]
    rows["child_count"] = np.bincount(parent[1:], minlength=len(kept))
    rows["first_child"] = 0
    # Backwards, so that the first child of each directory is written last.
    rows["first_child"][parent[:0:-1]] = np.arange(len(kept) - 1, 0, -1)
    listed = tree.listed
    text = tree.text
    selected = Tree.create(tree.root, tree.folder)
    selected.append(rows, text.data)
    if listed is not None:
        selected.listed = listed[kept]
    return selected
