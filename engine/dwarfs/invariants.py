"""What must hold of the tables of an image, and what follows from them.

DwarFS format, "Inode numbering and table invariants". All of it is about the plain
form of metadata, which `packing.unpack_metadata` returns.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs import strings
from dwarfsmith.engine.dwarfs.metadata import Chunks, DirEntries, Metadata
from dwarfsmith.engine.errors import FormatError

LARGE_HOLE = 0xFFFFFFFF
"""Offset of a hole whose `size` is an index of `large_hole_size`."""

U4 = npt.NDArray[np.uint32]
I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InodeRanges:
    """The first inode of each kind; directories begin at 0.

    Special files are FIFOs and sockets; `end` is the number of inodes.
    """

    symlinks: int
    files: int
    devices: int
    specials: int
    end: int


_RANK_OF_TYPE = {
    stat.S_IFDIR: 0,
    stat.S_IFLNK: 1,
    stat.S_IFREG: 2,
    stat.S_IFBLK: 3,
    stat.S_IFCHR: 3,
    stat.S_IFIFO: 4,
    stat.S_IFSOCK: 4,
}
_NO_RANK = 5
_RANKS = np.array(
    [_RANK_OF_TYPE.get(kind << 12, _NO_RANK) for kind in range(16)], np.int8
)


def inode_ranges(metadata: Metadata) -> InodeRanges:
    """Return where in the inode table each kind of inode begins.

    Raises:
        FormatError: The inodes are not in the order of their kinds, or a mode is no
            kind of inode, or is not there.
    """
    index = metadata.inodes.mode_index
    _check_indices(index, len(metadata.modes), "a mode index", "inode")
    rank = _RANKS[(metadata.modes >> 12 & 15)[index]]
    if (wrong := (rank == _NO_RANK) | (np.diff(rank, prepend=0) < 0)).any():
        inode = int(np.argmax(wrong))
        raise FormatError(
            "expected directories, symlinks, files, devices and others in this order, "
            f"found mode {metadata.modes[index[inode]]:o}, at inode {inode}"
        )
    return InodeRanges(*(int(start) for start in np.searchsorted(rank, range(1, 6))))


def check_invariants(metadata: Metadata, block_count: int | None = None) -> None:
    """Make sure that the tables of plain metadata agree with each other.

    Args:
        metadata: The plain form.
        block_count: How many blocks the image has, if chunks are to be checked
            against it.

    Raises:
        FormatError: They do not, with the first thing that is wrong.
    """
    assert metadata.dir_entries is not None
    _check_sizes(metadata, metadata.dir_entries)
    ranges = inode_ranges(metadata)
    _check_attributes(metadata, ranges)
    _check_directories(metadata, ranges, metadata.dir_entries)
    _check_names(metadata, metadata.dir_entries)
    _check_files(metadata, ranges)
    _check_chunks(metadata, block_count)
    _check_categories(metadata, block_count)
    _check_options(metadata)


def _expect(holds: bool, expected: str, found: object, where: str) -> None:
    if not holds:
        raise FormatError(f"expected {expected}, found {found}, in the {where}")


def _check_indices(
    column: npt.NDArray[Any], limit: int, expected: str, where: str
) -> None:
    """Make sure that all elements are below `limit`."""
    if len(column) and column.max() >= limit:
        row = int(column.argmax())
        raise FormatError(
            f"expected {expected} below {limit}, found {column[row]}, at {where} {row}"
        )


def _check_sizes(metadata: Metadata, entries: DirEntries) -> None:
    inodes = len(metadata.inodes)
    for table in ("inodes", "directories", "chunk_table", "dir_entries", "modes"):
        size = len(getattr(metadata, table))
        _expect(size > 0, f"{table} that are not empty", "none", "metadata")
    for table in ("modes", "uids", "gids"):
        size = len(getattr(metadata, table))
        _expect(size <= inodes, f"at most {inodes} {table}", size, "metadata")
    _expect(
        inodes <= len(entries),
        f"at most {len(entries)} inodes, one for each entry",
        inodes,
        "metadata",
    )


def _check_attributes(metadata: Metadata, ranges: InodeRanges) -> None:
    inodes = metadata.inodes
    # Without a table the index is the owner itself.
    if len(metadata.uids):
        _check_indices(
            inodes.owner_index, len(metadata.uids), "an owner index", "inode"
        )
    if len(metadata.gids):
        _check_indices(inodes.group_index, len(metadata.gids), "a group index", "inode")
    for table, count in (
        ("symlink_table", ranges.files - ranges.symlinks),
        ("devices", ranges.specials - ranges.devices),
    ):
        size = len(getattr(metadata, table))
        _expect(size == count, f"{count} rows, one for each inode", size, table)
    _check_indices(
        metadata.symlink_table, len(metadata.symlinks), "a link target", "symlink"
    )


def _check_directories(
    metadata: Metadata, ranges: InodeRanges, entries: DirEntries
) -> None:
    directories = metadata.directories
    count = ranges.symlinks
    _expect(
        len(directories) == count + 1,
        f"{count} directories and a sentinel",
        len(directories),
        "directories",
    )
    _check_indices(entries.inode_num, ranges.end, "an inode", "directory entry")
    times = np.bincount(entries.inode_num, minlength=ranges.end)
    if not times.all():
        raise FormatError(
            f"expected an entry for every inode, found none, at inode {times.argmin()}"
        )
    _expect(entries.inode_num[0] == 0, "inode 0", entries.inode_num[0], "root's entry")
    parent_entry, self_entry = own_entries(directories.first_entry, entries)
    for expected, stored, what in (
        (parent_entry, directories.parent_entry, "parent"),
        (self_entry, directories.self_entry, "own"),
    ):
        if (wrong := expected != stored).any():
            row = int(np.argmax(wrong))
            raise FormatError(
                f"expected {what} entry {expected[row]}, found {stored[row]}, "
                f"at directory {row}"
            )
    _check_reachable(entries.inode_num[parent_entry[:-1]])


def _check_reachable(parent: U4) -> None:
    """Make sure that every directory lies below the root.

    Each round doubles how far up `parent` looks, so that a cycle of any length shows
    after few.
    """
    for _ in range(len(parent).bit_length()):
        parent = parent[parent]
    if parent.any():
        raise FormatError(
            "expected every directory below the root, found a cycle, "
            f"at directory {np.argmax(parent != 0)}"
        )


def _check_names(metadata: Metadata, entries: DirEntries) -> None:
    names, index = metadata.names, entries.name_index.astype(np.int64)
    used = int(index[1:].max()) + 1 if len(index) > 1 else 0
    _expect(used == len(names), f"{len(names)} names in use", used, "directory entries")
    containing = _containing_directory(metadata.directories.first_entry, len(entries))
    siblings = np.flatnonzero(containing[1:-1] == containing[2:]) + 1
    ascends = strings.precedes(names, index[siblings], index[siblings + 1])
    if not ascends.all():
        raise FormatError(
            "expected the names in a directory to be different and sorted, found "
            "two that are not, at directory entry "
            f"{siblings[np.argmin(ascends)] + 1}"
        )


def _check_files(metadata: Metadata, ranges: InodeRanges) -> None:
    shared = metadata.shared_files_table
    assert shared is not None
    files = ranges.devices - ranges.files
    _expect(
        len(shared) <= files,
        f"at most {files} files",
        len(shared),
        "shared files table",
    )
    groups = 0
    if len(shared):
        steps = np.diff(shared.astype(np.int64), prepend=0)
        ordered = shared[0] == 0 and ((steps == 0) | (steps == 1)).all()
        _expect(
            bool(ordered), "groups that rise by one", "others", "shared files table"
        )
        sizes = np.bincount(shared)
        groups = len(sizes)
        _expect(
            bool(sizes.min() >= 2), "groups of two", sizes.min(), "shared files table"
        )
    contents = files - len(shared) + groups
    table = metadata.chunk_table.astype(np.int64)
    _expect(
        len(table) == contents + 1,
        f"{contents} contents and a sentinel",
        len(table),
        "chunk table",
    )
    _expect(
        bool((np.diff(table) >= 0).all()) and table[-1] == len(metadata.chunks),
        f"numbers that rise to {len(metadata.chunks)}",
        _ends(table),
        "chunk table",
    )
    cache = metadata.reg_file_size_cache
    if cache is not None:
        for lookup in (cache.size_lookup, cache.allocated_size_lookup):
            _check_indices(lookup.keys, contents, "a content", "size cache entry")


def _check_chunks(metadata: Metadata, block_count: int | None) -> None:
    chunks, size = metadata.chunks, metadata.block_size
    _expect(size > 0 and size & (size - 1) == 0, "a power of two", size, "block size")
    hole = metadata.hole_block_index
    is_hole = np.zeros(len(chunks), bool) if hole is None else chunks.block == hole
    if block_count is None:
        block_count = 1 << 32 if hole is None else hole
    in_block = (
        (chunks.block < block_count)
        & (chunks.offset < size)
        & (chunks.size <= size - chunks.offset.astype(np.int64))
    )
    if not (fits := np.where(is_hole, _holes_fit(metadata, chunks), in_block)).all():
        row = int(np.argmin(fits))
        raise FormatError(
            f"expected a stretch of one of {block_count} blocks of {size} bytes, "
            f"found block {chunks.block[row]}, offset {chunks.offset[row]}, "
            f"size {chunks.size[row]}, at chunk {row}"
        )


def _holes_fit(metadata: Metadata, chunks: Chunks) -> npt.NDArray[np.bool_]:
    large = metadata.large_hole_size
    count = len(large) if large is not None else 0
    fits: npt.NDArray[np.bool_] = np.where(
        chunks.offset == LARGE_HOLE,
        chunks.size < count,
        chunks.offset < metadata.block_size,
    )
    return fits


def _check_categories(metadata: Metadata, block_count: int | None) -> None:
    names = metadata.category_names or []
    texts = metadata.category_metadata_json or []
    if metadata.block_categories is not None:
        _check_indices(metadata.block_categories, len(names), "a category", "block")
    if metadata.block_category_metadata is not None:
        lookup = metadata.block_category_metadata
        where = "block with category metadata"
        _check_indices(lookup.values, len(texts), "a text", where)
        if block_count is not None:
            _check_indices(lookup.keys, block_count, "a block", where)


def _check_options(metadata: Metadata) -> None:
    options = metadata.options
    assert options is not None
    seconds = options.time_resolution_sec
    fraction = options.subsecond_resolution_nsec_multiplier
    _expect(seconds != 0, "a time resolution", "0 seconds", "options")
    if fraction is not None:
        _expect(
            0 < fraction < 1_000_000_000 and seconds in (None, 1),
            "one time resolution",
            f"{fraction} ns with {seconds or 1} s",
            "options",
        )
    sparse = b"sparsefiles" in (metadata.features or [])
    _expect(
        sparse == (metadata.hole_block_index is not None),
        "holes if and only if there is the feature sparsefiles",
        f"hole block {metadata.hole_block_index}",
        "metadata",
    )


# The directory tree -----------------------------------------------------------------


def own_entries(first_entry: U4, entries: DirEntries) -> tuple[U4, U4]:
    """Return the parent's and the own entry of each directory, and of the sentinel.

    Raises:
        FormatError: The directories do not have one entry each.
    """
    containing = _containing_directory(first_entry, len(entries))
    count = len(first_entry) - 1
    inode = entries.inode_num
    named = np.flatnonzero(inode[1:] < count) + 1
    times = np.bincount(inode[named], minlength=count)
    if times[0] != 0 or (times[1:] != 1).any():
        wrong = int(np.argmax(times != np.arange(count).astype(bool)))
        raise FormatError(
            f"expected {min(wrong, 1)} entries of a directory besides the root's, "
            f"found {times[wrong]}, at directory {wrong}"
        )
    self_entry = np.zeros(count + 1, np.uint32)
    self_entry[inode[named]] = named
    parent_entry = np.zeros(count + 1, np.uint32)
    parent_entry[1:count] = self_entry[containing[self_entry[1:count]]]
    return parent_entry, self_entry


def _containing_directory(first_entry: U4, entry_count: int) -> I8:
    """Return the directory that each entry is in; the root's is the root.

    Raises:
        FormatError: The directories do not divide the entries among them.
    """
    first = first_entry.astype(np.int64)
    sizes = np.diff(first)
    if len(first) < 2 or first[0] != 1 or first[-1] != entry_count or sizes.min() < 0:
        raise FormatError(
            f"expected directories that divide entries 1 to {entry_count} among them, "
            f"found {_ends(first)}, in the directories"
        )
    containing = np.zeros(entry_count, np.int64)
    containing[1:] = np.repeat(np.arange(len(sizes)), sizes)
    return containing


def _ends(column: npt.NDArray[Any]) -> str:
    return f"{column[0]} to {column[-1]}" if len(column) else "none"
