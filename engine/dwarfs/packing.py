"""Packed metadata tables, and the plain form readers use.

DwarFS format, "Packing transforms", "Reader algorithms".

An image may store some tables as differences, its strings in one of several ways, and
before version 2.3 another set of tables altogether. `unpack_metadata` turns all that
into one *plain* form:

    names, symlinks      all strings (the compact tables are None)
    directories          with parent and self entries
    chunk_table          the first chunk of each content
    shared_files_table   the content of each shared file, never None
    devices, options     never None
    dir_entries          never None

`pack_metadata` goes the other way. What must hold of the plain form is in `invariants`,
whose public names are passed on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs import legacy, strings
from dwarfsmith.engine.dwarfs.invariants import (
    InodeRanges,
    check_invariants,
    inode_ranges,
    own_entries,
)
from dwarfsmith.engine.dwarfs.metadata import Directories, Metadata, Options
from dwarfsmith.engine.dwarfs.strings import Strings, StringTable
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.plan import Pack

__all__ = [
    "InodeRanges",
    "check_invariants",
    "inode_ranges",
    "pack_metadata",
    "unpack_metadata",
]

U4 = npt.NDArray[np.uint32]


# Unpacking -------------------------------------------------------------------------


def unpack_metadata(metadata: Metadata) -> Metadata:
    """Return the plain form of decoded metadata.

    What is not needed to make that form is not checked; see `check_invariants`.

    Raises:
        FormatError: A packed table contradicts itself or another table.
        UnsupportedError: The strings are compressed in a way we do not know.
    """
    options = metadata.options or Options()
    metadata = replace(
        metadata,
        names=_plain_strings(
            metadata.names, metadata.compact_names, "names", strings.MAX_NAME_BYTES
        ),
        symlinks=_plain_strings(
            metadata.symlinks,
            metadata.compact_symlinks,
            "symlinks",
            strings.MAX_TARGET_BYTES,
        ),
        compact_names=None,
        compact_symlinks=None,
        chunk_table=_unpack_chunk_table(metadata, options),
        shared_files_table=_unpack_shared_files(metadata, options),
        devices=metadata.devices
        if metadata.devices is not None
        else np.empty(0, np.uint64),
        options=replace(
            options,
            packed_chunk_table=False,
            packed_directories=False,
            packed_shared_files_table=False,
        ),
    )
    if metadata.dir_entries is None:
        metadata = legacy.upgrade(metadata)
    metadata.directories = _unpack_directories(metadata, options)
    return metadata


def _plain_strings(
    plain: Strings, compact: StringTable | None, what: str, longest: int
) -> Strings:
    if compact is None:
        strings.check_longest(plain, what, longest)
        return plain
    if len(plain):
        raise FormatError(
            f"expected {what} in one table, found a plain and a compact one, "
            "in the metadata"
        )
    return strings.unpack(compact, what, longest)


def _unpack_chunk_table(metadata: Metadata, options: Options) -> U4:
    if not options.packed_chunk_table:
        return metadata.chunk_table
    return _sums(metadata.chunk_table, len(metadata.chunks), "chunk table")


def _unpack_shared_files(metadata: Metadata, options: Options) -> U4:
    table = metadata.shared_files_table
    if table is None:
        return np.empty(0, np.uint32)
    if not options.packed_shared_files_table:
        return table
    total = int(table.sum(dtype=np.uint64)) + 2 * len(table)
    if total > len(metadata.inodes):
        raise FormatError(
            f"expected at most {len(metadata.inodes)} shared files, one for each "
            f"inode, found {total}, in the shared files table"
        )
    groups = np.arange(len(table), dtype=np.uint32)
    return np.repeat(groups, table.astype(np.int64) + 2)


def _unpack_directories(metadata: Metadata, options: Options) -> Directories:
    """Return the directories, with the entries that are not stored worked out."""
    directories, entries = metadata.directories, metadata.dir_entries
    assert entries is not None
    if options.packed_directories:
        first = _sums(directories.first_entry, len(entries), "directories")
    elif len(directories) > 2 and not directories.self_entry.any():
        first = directories.first_entry
    else:
        return directories
    parent_entry, self_entry = own_entries(first, entries)
    return Directories(
        parent_entry=parent_entry, first_entry=first, self_entry=self_entry
    )


def _sums(differences: U4, total: int, what: str) -> U4:
    """Return the prefix sums of a table that must add up to `total`."""
    found = int(differences.sum(dtype=np.uint64))
    if found != total:
        raise FormatError(
            f"expected differences that add up to {total}, found {found}, in the {what}"
        )
    return np.cumsum(differences, dtype=np.uint32)


# Packing ---------------------------------------------------------------------------


def pack_metadata(metadata: Metadata, pack: Pack) -> Metadata:
    """Return plain metadata with tables packed as they are to be stored.

    Args:
        metadata: The plain form; all its tables are valid.
        pack: Which tables to pack.

    Raises:
        OutputError: There are more names or link targets than the format can hold.
    """
    assert metadata.options is not None
    packed = replace(
        metadata,
        options=replace(
            metadata.options,
            packed_chunk_table=pack.chunk_table,
            packed_directories=pack.directories,
            packed_shared_files_table=pack.shared_files,
        ),
    )
    if pack.chunk_table:
        packed.chunk_table = _differences(metadata.chunk_table)
    if pack.directories:
        nothing = np.zeros(len(metadata.directories), np.uint32)
        packed.directories = Directories(
            parent_entry=nothing,
            first_entry=_differences(metadata.directories.first_entry),
            self_entry=nothing,
        )
    if pack.shared_files:
        packed.shared_files_table = _repetitions(metadata.shared_files_table)
    if not pack.plain:
        _pack_strings(packed, pack)
    return packed


def _pack_strings(metadata: Metadata, pack: Pack) -> None:
    metadata.compact_names = strings.pack(
        metadata.names,
        compress=pack.names,
        force=pack.names and pack.force,
        packed_index=pack.names_index,
    )
    metadata.compact_symlinks = strings.pack(
        metadata.symlinks,
        compress=pack.symlinks,
        force=pack.symlinks and pack.force,
        packed_index=pack.symlinks_index,
    )
    metadata.names = metadata.symlinks = Strings.of([])


def _differences(table: U4) -> U4:
    return np.diff(table, prepend=np.uint32(0))


def _repetitions(table: U4 | None) -> U4:
    """Return how often each group of shared files occurs, less the two it must."""
    if table is None:
        return np.empty(0, np.uint32)
    return (np.bincount(table) - 2).astype(np.uint32)
