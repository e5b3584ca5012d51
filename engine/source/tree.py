"""The tree: every entry of the input as one row of numpy columns.

Entry 0 is the root. A directory's children are contiguous and come after it, so
parents come before children and one backward pass sums over subtrees. Columns live in
memory, or in files of a folder that another process maps while they grow.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import struct
import weakref
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.errors import InputError, OutputError
from dwarfsmith.engine.kernels import names

Mask: TypeAlias = NDArray[np.bool_]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]

ROW: Final = np.dtype(
    [
        ("name_start", "i8"),
        ("target_start", "i8"),
        ("size", "i8"),
        ("dev", "u8"),
        ("ino", "u8"),
        ("rdev", "u8"),
        ("mtime", "i8"),
        ("atime", "i8"),
        ("ctime", "i8"),
        ("parent", "i4"),
        ("first_child", "i4"),
        ("child_count", "i4"),
        ("mode", "u4"),
        ("uid", "u4"),
        ("gid", "u4"),
        ("nlink", "u4"),
        ("name_size", "u2"),
        ("target_size", "u2"),
    ]
)
"""One entry as the walk hands it over: 104 bytes, without padding."""

LISTING: Final = np.dtype(
    [("directory", "i4"), ("first_child", "i4"), ("child_count", "i4")]
)
"""Which rows are the children of a directory, known after the directory's own row."""

MAX_ENTRIES: Final = 2**31 - 1

_HEADER: Final = struct.Struct("=8sqq")  # magic, rows, bytes of text
_MAGIC: Final = b"dwstree1"
_FIRST_ROWS: Final = 4096
_FIRST_TEXT: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class NameTable:
    """Distinct strings of a tree, sorted bytewise."""

    rank: Int32s
    """Position of each entry's string, i4[n]; -1 for entries without one."""
    text: NDArray[np.uint8]
    """The strings concatenated."""
    offsets: Int64s
    """Where each begins in `text`, i8[m+1]; the last is the end."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> bytes:
        start, end = self.offsets[position], self.offsets[position + 1]
        return self.text[start:end].tobytes()


class Tree:
    """Columns over `n` entries; see ARCHITECTURE.md for each one's meaning.

    The column attributes are views of the rows known so far and are replaced when
    rows are added: keep the tree, not a column, across `append` or `refresh`.

    Attributes:
        root: Absolute path of the input folder.
        folder: Where the columns are kept as files, None if in memory.
        listed: i4[n], where a list of entries names each one, so that the order of
            the list is known; None if the tree comes from no list. Never in files.
    """

    name_start: Int64s
    name_size: NDArray[np.uint16]
    target_start: Int64s
    target_size: NDArray[np.uint16]
    parent: Int32s
    first_child: Int32s
    child_count: Int32s
    mode: NDArray[np.uint32]
    uid: NDArray[np.uint32]
    gid: NDArray[np.uint32]
    nlink: NDArray[np.uint32]
    size: Int64s
    dev: NDArray[np.uint64]
    ino: NDArray[np.uint64]
    rdev: NDArray[np.uint64]
    mtime: Int64s
    atime: Int64s
    ctime: Int64s
    text: NDArray[np.uint8]

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.folder: bytes | None = None
        self.listed: Int32s | None = None
        self._header = -1
        self._columns: dict[str, _Column] = {
            name: _MemoryColumn(_dtype(name)) for name in _COLUMN_NAMES
        }
        self._name_table: NameTable | None = None
        self._show(0, 0)

    @classmethod
    def create(cls, root: bytes, folder: bytes | str | None = None) -> Tree:
        """Return an empty tree, kept as files of the existing `folder` if given.

        Files of an earlier tree there are replaced, not overwritten: who maps them
        keeps seeing the earlier one.

        Raises:
            OutputError: The files cannot be made.
        """
        tree = cls(root)
        if folder is None:
            return tree
        tree.folder = os.path.abspath(os.fsencode(folder))
        try:
            _remove(tree.folder, b"header")
            for name in _COLUMN_NAMES:
                path = _remove(tree.folder, name.encode())
                tree._columns[name] = _FileColumn.create(path, _dtype(name))
            with open(_remove(tree.folder, b"root"), "xb") as file:
                file.write(root)
            path = _remove(tree.folder, b"header.new")
            tree._keep_header(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            os.pwrite(tree._header, _HEADER.pack(_MAGIC, 0, 0), 0)
            os.rename(path, os.path.join(tree.folder, b"header"))
        except OSError as error:
            raise OutputError(
                f"cannot create column files in {os.fsdecode(folder)}: {error.strerror}"
            ) from error
        return tree

    @classmethod
    def attach(cls, folder: bytes | str) -> Tree:
        """Map the column files of another process, read-only.

        Raises:
            InputError: The folder holds no tree.
        """
        tree = cls(b"")
        tree.folder = os.path.abspath(os.fsencode(folder))
        try:
            path = os.path.join(tree.folder, b"header")
            tree._keep_header(os.open(path, os.O_RDONLY))
            for name in _COLUMN_NAMES:
                path = os.path.join(tree.folder, name.encode())
                tree._columns[name] = _FileColumn.open(path, _dtype(name))
            with open(os.path.join(tree.folder, b"root"), "rb") as file:
                tree.root = file.read()
            found = os.pread(tree._header, len(_MAGIC), 0)
        except OSError as error:
            raise InputError(
                "expected the column files of a tree, "
                f"found {error.strerror}, at {os.fsdecode(folder)}"
            ) from error
        if found != _MAGIC:
            raise InputError(
                f"expected column files of kind {_MAGIC!r}, found {found!r}, "
                f"at {os.fsdecode(folder)}"
            )
        tree.refresh()
        return tree

    def __len__(self) -> int:
        return len(self.parent)

    def append(
        self,
        rows: NDArray[np.void],
        text: bytes | bytearray | memoryview,
        listings: NDArray[np.void] | None = None,
    ) -> int:
        """Add entries, set the children of directories, and make both visible.

        Args:
            rows: `ROW` records; their starts count from the beginning of `text`.
            text: Names and targets of these rows.
            listings: `LISTING` records of old or new directories.

        Returns:
            The number of the first new entry.

        Raises:
            InputError: There would be more than 2^31 - 1 entries.
            OutputError: The column files cannot grow.
        """
        before, text_before = len(self), len(self.text)
        count, text_count = before + len(rows), text_before + len(text)
        if count > MAX_ENTRIES:
            raise InputError(f"expected at most {MAX_ENTRIES} entries, found more")
        self._show(0, 0)  # lets columns that must grow go of their old memory
        for name, column in self._columns.items():
            if name == "text":
                column.reserve(text_count)[text_before:] = np.frombuffer(text, np.uint8)
                continue
            new = column.reserve(count)[before:]
            if name in ("name_start", "target_start"):
                np.add(rows[name], text_before, out=new)
            else:
                new[:] = rows[name]
        if listings is not None:
            for name in ("first_child", "child_count"):
                self._columns[name].data[listings["directory"]] = listings[name]
        self._show(count, text_count)
        if self._header >= 0:
            # Readers look at the rows first: text must never be behind them.
            os.pwrite(self._header, struct.pack("=q", text_count), 16)
            os.pwrite(self._header, struct.pack("=q", count), 8)
        return before

    def refresh(self) -> bool:
        """Show the rows another process has added; returns whether there are any."""
        if self._header < 0:
            return False
        (count,) = struct.unpack("=q", os.pread(self._header, 8, 8))
        (text_count,) = struct.unpack("=q", os.pread(self._header, 8, 16))
        if count == len(self):
            return False
        for name, column in self._columns.items():
            column.reserve(text_count if name == "text" else count)
        self._show(count, text_count)
        return True

    def name(self, entry: int) -> bytes:
        """Return the name of an entry; the root's is empty."""
        start = int(self.name_start[entry])
        return self.text[start : start + int(self.name_size[entry])].tobytes()

    def target(self, entry: int) -> bytes:
        """Return where a symlink points; empty for all else."""
        start = int(self.target_start[entry])
        return self.text[start : start + int(self.target_size[entry])].tobytes()

    def path(self, entry: int) -> bytes:
        """Return the path relative to the root; the root's is empty."""
        parts = []
        while entry > 0:
            parts.append(self.name(entry))
            entry = int(self.parent[entry])
        return b"/".join(reversed(parts))

    def full_path(self, entry: int) -> bytes:
        """Return the absolute path."""
        return os.path.join(self.root, self.path(entry)) if entry else self.root

    def paths(self, entries: Int32s) -> tuple[NDArray[np.uint8], Int64s]:
        """Return the relative paths of `entries`: all bytes, and i8[n+1] offsets.

        Raises:
            IndexError: An entry is out of range.
        """
        blob, offsets = names.paths(
            np.ascontiguousarray(entries, np.int32),
            self.parent,
            self.name_start,
            self.name_size,
            self.text,
        )
        return np.frombuffer(blob, np.uint8), np.frombuffer(offsets, np.int64)

    def children(self, entry: int) -> range:
        """Return the entries of a directory, in the order they were found."""
        first = int(self.first_child[entry])
        # Another process may have listed rows that are not visible here yet.
        return range(first, min(first + int(self.child_count[entry]), len(self)))

    @property
    def is_directory(self) -> Mask:
        """Which entries are directories, bool[n]."""
        return self._of_kind(stat.S_IFDIR)

    @property
    def is_regular(self) -> Mask:
        """Which entries are regular files, bool[n]."""
        return self._of_kind(stat.S_IFREG)

    @property
    def is_symlink(self) -> Mask:
        """Which entries are symbolic links, bool[n]."""
        return self._of_kind(stat.S_IFLNK)

    @property
    def is_device(self) -> Mask:
        """Which entries are block or character devices, bool[n]."""
        return self._of_kind(stat.S_IFBLK) | self._of_kind(stat.S_IFCHR)

    @property
    def is_special(self) -> Mask:
        """Which entries are FIFOs or sockets, bool[n]."""
        return self._of_kind(stat.S_IFIFO) | self._of_kind(stat.S_IFSOCK)

    def name_table(self) -> NameTable:
        """Return the distinct names, root excluded, sorted bytewise."""
        known = self._name_table
        if known is None or len(known.rank) != len(self):
            wanted = np.zeros(len(self), np.int32)
            wanted[:1] = -1
            known = _table(self.text, self.name_start, self.name_size, wanted)
            self._name_table = known
        return known

    def target_table(self) -> NameTable:
        """Return the distinct symlink targets, sorted bytewise."""
        wanted = np.where(self.is_symlink, 0, -1).astype(np.int32)
        return _table(self.text, self.target_start, self.target_size, wanted)

    def preorder(self, rank: Int32s) -> Int32s:
        """Return each entry's place in a depth-first walk, siblings by `rank`.

        Args:
            rank: i4[n], as `name_table().rank` for the order of names.
        """
        position = np.zeros(len(self), np.int32)
        names.preorder(self.parent, np.ascontiguousarray(rank, np.int32), position)
        return position

    def path_rank(self) -> Int32s:
        """Return each entry's place if all were sorted bytewise by path.

        Directories count as their path with a slash at the end.
        """
        starts = np.empty(len(self), np.int64)
        sizes = np.empty(len(self), np.uint16)
        marked = self.is_directory.view(np.uint8)
        text = names.suffixed(
            self.text, self.name_start, self.name_size, marked, ord("/"), starts, sizes
        )
        # Siblings by name, directories with their slash: a depth-first walk then
        # meets paths in bytewise order.
        wanted = np.zeros(len(self), np.int32)
        wanted[:1] = -1
        table = _table(np.frombuffer(text, np.uint8), starts, sizes, wanted)
        return self.preorder(table.rank)

    def reverse_path_rank(self) -> Int32s:
        """Return each entry's place in reverse path order.

        Names are compared bytewise, equal ones by the names of their parents, and
        so on; of two entries that agree up to the root, the one there first is less.
        """
        # Pointer doubling: after k rounds `order` compares the last 2^k names.
        order = self.name_table().rank.astype(np.int64) + 1
        above = self.parent.copy()
        while above.any():
            key = order * (int(order.max()) + 1) + order[above]
            order = np.unique(key, return_inverse=True)[1]
            above = above[above]
        return order.astype(np.int32)

    def rollup(self, values: NDArray[Any]) -> Int64s:
        """Return for each entry the sum of `values` over it and all below it."""
        total = np.array(values, np.int64, order="C")
        names.rollup(self.parent, total)
        return total

    def _of_kind(self, kind: int) -> Mask:
        mask: Mask = (self.mode & np.uint32(0o170000)) == kind
        return mask

    def _show(self, count: int, text_count: int) -> None:
        for name, column in self._columns.items():
            view = column.data[: text_count if name == "text" else count]
            setattr(self, name, view)

    def _keep_header(self, descriptor: int) -> None:
        self._header = descriptor
        weakref.finalize(self, os.close, descriptor)


class _Column:
    """Memory for one column; `data` is all of it, valid or not."""

    data: NDArray[Any]

    def reserve(self, count: int) -> NDArray[Any]:
        """Return the first `count` items, after making room for them."""
        if count > len(self.data):
            self._grow(count)
        return self.data[:count]

    def _grow(self, count: int) -> None:
        raise NotImplementedError


class _MemoryColumn(_Column):
    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.data = np.empty(0, dtype)

    def _grow(self, count: int) -> None:
        # Memory that was never written to costs nothing yet.
        room = max(count, 2 * len(self.data), _first(self.data.dtype))
        data = np.empty(room, self.data.dtype)
        data[: len(self.data)] = self.data
        self.data = data


class _FileColumn(_Column):
    def __init__(self, path: bytes, dtype: np.dtype[Any], writable: bool) -> None:
        self._path = path
        self._writable = writable
        self._file = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self.data = np.empty(0, dtype)
        self._map()

    @classmethod
    def create(cls, path: bytes, dtype: np.dtype[Any]) -> _FileColumn:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        return cls(path, dtype, writable=True)

    @classmethod
    def open(cls, path: bytes, dtype: np.dtype[Any]) -> _FileColumn:
        return cls(path, dtype, writable=False)

    def _grow(self, count: int) -> None:
        if self._writable:
            size_bytes = os.fstat(self._file).st_size
            room = max(count, _first(self.data.dtype)) * self.data.itemsize
            try:
                _allocate(self._file, max(room, size_bytes + size_bytes // 2))
            except OSError as error:
                raise OutputError(
                    f"cannot grow column file {os.fsdecode(self._path)}: "
                    f"{error.strerror}"
                ) from error
        self._map()
        if count > len(self.data):
            raise InputError(
                f"expected {count} rows, found {len(self.data)}, "
                f"at {os.fsdecode(self._path)}"
            )

    def _map(self) -> None:
        dtype = self.data.dtype
        size_bytes = os.fstat(self._file).st_size // dtype.itemsize * dtype.itemsize
        if size_bytes:
            access = mmap.ACCESS_WRITE if self._writable else mmap.ACCESS_READ
            memory = mmap.mmap(self._file, size_bytes, access=access)
            self.data = np.frombuffer(memory, dtype)


_COLUMN_NAMES: Final = (*(ROW.names or ()), "text")


def _dtype(name: str) -> np.dtype[Any]:
    if name == "text":
        return np.dtype(np.uint8)
    dtype: np.dtype[Any] = ROW[name]
    return dtype


def _first(dtype: np.dtype[Any]) -> int:
    return _FIRST_TEXT if dtype == np.uint8 else _FIRST_ROWS


def _remove(folder: bytes, name: bytes) -> bytes:
    path = os.path.join(folder, name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return path


def _allocate(file: int, size_bytes: int) -> None:
    """Make a file longer, its blocks reserved where that is possible.

    Writing to a mapped hole of a full disk would kill the process.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size_bytes)
    else:
        os.ftruncate(file, size_bytes)


def _table(
    text: NDArray[np.uint8],
    starts: Int64s,
    sizes: NDArray[np.uint16],
    rank: Int32s,
) -> NameTable:
    distinct, offsets = names.rank_strings(text, starts, sizes, rank)
    return NameTable(
        rank, np.frombuffer(distinct, np.uint8), np.frombuffer(offsets, np.int64)
    )
