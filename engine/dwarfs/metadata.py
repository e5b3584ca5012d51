"""The metadata tables of an image, as columns.

DwarFS format, "Metadata". The attributes have the format's field names; a table is an
object with a numpy column per field (u4, or u8 where the format says u64). Columns
that were decoded may be read-only. `None` is an absent optional, which is not the
same as an empty table.

Integers are u4 tables unless said otherwise; `packing` turns packed tables into plain
ones and back, and tables of images before 2.3 into the later form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs import frozen
from dwarfsmith.engine.dwarfs.frozen import (
    Array,
    Bool,
    Field,
    Kind,
    ListOf,
    Maybe,
    SetOf,
    Struct,
    Table,
    Text,
    TextTable,
    UInt,
    UIntMap,
    map_of,
)
from dwarfsmith.engine.dwarfs.schema import decode_schema, encode_schema
from dwarfsmith.engine.dwarfs.strings import Strings, StringTable

U4: TypeAlias = npt.NDArray[np.uint32]
U8: TypeAlias = npt.NDArray[np.uint64]


def _no_u4() -> U4:
    return np.empty(0, np.uint32)


def _no_u8() -> U8:
    return np.empty(0, np.uint64)


def _no_strings() -> Strings:
    return Strings.of([])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chunks:
    """Stretches of blocks; `block` is `hole_block_index` for a hole."""

    block: U4 = field(default_factory=_no_u4)
    offset: U4 = field(default_factory=_no_u4)
    size: U4 = field(default_factory=_no_u4)

    def __len__(self) -> int:
        return len(self.block)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Directories:
    """Directories by inode number, and a sentinel at the end.

    `parent_entry` and `self_entry` are indices of `dir_entries`; images before 2.3
    have the parent's inode number, images before 0.11 no `self_entry`.
    """

    parent_entry: U4 = field(default_factory=_no_u4)
    first_entry: U4 = field(default_factory=_no_u4)
    self_entry: U4 = field(default_factory=_no_u4)

    def __len__(self) -> int:
        return len(self.first_entry)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Inodes:
    """Inodes by number; before 2.3 entries, in the order of directories."""

    mode_index: U4 = field(default_factory=_no_u4)
    owner_index: U4 = field(default_factory=_no_u4)
    group_index: U4 = field(default_factory=_no_u4)
    atime_offset: U8 = field(default_factory=_no_u8)
    mtime_offset: U8 = field(default_factory=_no_u8)
    ctime_offset: U8 = field(default_factory=_no_u8)
    btime_offset: U8 = field(default_factory=_no_u8)
    atime_subsec: U8 = field(default_factory=_no_u8)
    mtime_subsec: U8 = field(default_factory=_no_u8)
    ctime_subsec: U8 = field(default_factory=_no_u8)
    btime_subsec: U8 = field(default_factory=_no_u8)
    nlink_minus_one: U4 = field(default_factory=_no_u4)
    name_index_v2_2: U4 = field(default_factory=_no_u4)
    inode_v2_2: U4 = field(default_factory=_no_u4)

    def __len__(self) -> int:
        return len(self.mode_index)

    @classmethod
    def of(cls, count: int, **columns: npt.NDArray[Any]) -> Inodes:
        """Return a table with the given columns, all others zero."""
        zeros = {
            column.name: np.broadcast_to(_zero(column.default_factory), count)
            for column in fields(cls)
        }
        return cls(**{**zeros, **columns})


def _zero(factory: Any) -> npt.NDArray[Any]:
    return np.zeros((), factory().dtype)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DirEntries:
    """Names in directories; entry 0 is the root."""

    name_index: U4 = field(default_factory=_no_u4)
    inode_num: U4 = field(default_factory=_no_u4)

    def __len__(self) -> int:
        return len(self.name_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The format's `fs_options`."""

    mtime_only: bool = False
    time_resolution_sec: int | None = None
    packed_chunk_table: bool = False
    packed_directories: bool = False
    packed_shared_files_table: bool = False
    subsecond_resolution_nsec_multiplier: int | None = None
    has_btime: bool = False
    inodes_have_nlink: bool = False


def _no_map() -> UIntMap:
    return UIntMap(_no_u4(), _no_u8())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InodeSizeCache:
    """Sizes of files with many chunks, by index of the chunk table."""

    size_lookup: UIntMap = field(default_factory=_no_map)
    min_chunk_count: int = 0
    allocated_size_lookup: UIntMap = field(default_factory=_no_map)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHistoryEntry:
    """What the metadata was before it was rebuilt."""

    major: int = 0
    minor: int = 0
    dwarfs_version: bytes | None = None
    block_size: int = 0
    options: Options | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Metadata:
    """All tables of an image."""

    chunks: Chunks = field(default_factory=Chunks)
    directories: Directories = field(default_factory=Directories)
    inodes: Inodes = field(default_factory=Inodes)
    chunk_table: U4 = field(default_factory=_no_u4)
    entry_table_v2_2: U4 = field(default_factory=_no_u4)
    symlink_table: U4 = field(default_factory=_no_u4)
    uids: U4 = field(default_factory=_no_u4)
    gids: U4 = field(default_factory=_no_u4)
    modes: U4 = field(default_factory=_no_u4)
    names: Strings = field(default_factory=_no_strings)
    symlinks: Strings = field(default_factory=_no_strings)
    timestamp_base: int = 0
    chunk_inode_offset: int = 0
    """Only in images of releases 0.2 to 0.4, and of no use."""
    link_inode_offset: int = 0
    """Only in images of releases 0.2 to 0.4, and of no use."""
    block_size: int = 0
    total_fs_size: int = 0
    devices: U8 | None = None
    options: Options | None = None
    dir_entries: DirEntries | None = None
    shared_files_table: U4 | None = None
    total_hardlink_size: int | None = None
    dwarfs_version: bytes | None = None
    create_timestamp: int | None = None
    compact_names: StringTable | None = None
    compact_symlinks: StringTable | None = None
    preferred_path_separator: int | None = None
    features: list[bytes] | None = None
    category_names: list[bytes] | None = None
    block_categories: U4 | None = None
    reg_file_size_cache: InodeSizeCache | None = None
    category_metadata_json: list[bytes] | None = None
    block_category_metadata: UIntMap | None = None
    metadata_version_history: list[VersionHistoryEntry] | None = None
    hole_block_index: int | None = None
    large_hole_size: U8 | None = None
    total_allocated_fs_size: int | None = None


# The type tree ---------------------------------------------------------------------

_U8, _U16, _U32, _U64 = UInt(8), UInt(16), UInt(32), UInt(64)


def _struct(make: Callable[..., Any], **declared: tuple[int, Kind[Any]]) -> Struct[Any]:
    return Struct(
        make,
        tuple(Field(number, name, kind) for name, (number, kind) in declared.items()),
    )


_CHUNK = _struct(Chunks, block=(1, _U32), offset=(2, _U32), size=(3, _U32))

_DIRECTORY = _struct(
    Directories, parent_entry=(1, _U32), first_entry=(2, _U32), self_entry=(3, _U32)
)

_INODE = _struct(
    Inodes,
    mode_index=(2, _U32),
    owner_index=(4, _U32),
    group_index=(5, _U32),
    atime_offset=(6, _U64),
    mtime_offset=(7, _U64),
    ctime_offset=(8, _U64),
    btime_offset=(9, _U64),
    atime_subsec=(10, _U64),
    mtime_subsec=(11, _U64),
    ctime_subsec=(12, _U64),
    btime_subsec=(13, _U64),
    nlink_minus_one=(14, _U32),
    name_index_v2_2=(1, _U32),
    inode_v2_2=(3, _U32),
)

_DIR_ENTRY = _struct(DirEntries, name_index=(1, _U32), inode_num=(2, _U32))

_OPTIONS = _struct(
    Options,
    mtime_only=(1, Bool()),
    time_resolution_sec=(2, Maybe(_U32)),
    packed_chunk_table=(3, Bool()),
    packed_directories=(4, Bool()),
    packed_shared_files_table=(5, Bool()),
    subsecond_resolution_nsec_multiplier=(6, Maybe(_U32)),
    has_btime=(7, Bool()),
    inodes_have_nlink=(8, Bool()),
)

_STRING_TABLE = _struct(
    StringTable,
    buffer=(1, Text()),
    symtab=(2, Maybe(Text())),
    index=(3, Array(_U32)),
    packed_index=(4, Bool()),
)

_SIZE_CACHE = _struct(
    InodeSizeCache,
    size_lookup=(1, map_of(_U32, _U64)),
    min_chunk_count=(2, _U64),
    allocated_size_lookup=(3, map_of(_U32, _U64)),
)

_HISTORY_ENTRY = _struct(
    VersionHistoryEntry,
    major=(1, _U8),
    minor=(2, _U8),
    dwarfs_version=(3, Maybe(Text())),
    block_size=(4, _U32),
    options=(5, Maybe(_OPTIONS)),
)

METADATA: Struct[Metadata] = _struct(
    Metadata,
    chunks=(1, Table(_CHUNK)),
    directories=(2, Table(_DIRECTORY)),
    inodes=(3, Table(_INODE)),
    chunk_table=(4, Array(_U32)),
    entry_table_v2_2=(5, Array(_U32)),
    symlink_table=(6, Array(_U32)),
    uids=(7, Array(_U32)),
    gids=(8, Array(_U32)),
    modes=(9, Array(_U32)),
    names=(10, TextTable()),
    symlinks=(11, TextTable()),
    timestamp_base=(12, _U64),
    chunk_inode_offset=(13, _U32),
    link_inode_offset=(14, _U32),
    block_size=(15, _U32),
    total_fs_size=(16, _U64),
    devices=(17, Maybe(Array(_U64))),
    options=(18, Maybe(_OPTIONS)),
    dir_entries=(19, Maybe(Table(_DIR_ENTRY))),
    shared_files_table=(20, Maybe(Array(_U32))),
    total_hardlink_size=(21, Maybe(_U64)),
    dwarfs_version=(22, Maybe(Text())),
    create_timestamp=(23, Maybe(_U64)),
    compact_names=(24, Maybe(_STRING_TABLE)),
    compact_symlinks=(25, Maybe(_STRING_TABLE)),
    preferred_path_separator=(26, Maybe(_U32)),
    features=(27, Maybe(SetOf(Text()))),
    category_names=(28, Maybe(ListOf(Text()))),
    block_categories=(29, Maybe(Array(_U32))),
    reg_file_size_cache=(30, Maybe(_SIZE_CACHE)),
    category_metadata_json=(31, Maybe(ListOf(Text()))),
    block_category_metadata=(32, Maybe(map_of(_U32, _U32))),
    metadata_version_history=(33, Maybe(ListOf(_HISTORY_ENTRY))),
    hole_block_index=(34, Maybe(_U32)),
    large_hole_size=(35, Maybe(Array(_U64))),
    total_allocated_fs_size=(36, Maybe(_U64)),
)
"""What the metadata section holds; the order is that of the stored bits."""


def decode(schema: bytes | memoryview, data: bytes | memoryview) -> Metadata:
    """Return the metadata that two uncompressed sections hold.

    The tables are as stored; nothing is said yet about whether they make sense.

    Args:
        schema: Payload of the METADATA_V2_SCHEMA section.
        data: Payload of the METADATA_V2 section; it must not change afterwards.

    Raises:
        FormatError: The sections do not hold metadata.
    """
    return frozen.decode(METADATA, decode_schema(schema), data)


def encode(
    metadata: Metadata, *, ascending_schema_ids: bool = False, align_maps: bool = False
) -> tuple[bytes, bytes]:
    """Return the payloads of the schema section and of the metadata section.

    Args:
        metadata: The tables as they are to be stored.
        ascending_schema_ids: Order the schema as releases from 0.15 on do.
        align_maps: Align the entries of maps as releases from 0.15 on do.

    Raises:
        ValueError: A value does not fit its field.
    """
    schema, data = frozen.encode(METADATA, metadata, align=align_maps)
    return encode_schema(schema, ascending=ascending_schema_ids), data
