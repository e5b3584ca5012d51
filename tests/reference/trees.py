"""Trees without files behind them, and files without a walk."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Mapping

import numpy as np

from dwarfsmith.engine.source.tree import LISTING, ROW, Tree

Folder = Mapping[bytes, "Folder | bytes"]


def make_tree(root: Folder, tree: Tree | None = None) -> Tree:
    """Build a tree as the walk would: one level of a directory at a time."""
    tree = Tree(b"/none") if tree is None else tree
    tree.append(_row(0, b"", stat.S_IFDIR | 0o755, 0), b"")
    pending: list[tuple[int, Folder]] = [(0, root)]
    while pending:
        directory, folder = pending.pop(0)
        first = len(tree)
        inside = []
        for name, item in folder.items():
            if isinstance(item, bytes):
                row = _row(directory, name, stat.S_IFREG | 0o644, len(item))
            else:
                row = _row(directory, name, stat.S_IFDIR | 0o755, 0)
                inside.append((len(tree), item))
            tree.append(row, name)
        listing = np.array([(directory, first, len(folder))], LISTING)
        tree.append(np.empty(0, ROW), b"", listing)
        pending[:0] = inside
    return tree


def make_files(folder: bytes, root: Folder) -> None:
    """Write the files of a tree below an existing folder."""
    for name, item in root.items():
        path = os.path.join(folder, name)
        if isinstance(item, bytes):
            with open(path, "wb") as file:
                file.write(item)
        else:
            os.mkdir(path)
            make_files(path, item)


def paths_in(root: bytes, below: bytes = b"") -> Iterator[bytes]:
    """All paths below a folder, relative to it, as the system lists them."""
    for name in os.listdir(os.path.join(root, below)):
        path = os.path.join(below, name)
        yield path
        full = os.path.join(root, path)
        if os.path.isdir(full) and not os.path.islink(full):
            yield from paths_in(root, path)


def all_paths(tree: Tree) -> list[bytes]:
    """The path of every entry, by the kernel."""
    blob, offsets = tree.paths(np.arange(len(tree), dtype=np.int32))
    data = blob.tobytes()
    return [data[a:b] for a, b in itertools.pairwise(offsets)]


def entry_of(tree: Tree, path: bytes) -> int:
    """The entry with a path."""
    return all_paths(tree).index(path)


def _row(parent: int, name: bytes, mode: int, size: int) -> np.ndarray:
    row = np.zeros(1, ROW)
    row["parent"] = parent
    row["name_size"] = len(name)
    row["mode"] = mode
    row["size"] = size
    row["nlink"] = 1
    return row
