"""What must hold of the tables of an image is found when it does not."""

import dataclasses
import stat

import numpy as np
import pytest
from tables import both, column, element, replaced

from dwarfsmith.engine.dwarfs.frozen import UIntMap
from dwarfsmith.engine.dwarfs.invariants import (
    InodeRanges,
    check_invariants,
    inode_ranges,
)
from dwarfsmith.engine.dwarfs.metadata import (
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    InodeSizeCache,
    Metadata,
    Options,
)
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import FormatError


def u4(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def u8(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def example() -> Metadata:
    """Three directories, two links, two files and two that share, a device, a pipe."""
    return Metadata(
        chunks=Chunks(block=u4(0, 1, 2), offset=u4(0, 8, 3), size=u4(9, 8, 4)),
        directories=Directories(
            parent_entry=u4(0, 0, 2, 0),
            first_entry=u4(1, 6, 9, 11),
            self_entry=u4(0, 2, 7, 0),
        ),
        inodes=Inodes.of(
            11,
            mode_index=u4(0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4),
            owner_index=u4(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ),
        chunk_table=u4(0, 2, 2, 3),
        symlink_table=u4(0, 1),
        uids=u4(0, 1000),
        gids=u4(0),
        modes=u4(0o40755, 0o120777, 0o100644, 0o20600, 0o10644),
        names=Strings.of([b"a", b"b", b"c", b"d", b"e"]),
        symlinks=Strings.of([b"b", b"../x"]),
        block_size=16,
        devices=u8(5),
        options=Options(),
        # a, b/, c, d, e | b/a, b/c/, b/d | b/c/a, b/c/e
        dir_entries=DirEntries(
            name_index=u4(0, 0, 1, 2, 3, 4, 0, 2, 3, 0, 4),
            inode_num=u4(0, 3, 1, 4, 5, 6, 7, 2, 8, 9, 10),
        ),
        shared_files_table=u4(0, 0),
        features=[b"sparsefiles"],
        hole_block_index=2,
        large_hole_size=u8(1, 2, 3, 4, 1 << 40),
        category_names=[b"x"],
        block_categories=u4(0, 0),
        category_metadata_json=[b"{}"],
        block_category_metadata=UIntMap(u4(1), u4(0)),
        reg_file_size_cache=InodeSizeCache(size_lookup=UIntMap(u4(0), u8(17))),
    )


def test_the_example_is_valid():
    check_invariants(example())
    check_invariants(example(), block_count=2)
    assert inode_ranges(example()) == InodeRanges(
        symlinks=3, files=5, devices=9, specials=10, end=11
    )
    without_owners = dataclasses.replace(example(), uids=u4(), gids=u4())
    check_invariants(without_owners)


BROKEN = [
    # Sizes
    (replaced("inodes", Inodes()), "inodes that are not empty"),
    (replaced("directories", Directories()), "directories that are not empty"),
    (replaced("chunk_table", u4()), "chunk_table that are not empty"),
    (replaced("dir_entries", DirEntries()), "dir_entries that are not empty"),
    (replaced("modes", u4()), "modes that are not empty"),
    (replaced("modes", u4(*range(12))), "at most 11 modes, found 12"),
    (replaced("uids", u4(*range(12))), "at most 11 uids, found 12"),
    (replaced("gids", u4(*range(12))), "at most 11 gids, found 12"),
    (
        replaced("inodes", Inodes.of(12, mode_index=u4(*[0] * 12))),
        "at most 11 inodes, one for each entry, found 12",
    ),
    # Inodes
    (column("inodes", "mode_index", 4, 5), "a mode index below 5, found 5, at inode 4"),
    (column("inodes", "owner_index", 4, 2), "an owner index below 2, found 2"),
    (column("inodes", "group_index", 4, 1), "a group index below 1, found 1"),
    (
        column("inodes", "mode_index", 4, 0),
        "in this order, found mode 40755, at inode 4",
    ),
    (
        column("inodes", "mode_index", 0, 1),
        "in this order, found mode 40755, at inode 1",
    ),
    (element("modes", 3, 0o644), "in this order, found mode 644, at inode 9"),
    (
        replaced("symlink_table", u4(0)),
        "2 rows, one for each inode, found 1, in the sym",
    ),
    (element("symlink_table", 1, 2), "a link target below 2, found 2, at symlink 1"),
    (replaced("devices", u8()), "1 rows, one for each inode, found 0, in the devices"),
    # Directories
    (
        replaced(
            "directories",
            Directories(parent_entry=u4(0), first_entry=u4(1), self_entry=u4(0)),
        ),
        "3 directories and a sentinel, found 1",
    ),
    (
        column("directories", "first_entry", 0, 0),
        "divide entries 1 to 11 .*, found 0 to 11",
    ),
    (column("directories", "first_entry", 3, 10), "found 1 to 10, in the directories"),
    (
        column("directories", "first_entry", 1, 10),
        "that divide entries 1 to 11 among them",
    ),
    (
        column("directories", "parent_entry", 2, 1),
        "parent entry 2, found 1, at directory 2",
    ),
    (
        column("directories", "parent_entry", 0, 1),
        "parent entry 0, found 1, at directory 0",
    ),
    (
        column("directories", "parent_entry", 3, 1),
        "parent entry 0, found 1, at directory 3",
    ),
    (column("directories", "self_entry", 2, 6), "own entry 7, found 6, at directory 2"),
    (column("directories", "self_entry", 0, 6), "own entry 0, found 6, at directory 0"),
    (
        column("dir_entries", "inode_num", 4, 11),
        "an inode below 11, found 11, at directory",
    ),
    (
        column("dir_entries", "inode_num", 1, 4),
        "an entry for every inode, found none, at inode 3",
    ),
    (
        both(
            column("dir_entries", "inode_num", 0, 3),
            column("dir_entries", "inode_num", 1, 0),
        ),
        "inode 0, found 3, in the root's entry",
    ),
    (
        both(
            column("dir_entries", "inode_num", 2, 2),
            column("dir_entries", "inode_num", 7, 1),
            column("directories", "self_entry", 1, 7),
            column("directories", "self_entry", 2, 2),
            column("directories", "parent_entry", 1, 7),
            column("directories", "parent_entry", 2, 0),
        ),
        "every directory below the root, found a cycle, at directory 1",
    ),
    # Names
    (column("dir_entries", "name_index", 4, 5), "5 names in use, found 6"),
    (
        replaced("names", Strings.of([b"a", b"b", b"c", b"d", b"e", b"f"])),
        "6 names in use, found 5",
    ),
    (
        column("dir_entries", "name_index", 3, 1),
        "different and sorted, .* at directory entry 3",
    ),
    (
        column("dir_entries", "name_index", 8, 0),
        "different and sorted, .* at directory entry 8",
    ),
    (
        replaced("names", Strings.of([b"a", b"b", b"c", b"e", b"d"])),
        "at directory entry 5",
    ),
    # Files
    (replaced("shared_files_table", u4(0, 0, 1, 1, 2)), "at most 4 files, found 5"),
    (element("shared_files_table", 0, 1), "groups that rise by one, found others"),
    (element("shared_files_table", 1, 2), "groups that rise by one, found others"),
    (element("shared_files_table", 1, 1), "groups of two, found 1"),
    (replaced("chunk_table", u4(0, 3)), "3 contents and a sentinel, found 2"),
    (element("chunk_table", 3, 2), "numbers that rise to 3, found 0 to 2"),
    (element("chunk_table", 1, 3), "numbers that rise to 3, found 0 to 3"),
    (
        replaced(
            "reg_file_size_cache", InodeSizeCache(size_lookup=UIntMap(u4(3), u8(1)))
        ),
        "a content below 3, found 3, at size cache entry 0",
    ),
    (
        replaced(
            "reg_file_size_cache",
            InodeSizeCache(allocated_size_lookup=UIntMap(u4(0, 9), u8(1, 1))),
        ),
        "a content below 3, found 9, at size cache entry 1",
    ),
    # Chunks
    (
        column("chunks", "block", 0, 3),
        "one of 2 blocks of 16 bytes, found block 3, .* chunk 0",
    ),
    (column("chunks", "offset", 1, 16), "found block 1, offset 16, size 8, at chunk 1"),
    (column("chunks", "size", 1, 9), "found block 1, offset 8, size 9, at chunk 1"),
    (column("chunks", "size", 1, 0xFFFFFFFF), "size 4294967295, at chunk 1"),
    (column("chunks", "offset", 2, 16), "found block 2, offset 16, size 4, at chunk 2"),
    (
        both(column("chunks", "offset", 2, 0xFFFFFFFF), column("chunks", "size", 2, 5)),
        "offset 4294967295, size 5, at chunk 2",
    ),
    (
        both(
            column("chunks", "offset", 2, 0xFFFFFFFF), replaced("large_hole_size", None)
        ),
        "offset 4294967295, size 4, at chunk 2",
    ),
    (replaced("block_size", 0), "a power of two, found 0"),
    (replaced("block_size", 24), "a power of two, found 24"),
    # Categories
    (element("block_categories", 1, 1), "a category below 1, found 1, at block 1"),
    (replaced("category_names", None), "a category below 0, found 0"),
    (
        replaced("block_category_metadata", UIntMap(u4(1), u4(1))),
        "a text below 1, found 1",
    ),
    (
        replaced("block_category_metadata", UIntMap(u4(2), u4(0))),
        "a block below 2, found 2",
    ),
    # Options
    (replaced("options", Options(time_resolution_sec=0)), "time resolution, found 0 s"),
    (
        replaced("options", Options(subsecond_resolution_nsec_multiplier=0)),
        "one time resolution, found 0 ns",
    ),
    (
        replaced("options", Options(subsecond_resolution_nsec_multiplier=10**9)),
        "one time resolution, found 1000000000 ns",
    ),
    (
        replaced(
            "options",
            Options(time_resolution_sec=60, subsecond_resolution_nsec_multiplier=1),
        ),
        "one time resolution, found 1 ns with 60 s",
    ),
    (replaced("features", []), "only if there is the feature sparsefiles"),
    (replaced("features", None), "only if there is the feature sparsefiles"),
]


@pytest.mark.parametrize(
    ("change", "message"), BROKEN, ids=[change.__name__ for change, _ in BROKEN]
)
def test_what_does_not_hold_is_found(change, message):
    made = example()
    change(made)
    with pytest.raises(FormatError, match=message):
        check_invariants(made, block_count=2)


def test_large_holes():
    made = example()
    column("chunks", "offset", 2, 0xFFFFFFFF)(made)
    check_invariants(made)


def test_a_block_more_than_there_are():
    made = dataclasses.replace(
        example(), hole_block_index=None, features=[], large_hole_size=None
    )
    check_invariants(made, block_count=3)
    with pytest.raises(FormatError, match="one of 2 blocks"):
        check_invariants(made, block_count=2)


def test_long_cycles_are_found():
    """A ring of directories apart from the root, which is empty."""
    count = 1000
    # Directory n contains directory n + 1, which is entry n.
    ring = np.arange(1, count)
    made = Metadata(
        directories=Directories(
            first_entry=u4(1, *range(1, count), count),
            self_entry=u4(0, *np.roll(ring, 1), 0),
            parent_entry=u4(0, *np.roll(ring, 2), 0),
        ),
        inodes=Inodes.of(count),
        chunk_table=u4(0),
        modes=u4(stat.S_IFDIR),
        names=Strings.of([b"x"]),
        block_size=16,
        devices=u8(),
        options=Options(),
        dir_entries=DirEntries(
            name_index=np.zeros(count, np.uint32), inode_num=u4(0, *np.roll(ring, -1))
        ),
        shared_files_table=u4(),
    )
    with pytest.raises(FormatError, match="found a cycle, at directory 1"):
        check_invariants(made)
