"""Builds the metadata tables of an image from a tree, its contents and their chunks.

DwarFS format, "Metadata", in particular the order the tables must be in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.blocks.segmenter import Chunks as CutChunks
from dwarfsmith.engine.content.identity import Contents
from dwarfsmith.engine.dwarfs.frozen import UIntMap
from dwarfsmith.engine.dwarfs.history import SOFTWARE
from dwarfsmith.engine.dwarfs.metadata import (
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    InodeSizeCache,
    Metadata,
    Options,
)
from dwarfsmith.engine.dwarfs.numbering import Numbering, number
from dwarfsmith.engine.dwarfs.packing import pack_metadata
from dwarfsmith.engine.dwarfs.strings import Strings, offsets_of
from dwarfsmith.engine.plan import Pack
from dwarfsmith.engine.source.tree import NameTable, Tree

SIZE_CACHE_MIN_CHUNKS = 128
"""Files with this many chunks have their size noted, so that stat stays fast."""

_NS_PER_S = 1_000_000_000
_SLASH = ord("/")

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataChoices:
    """What the user chose about the metadata."""

    block_size: int
    pack: Pack = field(default_factory=Pack)
    set_owner: int | None = None
    set_group: int | None = None
    set_time: int | None = None
    """Unix seconds."""
    keep_all_times: bool = False
    create_timestamp: int | None = None
    """Unix seconds; None: not recorded."""


def assemble(
    tree: Tree, contents: Contents, cut: CutChunks, choices: MetadataChoices
) -> Metadata:
    """Return the metadata of an image.

    Args:
        tree: The entries.
        contents: Which of them share bytes.
        cut: Where those bytes are; contents without chunks are empty.
        choices: Owners, times and packing.
    """
    numbering = number(tree, contents)
    chunks, chunk_table = _chunks(cut, numbering)
    sizes = _content_sizes(chunks, chunk_table)
    file_sizes = sizes[_content_rows(contents, numbering)]
    links = _links(numbering)
    targets = tree.target_table()
    uids, owner_index = _owners(tree.uid, choices.set_owner, numbering)
    gids, group_index = _owners(tree.gid, choices.set_group, numbering)
    modes, mode_index = _by_first_use(tree.mode, numbering)
    base, times = _times(tree, numbering, choices)
    metadata = Metadata(
        chunks=chunks,
        directories=_directories(tree, numbering),
        inodes=Inodes.of(
            len(numbering.owner),
            mode_index=mode_index,
            owner_index=owner_index,
            group_index=group_index,
            nlink_minus_one=links,
            **times,
        ),
        chunk_table=chunk_table,
        symlink_table=targets.rank[numbering.symlinks].astype(np.uint32),
        uids=uids,
        gids=gids,
        modes=modes,
        names=_strings(numbering.names),
        symlinks=_strings(targets),
        timestamp_base=base,
        block_size=choices.block_size,
        total_fs_size=int(file_sizes.sum())
        + int(tree.target_size[numbering.symlinks].sum()),
        devices=tree.rdev[numbering.devices].astype(np.uint64),
        options=Options(mtime_only=not choices.keep_all_times, inodes_have_nlink=True),
        dir_entries=_dir_entries(numbering),
        shared_files_table=_shared_files(contents, numbering),
        total_hardlink_size=_hard_link_size(file_sizes, links, numbering),
        dwarfs_version=SOFTWARE.encode(),
        create_timestamp=choices.create_timestamp,
        preferred_path_separator=_SLASH,
        features=[],
        reg_file_size_cache=_size_cache(sizes, chunk_table),
    )
    return pack_metadata(metadata, choices.pack)


def _strings(table: NameTable) -> Strings:
    return Strings(table.text, table.offsets)


def _chunks(
    cut: CutChunks, numbering: Numbering
) -> tuple[Chunks, npt.NDArray[np.uint32]]:
    """Return the chunks in the order of the chunk table, and that table."""
    rows = numbering.content_index[cut.content]
    by_row = np.argsort(rows, kind="stable")
    contents = int(numbering.content_index.max(initial=-1)) + 1
    table = offsets_of(np.bincount(rows, minlength=contents)).astype(np.uint32)
    chunks = Chunks(
        block=cut.block[by_row], offset=cut.offset[by_row], size=cut.size[by_row]
    )
    return chunks, table


def _content_sizes(chunks: Chunks, chunk_table: npt.NDArray[np.uint32]) -> I8:
    """Return the bytes of each row of the chunk table."""
    ends = offsets_of(chunks.size.astype(np.int64))
    sizes: I8 = np.diff(ends[chunk_table])
    return sizes


def _content_rows(contents: Contents, numbering: Numbering) -> I8:
    """Return the row of the chunk table of each regular file, in inode order."""
    files = np.concatenate([numbering.unique, numbering.shared])
    rows: I8 = numbering.content_index[contents.content_of[files]]
    return rows


def _shared_files(contents: Contents, numbering: Numbering) -> npt.NDArray[np.uint32]:
    rows = numbering.content_index[contents.content_of[numbering.shared]]
    return (rows - len(numbering.unique)).astype(np.uint32)


def _links(numbering: Numbering) -> npt.NDArray[np.uint32]:
    """Return the hard links of each inode but one; 0 unless it is a regular file."""
    return (np.bincount(numbering.inode) - 1).astype(np.uint32)


def _hard_link_size(
    file_sizes: I8, links: npt.NDArray[np.uint32], numbering: Numbering
) -> int:
    start = numbering.file_offset
    return int((file_sizes * links[start : start + len(file_sizes)]).sum())


def _directories(tree: Tree, numbering: Numbering) -> Directories:
    """Return the directories by inode number, with the sentinel at the end."""
    entries = numbering.directories
    own = numbering.position[entries]
    counts = np.bincount(
        numbering.inode[tree.parent[1:]], minlength=len(entries)
    ).astype(np.int64)
    return Directories(
        parent_entry=_with_sentinel(numbering.position[tree.parent[entries]], 0),
        first_entry=(offsets_of(counts) + 1).astype(np.uint32),
        self_entry=_with_sentinel(own, 0),
    )


def _with_sentinel(column: I8, value: int) -> npt.NDArray[np.uint32]:
    return np.append(column, value).astype(np.uint32)


def _dir_entries(numbering: Numbering) -> DirEntries:
    # The root has no name; what stands there means nothing and is written as 0.
    names = np.maximum(numbering.names.rank[numbering.listing], 0)
    return DirEntries(
        name_index=names.astype(np.uint32),
        inode_num=numbering.inode[numbering.listing].astype(np.uint32),
    )


def _by_first_use(
    column: npt.NDArray[Any], numbering: Numbering
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the distinct values of a column, and each inode's index of its value.

    Values stand in the order of their first use in the depth-first walk.
    """
    values, first, index = np.unique(
        column[numbering.walk], return_index=True, return_inverse=True
    )
    by_use = np.argsort(first)
    rank = np.empty(len(values), np.uint32)
    rank[by_use] = np.arange(len(values))
    of_entry = np.empty(len(column), np.uint32)
    of_entry[numbering.walk] = rank[index]
    return values[by_use].astype(np.uint32), of_entry[numbering.owner]


def _owners(
    column: npt.NDArray[np.uint32], fixed: int | None, numbering: Numbering
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    if fixed is None:
        return _by_first_use(column, numbering)
    return np.array([fixed], np.uint32), np.zeros(len(numbering.owner), np.uint32)


def _times(
    tree: Tree, numbering: Numbering, choices: MetadataChoices
) -> tuple[int, dict[str, npt.NDArray[np.uint64]]]:
    """Return the timestamp base and each inode's offsets from it, in seconds."""
    if choices.set_time is not None:
        return choices.set_time, {}
    columns = {"mtime_offset": tree.mtime}
    if choices.keep_all_times:
        columns |= {"atime_offset": tree.atime, "ctime_offset": tree.ctime}
    seconds = {
        name: column[numbering.owner] // _NS_PER_S for name, column in columns.items()
    }
    base = min(int(column.min()) for column in seconds.values())
    # Readers add in 64 bits, so that a base before 1970 works as its complement.
    return base % 2**64, {
        name: (column - base).astype(np.uint64) for name, column in seconds.items()
    }


def _size_cache(sizes: I8, chunk_table: npt.NDArray[np.uint32]) -> InodeSizeCache:
    rows = np.flatnonzero(np.diff(chunk_table) >= SIZE_CACHE_MIN_CHUNKS)
    return InodeSizeCache(
        size_lookup=UIntMap(rows.astype(np.uint32), sizes[rows].astype(np.uint64)),
        min_chunk_count=SIZE_CACHE_MIN_CHUNKS,
    )
