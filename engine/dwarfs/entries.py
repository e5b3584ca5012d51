"""The directory tree of an image: entries as columns, paths, and the walk.

DwarFS format, "Metadata": directories, directory entries, names. An entry is a name in
a directory; its number is its position among the directory entries, the root's is 0.
Names are checked here once, so that everything else can rely on them being names that
a file can have, in paths of a bearable length.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.metadata import Metadata
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.kernels import names as kernel

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROOT: Final = 0
MAX_NAME_BYTES: Final = 0xFFFF
MAX_PATH_BYTES: Final = 1 << 14
"""No system opens longer paths; nested directories could make any number of them."""
BATCH_BYTES: Final = 1 << 24
"""About how much path text `Entries.path_batches` holds at a time."""


class Entries:
    """The entries of an image; read-only.

    Attributes:
        inode: i8[n], the inode number of each entry.
        parent: i4[n], the entry of the containing directory; the root is its own.
        name_start: i8[n], where each name begins in `text`.
        name_size: u2[n], the bytes of each name; the root's is empty.
        text: u1, the names.
        walk: i4[n], all entries as a walk meets them: a directory before what it
            contains, siblings in the image's order, which is by name.
        path_size: i8[n], the bytes of each path relative to the root.
    """

    def __init__(self, metadata: Metadata) -> None:
        """Take the tree from metadata that is unpacked and checked.

        Raises:
            FormatError: A name cannot be a file name, or a path is too long.
        """
        assert metadata.dir_entries is not None
        self.inode: I8 = metadata.dir_entries.inode_num.astype(np.int64)
        self._first: I8 = metadata.directories.first_entry.astype(np.int64)
        self.parent = self._parents(metadata.directories.self_entry[:-1])
        self._take_names(metadata.names, metadata.dir_entries.name_index)
        depth, self.path_size = self._measure()
        self.walk = _walk(self.parent, depth)

    def __len__(self) -> int:
        return len(self.inode)

    def name(self, entry: int) -> bytes:
        """Return an entry's name; the root's is empty."""
        start = self.name_start[entry]
        return self.text[start : start + self.name_size[entry]].tobytes()

    def path(self, entry: int) -> bytes:
        """Return an entry's path relative to the root; the root's is empty."""
        return self.paths(np.array([entry], np.int32))[0]

    def paths(self, entries: npt.NDArray[np.integer]) -> Strings:
        """Return the paths of many entries, relative to the root."""
        text, offsets = kernel.paths(
            np.ascontiguousarray(entries, np.int32),
            self.parent,
            self.name_start,
            self.name_size,
            self.text,
        )
        return Strings(np.frombuffer(text, np.uint8), np.frombuffer(offsets, np.int64))

    def path_batches(
        self, entries: npt.NDArray[np.integer]
    ) -> Iterator[tuple[npt.NDArray[np.integer], Strings]]:
        """Yield entries and their paths, so many at a time as fit some memory."""
        ends = np.cumsum(self.path_size[entries] + 1)
        start = 0
        while start < len(entries):
            done = ends[start - 1] if start else 0
            stop = int(np.searchsorted(ends, done + BATCH_BYTES, "right"))
            stop = max(stop, start + 1)
            yield entries[start:stop], self.paths(entries[start:stop])
            start = stop

    def children(self, entry: int) -> range:
        """Return the entries in a directory; none if the entry is something else."""
        inode = int(self.inode[entry])
        if inode >= len(self._first) - 1:
            return range(0)
        return range(int(self._first[inode]), int(self._first[inode + 1]))

    def find(self, path: bytes) -> int | None:
        """Return the entry of a path relative to the root, None if there is none."""
        entry = ROOT
        for name in path.split(b"/"):
            if name in (b"", b"."):
                continue
            inside = self.children(entry)
            index = bisect.bisect_left(inside, name, key=self.name)
            if index == len(inside) or self.name(inside[index]) != name:
                return None
            entry = inside[index]
        return entry

    # Checks

    def _parents(self, self_entry: npt.NDArray[np.uint32]) -> I4:
        """Return each entry's directory, which is the one whose range it lies in."""
        parent = np.zeros(len(self), np.int32)
        parent[1:] = np.repeat(self_entry, np.diff(self._first))
        return parent

    def _take_names(self, names: Strings, index: npt.NDArray[np.uint32]) -> None:
        """Set the name columns, and check the names that are used."""
        used = index[1:].astype(np.int64)
        bad = _impossible_names(names)[used]
        if bad.any():
            entry = int(np.argmax(bad))
            name = names[int(used[entry])]
            raise FormatError(
                f"expected a file name, found '{printable(name[:64])}', "
                f"at directory entry {entry + 1}"
            )
        self.text = np.ascontiguousarray(names.text)
        self.name_start = np.zeros(len(self), np.int64)
        self.name_start[1:] = names.offsets[:-1][used]
        self.name_size = np.zeros(len(self), np.uint16)
        self.name_size[1:] = names.sizes[used]

    def _measure(self) -> tuple[I8, I8]:
        """Return each entry's depth and path size.

        Each round doubles how far up `ancestor` looks, so that even a long chain of
        directories takes few.
        """
        ancestor = self.parent
        depth = np.ones(len(self), np.int64)
        depth[ROOT] = 0
        size = self.name_size.astype(np.int64)
        size[1:] += self.parent[1:] != ROOT
        while ancestor.any():
            depth += depth[ancestor]
            size += size[ancestor]
            ancestor = ancestor[ancestor]
        if size.max() > MAX_PATH_BYTES:
            raise FormatError(
                f"expected paths of at most {MAX_PATH_BYTES} bytes, found "
                f"{size.max()}, at directory entry {int(np.argmax(size))}"
            )
        return depth, size


def _impossible_names(names: Strings) -> Mask:
    """Return which names no file can have: empty, too long, `.`, `..`, `/` or NUL."""
    size, start = names.sizes, names.offsets[:-1]
    bad: Mask = (size == 0) | (size > MAX_NAME_BYTES)
    for dots in (1, 2):
        short = np.flatnonzero(size == dots)
        is_dots = np.ones(len(short), np.bool_)
        for place in range(dots):
            is_dots &= names.text[start[short] + place] == ord(".")
        bad[short[is_dots]] = True
    places = np.flatnonzero((names.text == ord("/")) | (names.text == 0))
    bad[np.searchsorted(names.offsets, places, "right") - 1] = True
    return bad


def _walk(parent: I4, depth: I8) -> I4:
    """Return all entries depth first, siblings in rising order."""
    # The kernel wants parents before children, which sorting by depth gives.
    order = np.argsort(depth, kind="stable").astype(np.int32)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    position = np.empty(len(order), np.int32)
    kernel.preorder(
        place[parent[order]], np.arange(len(order), dtype=np.int32), position
    )
    walk = np.empty(len(order), np.int32)
    walk[position] = order
    return walk
