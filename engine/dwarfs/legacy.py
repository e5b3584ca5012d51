"""The tables of images before version 2.3, brought into the later form.

DwarFS format, "Images <= 2.2". There, `inodes` are directory entries: each has its
attributes, its name and an inode number, and files of equal content have the same
number. `entry_table_v2_2` gives one entry for each number.

In the later form such files are inodes of their own that share a content, as if the
image had been made anew: whether they were hard links or duplicates is not recorded.
"""

from __future__ import annotations

import stat
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.metadata import Chunks, DirEntries, Inodes, Metadata
from dwarfsmith.engine.dwarfs.strings import offsets_of
from dwarfsmith.engine.errors import FormatError

U4 = npt.NDArray[np.uint32]
I8 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def upgrade(metadata: Metadata) -> Metadata:
    """Return metadata with directory entries, inodes and shared files.

    Its directories lack their parent and own entries.

    Raises:
        FormatError: The tables contradict each other.
    """
    number = metadata.inodes.inode_v2_2.astype(np.int64)
    table = metadata.entry_table_v2_2.astype(np.int64)
    _check_entry_table(number, table)
    is_file = _is_file(metadata, number, table)
    first, count = _file_numbers(is_file[table])
    files = np.flatnonzero(is_file)
    alone = np.bincount(number)[number[files]] == 1
    unique = files[alone]
    shared, group, shared_numbers = _shared(files[~alone], number)

    entry_of = np.concatenate([table[:first], unique, shared, table[first + count :]])
    inode_of = np.full(len(number), -1)
    inode_of[entry_of] = np.arange(len(entry_of))
    # Other inodes than files may have several entries as well.
    further = np.flatnonzero(inode_of < 0)
    inode_of[further] = inode_of[table[number[further]]]

    contents = np.concatenate([number[unique], shared_numbers]) - first
    chunks, chunk_table = _take_contents(metadata, contents)
    directories = metadata.directories
    return replace(
        metadata,
        inodes=_take_inodes(metadata.inodes, entry_of),
        dir_entries=DirEntries(
            name_index=metadata.inodes.name_index_v2_2,
            inode_num=inode_of.astype(np.uint32),
        ),
        directories=replace(
            directories, parent_entry=np.zeros(len(directories), np.uint32)
        ),
        chunks=chunks,
        chunk_table=chunk_table,
        shared_files_table=group.astype(np.uint32),
        entry_table_v2_2=np.empty(0, np.uint32),
        chunk_inode_offset=0,
        link_inode_offset=0,
    )


def _check_entry_table(number: I8, table: I8) -> None:
    if (
        not len(table)
        or not len(number)
        or table.max() >= len(number)
        or number.max() >= len(table)
    ):
        raise FormatError(
            f"expected entries and inodes that refer to each other, found "
            f"{len(number)} entries and {len(table)} inodes, in the entry table"
        )
    if (wrong := number[table] != np.arange(len(table))).any():
        inode = int(np.argmax(wrong))
        raise FormatError(
            f"expected an entry of inode {inode}, found one of inode "
            f"{number[table[inode]]}, in the entry table"
        )
    if table[0] != 0:
        raise FormatError(
            f"expected the root as entry 0, found it as entry {table[0]}, "
            "in the entry table"
        )


def _is_file(metadata: Metadata, number: I8, table: I8) -> Mask:
    """Return which entries are regular files."""
    index = metadata.inodes.mode_index
    if index.max() >= len(metadata.modes):
        raise FormatError(
            f"expected a mode index below {len(metadata.modes)}, found {index.max()}, "
            f"at entry {index.argmax()}"
        )
    is_file: Mask = (metadata.modes >> 12 == stat.S_IFREG >> 12)[index]
    if (wrong := is_file != is_file[table][number]).any():
        entry = int(np.argmax(wrong))
        raise FormatError(
            "expected entries of an inode to be of one kind, found others, "
            f"at entry {entry} of inode {number[entry]}"
        )
    return is_file


def _file_numbers(is_file: Mask) -> tuple[int, int]:
    """Return the first inode number of a file, and how many files follow it."""
    files = np.flatnonzero(is_file)
    if not len(files):
        return len(is_file), 0
    first, last = int(files[0]), int(files[-1])
    if last - first + 1 != len(files):
        raise FormatError(
            f"expected files to have inode numbers in a row, found {len(files)} "
            f"from {first} to {last}, in the entry table"
        )
    return first, len(files)


def _shared(entries: I8, number: I8) -> tuple[I8, I8, I8]:
    """Sort files that share a number by groups, in order of first appearance.

    Returns:
        The entries, the group of each, and the number of each group.
    """
    numbers, first, group = np.unique(
        number[entries], return_index=True, return_inverse=True
    )
    by_appearance = np.argsort(first)
    rank = np.empty(len(numbers), np.int64)
    rank[by_appearance] = np.arange(len(numbers))
    order = np.argsort(rank[group], kind="stable")
    return entries[order], rank[group][order], numbers[by_appearance]


def _take_inodes(inodes: Inodes, entries: I8) -> Inodes:
    kept = {
        column.name: getattr(inodes, column.name)[entries]
        for column in fields(Inodes)
        if not column.name.endswith("_v2_2") and getattr(inodes, column.name).any()
    }
    return Inodes.of(len(entries), **kept)


def _take_contents(metadata: Metadata, contents: I8) -> tuple[Chunks, U4]:
    """Return the chunks of contents in a new order, and their chunk table."""
    table = metadata.chunk_table.astype(np.int64)
    sizes = np.diff(table)
    if (
        len(sizes) != len(contents)
        or table[0] != 0
        or table[-1] != len(metadata.chunks)
        or (sizes < 0).any()
    ):
        raise FormatError(
            f"expected {len(contents)} contents of {len(metadata.chunks)} chunks, "
            f"found {len(sizes)}, in the chunk table"
        )
    offsets = offsets_of(sizes[contents])
    shifts = table[contents] - offsets[:-1]
    rows = np.arange(offsets[-1]) + np.repeat(shifts, sizes[contents])
    old = metadata.chunks
    chunks = Chunks(block=old.block[rows], offset=old.offset[rows], size=old.size[rows])
    return chunks, offsets.astype(np.uint32)
