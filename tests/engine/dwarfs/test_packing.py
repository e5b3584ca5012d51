"""Packed tables and old tables."""

import dataclasses
import pathlib
import random
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import both, column, element, metadata_sections, plain, replaced

from dwarfsmith.engine.dwarfs.metadata import (
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    Metadata,
    Options,
    decode,
    encode,
)
from dwarfsmith.engine.dwarfs.packing import (
    InodeRanges,
    check_invariants,
    inode_ranges,
    pack_metadata,
    unpack_metadata,
)
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.plan import Pack

GOLDEN = pathlib.Path(__file__).parents[2] / "golden/dwarfs"
IMAGES = sorted(path.name for path in GOLDEN.glob("*.dwarfs"))
COMPAT = sorted(
    f"compat-v{version}" for version in ("0.2.0", "0.3.0", "0.5.6", "0.6.2", "0.9.10")
)
FLAGS = [field.name for field in dataclasses.fields(Pack)]
PACKS = st.builds(Pack, **{flag: st.booleans() for flag in FLAGS})

BLOCK_SIZE = 1 << 16
MODES = [stat.S_IFDIR, stat.S_IFLNK, stat.S_IFREG, stat.S_IFCHR, stat.S_IFIFO]


def u4(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def u8(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


# Made-up metadata ------------------------------------------------------------------


def made_up(chance: random.Random) -> Metadata:
    """Return valid metadata of a random tree, in the plain form."""
    directories = chance.randrange(1, 9)
    counts = [directories, *(chance.randrange(4) for _ in range(4))]
    unique = counts[2]
    groups = [chance.randrange(2, 5) for _ in range(chance.randrange(3))]
    counts[2] += sum(groups)
    kinds = np.repeat(np.arange(5), counts)
    parents = [0, *(chance.randrange(number) for number in range(1, directories))]
    inside: list[list[int]] = [[] for _ in range(directories)]
    for inode in range(1, len(kinds)):
        where = parents[inode] if inode < directories else chance.randrange(directories)
        inside[where].append(inode)
        if kinds[inode] == 2 and chance.random() < 0.3:  # a hard link
            inside[chance.randrange(directories)].append(inode)
    names = sorted(chance.randbytes(2) + bytes([number]) for number in range(99))
    entries, first = [(0, 0)], []
    for inodes in inside:
        first.append(len(entries))
        chosen = sorted(chance.sample(range(len(names)), len(inodes)))
        entries += zip(chosen, inodes, strict=True)
    used = max((name for name, _ in entries[1:]), default=-1) + 1
    own = {inode: index for index, (_, inode) in enumerate(entries)}
    sizes = [chance.randrange(4) for _ in range(unique + len(groups))]
    chunks = sum(sizes)
    offsets = [chance.randrange(BLOCK_SIZE) for _ in range(chunks)]
    return Metadata(
        chunks=Chunks(
            block=u4(*(chance.randrange(3) for _ in range(chunks))),
            offset=u4(*offsets),
            size=u4(*(chance.randrange(1, BLOCK_SIZE - at + 1) for at in offsets)),
        ),
        directories=Directories(
            parent_entry=u4(*(own[parent] for parent in parents), 0),
            first_entry=u4(*first, len(entries)),
            self_entry=u4(*(own[inode] for inode in range(directories)), 0),
        ),
        inodes=Inodes.of(len(kinds), mode_index=kinds.astype(np.uint32)),
        chunk_table=u4(0, *np.cumsum(sizes)),
        symlink_table=u4(*range(counts[1])),
        uids=u4(0),
        gids=u4(0),
        modes=u4(*MODES)[: kinds[-1] + 1],
        names=Strings.of(names[:used]),
        symlinks=Strings.of([b"x" * n for n in range(counts[1])]),
        block_size=BLOCK_SIZE,
        devices=u8(*range(counts[3])),
        options=Options(),
        dir_entries=DirEntries(
            name_index=u4(*(name for name, _ in entries)),
            inode_num=u4(*(inode for _, inode in entries)),
        ),
        shared_files_table=np.repeat(np.arange(len(groups)), groups).astype(np.uint32),
        features=[],
    )


def made_up_metadata() -> st.SearchStrategy[Metadata]:
    # Every kind must have a mode that is in use, or there would be too many modes.
    return (
        st.randoms(use_true_random=False)
        .map(made_up)
        .filter(lambda made: len(made.modes) <= len(made.inodes))
    )


@given(made=made_up_metadata(), pack=PACKS)
@settings(deadline=None)
def test_round_trip(made, pack):
    check_invariants(made, block_count=3)
    packed = pack_metadata(made, pack)
    found = decode(*encode(packed))
    assert plain(found) == plain(packed)
    assert plain(unpack_metadata(found)) == plain(made)


@given(made_up_metadata())
@settings(deadline=None)
def test_own_entries_are_worked_out_where_they_are_missing(made):
    """Images before 0.11 do not have them, and their parents are not used."""
    stored = made.directories
    nothing = np.zeros(len(stored), np.uint32)
    parent = stored.parent_entry if len(stored) <= 2 else nothing
    older = dataclasses.replace(
        made,
        directories=Directories(
            parent_entry=parent, first_entry=stored.first_entry, self_entry=nothing
        ),
    )
    assert plain(unpack_metadata(older)) == plain(made)


# The transforms, by the description's numbers --------------------------------------


def test_shared_files():
    made = made_up(random.Random(1))
    made.inodes = Inodes.of(20)
    made.options = Options(packed_shared_files_table=True)
    made.shared_files_table = u4(0, 3, 1, 0, 1)
    plain_table = [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]
    found = unpack_metadata(made)
    assert found.shared_files_table.tolist() == plain_table
    assert not found.options.packed_shared_files_table
    again = pack_metadata(found, Pack(shared_files=True))
    assert again.shared_files_table.tolist() == [0, 3, 1, 0, 1]
    assert again.options.packed_shared_files_table


def test_no_shared_files():
    made = made_up(random.Random(1))
    for table in (None, u4()):
        made.shared_files_table = table
        packed = pack_metadata(made, Pack(shared_files=True))
        assert packed.options.packed_shared_files_table
        assert packed.shared_files_table.tolist() == []
        assert unpack_metadata(packed).shared_files_table.tolist() == []


def test_chunk_table():
    made = made_up(random.Random(2))
    made.chunk_table = u4(0, 2, 2, 7)
    packed = pack_metadata(made, Pack(chunk_table=True))
    assert packed.chunk_table.tolist() == [0, 2, 0, 5]
    assert packed.options.packed_chunk_table
    assert made.chunk_table.tolist() == [0, 2, 2, 7]


def test_directories():
    made = made_up(random.Random(3))
    packed = pack_metadata(made, Pack(directories=True))
    assert not packed.directories.parent_entry.any()
    assert not packed.directories.self_entry.any()
    assert packed.directories.first_entry.sum() == len(made.dir_entries)


def test_strings():
    made = made_up(random.Random(4))
    made.names = Strings.of([f"file_{n:03}".encode() for n in range(300)])
    for words, symtab, index, compact in (
        ({}, False, False, True),
        ({"names": True}, True, False, True),
        ({"names_index": True}, False, True, True),
        ({"force": True}, False, False, True),
        ({"plain": True, "names": True}, None, None, False),
    ):
        packed = pack_metadata(made, Pack(**words))
        assert (packed.compact_names is not None) == compact
        assert (packed.compact_symlinks is not None) == compact
        if compact:
            assert len(packed.names) == 0
            assert (packed.compact_names.symtab is not None) == symtab
            assert packed.compact_names.packed_index == index
            assert packed.compact_symlinks.symtab is None
        else:
            assert packed.names is made.names


# Images ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_valid(name):
    found = unpack_metadata(decode(*metadata_sections(GOLDEN / name)))
    check_invariants(found)
    assert found.options == dataclasses.replace(
        found.options,
        packed_chunk_table=False,
        packed_directories=False,
        packed_shared_files_table=False,
    )
    assert found.compact_names is found.compact_symlinks is None


def test_however_packed_the_tables_are_the_same():
    """Made with the same options but for packing."""
    tables = [
        plain(unpack_metadata(decode(*metadata_sections(GOLDEN / f"{name}.dwarfs"))))
        for name in ("pack-none", "pack-all", "pack-all-force", "pack-plain")
    ]
    for table in tables:
        del table["create_timestamp"]
    assert tables[1:] == tables[:-1]


@pytest.mark.parametrize(
    "name", ["pack-none", "pack-all", "pack-all-force", "pack-plain"]
)
def test_tables_are_packed_as_the_reference_does(name):
    stored = decode(*metadata_sections(GOLDEN / f"{name}.dwarfs"))
    everything = name in ("pack-all", "pack-all-force")
    choice = dict.fromkeys(FLAGS, everything)
    choice |= {"force": name == "pack-all-force", "plain": name == "pack-plain"}
    ours, theirs = (
        plain(tables)
        for tables in (pack_metadata(unpack_metadata(stored), Pack(**choice)), stored)
    )
    if everything:  # every encoder finds its own symbols
        for tables in (ours, theirs):
            for strings in ("compact_names", "compact_symlinks"):
                tables[strings] = tables[strings]["packed_index"]
    assert ours == theirs


@pytest.mark.parametrize("name", COMPAT)
def test_old_images_have_the_same_tree(name, shared_golden):
    """All were made from one tree by releases that store it ever differently."""
    found = unpack_metadata(
        decode(*metadata_sections(shared_golden / f"compat/{name}.dwarfs"))
    )
    check_invariants(found)
    devices = name != "compat-v0.2.0"
    assert inode_ranges(found) == InodeRanges(
        symlinks=14,
        files=16,
        devices=33,
        specials=33 + 2 * devices,
        end=33 + 3 * devices,
    )
    assert len(found.dir_entries) == 41 + 3 * devices
    links = np.bincount(found.dir_entries.inode_num)[16:33]
    assert sorted(links)[-3:] == [1, 4, 6]
    assert found.directories.self_entry[1:-1].all()
    assert list(found.symlinks) == [b"../foo", b"foo/bar"]


# Hostile packing -------------------------------------------------------------------


def packed_example() -> Metadata:
    everything = dict.fromkeys(FLAGS, True) | {"plain": False}
    chance = random.Random(11)
    while True:
        made = made_up(chance)
        if len(made.directories) > 4 and len(made.shared_files_table) > 4:
            return pack_metadata(made, Pack(**everything))


def test_differences_must_add_up():
    packed = packed_example()
    packed.chunk_table = packed.chunk_table + np.uint32(1 << 31)
    with pytest.raises(
        FormatError, match=r"add up to \d+, found \d+, in the chunk table"
    ):
        unpack_metadata(packed)
    packed = packed_example()
    first = packed.directories.first_entry.copy()
    first[1] += 1
    packed.directories = dataclasses.replace(packed.directories, first_entry=first)
    with pytest.raises(FormatError, match=r"add up to \d+, found \d+, in the direct"):
        unpack_metadata(packed)


def test_shared_files_must_be_inodes():
    packed = packed_example()
    packed.shared_files_table = u4(0xFFFFFFFF, 0xFFFFFFFF)
    with pytest.raises(
        FormatError, match="shared files, one for each inode, found 8589"
    ):
        unpack_metadata(packed)


def test_strings_must_be_stored_once():
    packed = packed_example()
    packed.names = Strings.of([b"again"])
    with pytest.raises(
        FormatError, match="names in one table, found a plain and a comp"
    ):
        unpack_metadata(packed)


@pytest.mark.parametrize(
    ("table", "size"), [("names", 513), ("symlinks", 4097), ("names", 512)]
)
def test_strings_must_not_be_too_long(table, size):
    made = made_up(random.Random(1))
    setattr(made, table, Strings.of([b"x" * size]))
    compact = pack_metadata(made, Pack())
    if size == 512:
        assert unpack_metadata(made).names.sizes.tolist() == [512]
        assert unpack_metadata(compact).names.sizes.tolist() == [512]
        return
    for stored in (made, compact):
        with pytest.raises(
            FormatError, match=f"at most {size - 1} bytes, found {size}"
        ):
            unpack_metadata(stored)


# Images before 2.3 -----------------------------------------------------------------


def legacy_example() -> Metadata:
    """A root with a file under two names and a directory with a link in it."""
    return Metadata(
        chunks=Chunks(block=u4(0), offset=u4(0), size=u4(5)),
        directories=Directories(
            parent_entry=u4(0, 0, 0), first_entry=u4(1, 4, 5), self_entry=u4(0, 0, 0)
        ),
        inodes=Inodes.of(
            5,
            mode_index=u4(0, 2, 0, 2, 1),
            mtime_offset=u8(0, 1, 2, 3, 4),
            name_index_v2_2=u4(0, 0, 1, 2, 0),
            inode_v2_2=u4(0, 3, 1, 3, 2),
        ),
        chunk_table=u4(0, 1),
        entry_table_v2_2=u4(0, 2, 4, 1),
        symlink_table=u4(0),
        uids=u4(0),
        gids=u4(0),
        modes=u4(0o40755, 0o120777, 0o100644),
        names=Strings.of([b"a", b"b", b"c"]),
        symlinks=Strings.of([b"../a"]),
        block_size=1024,
        chunk_inode_offset=3,
        link_inode_offset=2,
    )


def test_old_tables_are_brought_into_the_later_form():
    found = unpack_metadata(legacy_example())
    check_invariants(found, block_count=1)
    assert inode_ranges(found) == InodeRanges(2, 3, 4, 4, 4)
    assert found.dir_entries.inode_num.tolist() == [0, 3, 1, 3, 2]
    assert found.dir_entries.name_index.tolist() == [0, 0, 1, 2, 0]
    assert found.inodes.mtime_offset.tolist() == [0, 2, 4, 1]
    assert found.directories.parent_entry.tolist() == [0, 0, 0]
    assert found.directories.self_entry.tolist() == [0, 2, 0]
    assert len(found.entry_table_v2_2) == 0
    assert found.options == Options()
    assert plain(decode(*encode(found))) == plain(found)


BROKEN_LEGACY = [
    (replaced("entry_table_v2_2", u4()), "entries below 5, found none"),
    (element("entry_table_v2_2", 3, 5), "entries below 5, found 5"),
    (element("entry_table_v2_2", 3, 2), "an entry of inode 3, found one of inode 1"),
    (column("inodes", "inode_v2_2", 1, 1), "an entry of inode 3, found one of inode 1"),
    (
        both(
            replaced("entry_table_v2_2", u4(3, 2, 4, 1)),
            column("inodes", "inode_v2_2", 3, 0),
        ),
        "the root as entry 0, found it as entry 3",
    ),
    (column("directories", "first_entry", 1, 6), "directories that divide entries"),
    (replaced("inodes", Inodes()), "entries below 0, found 4"),
]


@pytest.mark.parametrize(
    ("change", "message"),
    BROKEN_LEGACY,
    ids=[change.__name__ for change, _ in BROKEN_LEGACY],
)
def test_what_does_not_hold_of_old_tables(change, message):
    made = legacy_example()
    change(made)
    with pytest.raises(FormatError, match=message):
        unpack_metadata(made)
