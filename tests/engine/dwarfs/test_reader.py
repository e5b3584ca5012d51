"""Reading images: places in files, holes, times, owners; and refusing bad ones."""

import random
import threading
from dataclasses import replace

import numpy as np
import pytest
from crafted import (
    BLOCK,
    BLOCK_SIZE,
    PATHS,
    join_sections,
    make_empty_metadata,
    make_image,
    make_metadata,
    u4,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.dwarfs import metadata as tables
from dwarfsmith.engine.dwarfs.block_reader import BlockReader, map_ordered
from dwarfsmith.engine.dwarfs.container import ImageFile, SectionType
from dwarfsmith.engine.dwarfs.metadata import (
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    Options,
)
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import (
    CancelledError,
    ChecksumError,
    DwarfsmithError,
    FormatError,
    InputError,
    UnsupportedError,
    UsageError,
)
from dwarfsmith.engine.job import Job

DIRECTORY, LINK, FILE_A, FILE_B = 1, 2, 3, 4


def open_crafted(**changes) -> Image:
    return Image.over(make_image(make_metadata(**changes)))


def sparse(chunks: Chunks, **changes):
    """An image whose file `a` has all these chunks; block 1 is the hole."""
    count = len(chunks)
    return open_crafted(
        chunks=chunks,
        chunk_table=u4(0, count, count),
        features=[b"sparsefiles"],
        hole_block_index=1,
        **{"large_hole_size": np.empty(0, np.uint64), **changes},
    )


def test_tree():
    image = open_crafted()
    entries = image.entries
    assert [entries.path(entry) for entry in entries.walk.tolist()] == PATHS
    assert [entries.name(entry) for entry in entries.children(0)] == [b"a", b"d", b"l"]
    assert list(entries.children(entries.find(b"a"))) == []
    for path in PATHS:
        assert entries.path(entries.find(path)) == path
    assert entries.find(b"/d//./b/") == entries.find(b"d/b")
    for path in (b"x", b"a/b", b"d/a", b"d/b/c", b"..", b"dd"):
        assert entries.find(path) is None


def test_an_empty_tree():
    image = Image.over(make_image(make_empty_metadata(), blocks=[]))
    assert list(image.entries.paths(image.entries.walk)) == [b""]
    assert image.stat(0).size == 0
    assert len(image.blocks) == len(image.contents) == 0


def test_path_batches_cover_everything_in_order(monkeypatch):
    monkeypatch.setattr("dwarfsmith.engine.dwarfs.entries.BATCH_BYTES", 4)
    image = open_crafted()
    batches = list(image.entries.path_batches(image.entries.walk))
    assert len(batches) > 1
    assert [path for _, paths in batches for path in paths] == PATHS


def test_stat_and_contents():
    image = open_crafted()
    found = image.stat(FILE_A)
    assert (found.mode, found.uid, found.gid) == (0o100644, 1000, 100)
    assert (found.size, found.nlink, found.rdev) == (5, 1, 0)
    assert found.mtime_ns == found.atime_ns == found.ctime_ns
    assert found.mtime_ns == 1_700_000_003 * 10**9
    assert image.read(FILE_A) == b"hello"
    assert image.read(FILE_B) == b"world"
    assert image.readlink(LINK) == b"a"
    assert image.stat(LINK).size == 1
    assert image.stat(DIRECTORY).size == 1
    assert image.stat(0).size == 3


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("size", [0, 1, 3, 5, 99, None])
def test_reading_a_part(offset, size):
    end = None if size is None else offset + size
    assert open_crafted().read(FILE_A, offset, size) == b"hello"[offset:end]


@given(st.integers(0, 70), st.integers(0, 70))
@settings(max_examples=60, deadline=None)
def test_reading_over_chunks_and_blocks(offset, size):
    blocks = [bytes(range(20)), bytes(range(100, 130))]
    chunks = [(0, 3, 7), (1, 0, 30), (0, 0, 20), (1, 29, 1)]
    whole = b"".join(blocks[b][o : o + n] for b, o, n in chunks)
    columns = [np.array(column, np.uint32) for column in zip(*chunks, strict=True)]
    metadata = make_metadata(
        chunks=Chunks(block=columns[0], offset=columns[1], size=columns[2]),
        chunk_table=u4(0, 4, 4),
    )
    image = Image.over(make_image(metadata, blocks))
    assert image.stat(FILE_A).size == len(whole)
    assert image.read(FILE_A, offset, size) == whole[offset : offset + size]


def test_holes():
    """A small one with its size inside, and a large one by its number."""
    image = sparse(
        Chunks(
            block=u4(1, 0, 1, 1),
            offset=u4(7, 0, 0xFFFFFFFF, 0),
            size=u4(3, 5, 0, 1),
        ),
        large_hole_size=np.array([1 << 40], np.uint64),
    )
    small = 3 * BLOCK_SIZE + 7
    assert image.chunks(FILE_A).size.tolist() == [small, 5, 1 << 40, BLOCK_SIZE]
    assert image.chunks(FILE_A).block.tolist() == [-1, 0, -1, -1]
    assert image.stat(FILE_A).size == small + 5 + (1 << 40) + BLOCK_SIZE
    assert image.read(FILE_A, small - 2, 9) == b"\0\0hello\0\0"
    assert image.read(FILE_A, 1 << 39, 4) == bytes(4)


def test_time_resolutions():
    offsets = np.array([0, 1, 2, 3, 4], np.uint64)
    coarse = open_crafted(
        options=Options(mtime_only=True, time_resolution_sec=60),
        timestamp_base=28319102,
    )
    assert coarse.stat(FILE_A).mtime_ns == 60 * (28319102 + 3) * 10**9
    fine = open_crafted(
        options=Options(subsecond_resolution_nsec_multiplier=100_000_000),
        inodes=Inodes.of(
            5,
            mode_index=u4(0, 0, 1, 2, 2),
            mtime_offset=offsets,
            atime_offset=offsets + np.uint64(10),
            ctime_offset=offsets,
            mtime_subsec=np.full(5, 7, np.uint64),
            atime_subsec=np.full(5, 9, np.uint64),
        ),
    )
    found = fine.stat(FILE_A)
    assert found.mtime_ns == 1_700_000_003_700_000_000
    assert found.atime_ns == 1_700_000_013_900_000_000
    assert found.ctime_ns == 1_700_000_003_000_000_000


def test_times_before_1970():
    image = open_crafted(timestamp_base=(1 << 64) - 5)
    assert image.stat(0).mtime_ns == -5 * 10**9
    assert image.stat(FILE_B).mtime_ns == -1 * 10**9


def test_owners_without_a_table_are_the_index_itself():
    columns = {"owner_index": u4(*[42] * 5), "group_index": u4(*[43] * 5)}
    inodes = Inodes.of(5, mode_index=u4(0, 0, 1, 2, 2), **columns)
    image = open_crafted(uids=u4(), gids=u4(), inodes=inodes)
    assert (image.stat(FILE_A).uid, image.stat(FILE_A).gid) == (42, 43)


def test_links_with_backslashes_are_read_with_slashes():
    target = Strings.of([rb"x\y"])
    plain = open_crafted(symlinks=target, preferred_path_separator=47)
    assert plain.readlink(LINK) == rb"x\y"
    windows = open_crafted(symlinks=target, preferred_path_separator=92)
    assert windows.readlink(LINK) == b"x/y"


def test_link_counts_come_from_the_entries_unless_they_are_stored():
    entries = DirEntries(name_index=u4(0, 0, 2, 3, 1), inode_num=u4(0, 3, 1, 2, 3))
    inodes = Inodes.of(4, mode_index=u4(0, 0, 1, 2))
    one_file = {"dir_entries": entries, "inodes": inodes, "chunk_table": u4(0, 2)}
    counted = open_crafted(**one_file)
    assert [counted.stat(inode).nlink for inode in range(4)] == [1, 1, 1, 2]
    assert counted.entries.inode[counted.entries.find(b"d/b")] == FILE_A
    stored = open_crafted(
        **one_file | {"inodes": replace(inodes, nlink_minus_one=u4(0, 0, 0, 4))},
        options=Options(inodes_have_nlink=True),
    )
    assert stored.stat(FILE_A).nlink == 5


def test_shared_contents():
    image = open_crafted(shared_files_table=u4(0, 0), chunk_table=u4(0, 2))
    assert image.contents.of_file.tolist() == [0, 0]
    assert image.read(FILE_A) == image.read(FILE_B) == b"helloworld"


def test_wrong_questions_are_refused():
    image = open_crafted()
    for wrong in (
        lambda: image.stat(-1),
        lambda: image.stat(5),
        lambda: image.readlink(FILE_A),
        lambda: image.read(LINK),
        lambda: image.read(0),
        lambda: image.read(FILE_A, -1),
        lambda: image.read(FILE_A, 0, -1),
    ):
        with pytest.raises(UsageError):
            wrong()


# Bad images


@pytest.mark.parametrize("name", [b"", b".", b"..", b"x/y", b"/", b"x\0", b"a/../b"])
def test_names_that_no_file_can_have_are_refused(name):
    first = sorted([name, b"d", b"l"])
    index = [first.index(n) for n in first]
    entries = DirEntries(
        name_index=u4(0, *index, 3),
        inode_num=u4(0, *(({name: 3, b"d": 1, b"l": 2}[n]) for n in first), 4),
    )
    own = 1 + first.index(b"d")
    with pytest.raises(FormatError, match="file name"):
        open_crafted(
            names=Strings.of([*first, b"b"]),
            dir_entries=entries,
            directories=Directories(
                parent_entry=u4(0, 0, 0),
                first_entry=u4(1, 4, 5),
                self_entry=u4(0, own, 0),
            ),
        )


def test_paths_that_never_end_are_refused():
    """A chain of directories, each with a long name."""
    depth = 60
    count = depth + 1
    chain = {
        "dir_entries": DirEntries(
            name_index=u4(0, *[0] * depth), inode_num=u4(*range(count))
        ),
        "directories": Directories(
            parent_entry=u4(0, *range(depth), 0),
            first_entry=u4(*range(1, count), count, count),
            self_entry=u4(*range(count), 0),
        ),
        "inodes": Inodes.of(count, mode_index=u4(*[0] * count)),
        "chunks": Chunks(),
        "chunk_table": u4(0),
        "symlink_table": u4(),
    }
    with pytest.raises(FormatError, match="paths of at most"):
        open_crafted(names=Strings.of([b"n" * 300]), **chain)
    image = open_crafted(names=Strings.of([b"n" * 200]), **chain)
    assert image.entries.path(depth) == b"/".join([b"n" * 200] * depth)


def test_link_targets_with_nul_are_refused():
    with pytest.raises(FormatError, match="NUL"):
        open_crafted(symlinks=Strings.of([b"x\0y"]))


def test_chunks_in_blocks_that_are_not_there_are_refused():
    with pytest.raises(FormatError, match="1 blocks"):
        open_crafted(chunks=Chunks(block=u4(0, 1), offset=u4(0, 6), size=u4(5, 5)))


def test_chunks_beyond_their_block_are_refused_when_it_is_read():
    image = open_crafted(chunks=Chunks(block=u4(0, 0), offset=u4(0, 7), size=u4(5, 5)))
    assert image.read(FILE_A) == b"hello"
    with pytest.raises(FormatError, match="a block of 11 bytes, at block 0"):
        image.read(FILE_B)


def test_blocks_larger_than_the_block_size_are_refused():
    image = Image.over(make_image(make_metadata(), [b"x" * (BLOCK_SIZE + 1)], "null"))
    with pytest.raises(DwarfsmithError, match="at most 1024"):
        image.read(FILE_A)
    image = Image.over(make_image(make_metadata(), [b"x" * (1 << 20)], "zstd"))
    with pytest.raises(DwarfsmithError, match="at most 1024"):
        image.read(FILE_A)


def test_huge_holes_are_refused():
    large = Chunks(block=u4(1), offset=u4(0xFFFFFFFF), size=u4(0))
    with pytest.raises(FormatError, match="holes below"):
        sparse(large, large_hole_size=np.array([1 << 63], np.uint64))
    twice = Chunks(block=u4(1, 1), offset=u4(*[0xFFFFFFFF] * 2), size=u4(0, 0))
    with pytest.raises(FormatError, match="in all"):
        sparse(twice, large_hole_size=np.array([1 << 61], np.uint64))


def test_unknown_features_are_named():
    with pytest.raises(UnsupportedError, match="timetravel"):
        open_crafted(features=[b"timetravel"])


@pytest.mark.parametrize("size", [0, 1 << 31, 1000])
def test_impossible_block_sizes_are_refused(size):
    with pytest.raises(FormatError, match="block size"):
        open_crafted(block_size=size)


def test_fractions_of_more_than_a_second_are_refused():
    with pytest.raises(FormatError, match="less than a second"):
        open_crafted(
            options=Options(subsecond_resolution_nsec_multiplier=10**8),
            inodes=Inodes.of(
                5,
                mode_index=u4(0, 0, 1, 2, 2),
                mtime_subsec=np.full(5, 10, np.uint64),
            ),
        )


def test_directories_in_a_circle_are_refused():
    """The directories 1 and 2 contain each other, and the root nothing."""
    with pytest.raises(FormatError):
        open_crafted(
            dir_entries=DirEntries(name_index=u4(0, 0, 0), inode_num=u4(0, 2, 1)),
            directories=Directories(
                parent_entry=u4(0, 1, 2, 0),
                first_entry=u4(1, 1, 2, 3),
                self_entry=u4(0, 2, 1, 0),
            ),
            inodes=Inodes.of(3, mode_index=u4(0, 0, 0)),
            chunks=Chunks(),
            chunk_table=u4(0),
            symlink_table=u4(),
            names=Strings.of([b"x"]),
        )


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no-such-image"):
        Image.open(tmp_path / "no-such-image")


def walk_and_read(image: Image) -> None:
    """Touch everything an image offers."""
    list(image.entries.paths(image.entries.walk))
    for inode in range(len(image.inodes)):
        found = image.stat(inode)
        if image.inodes.files <= inode < image.inodes.devices:
            image.read(inode, 0, min(found.size, 1 << 20))
        elif image.inodes.symlinks <= inode < image.inodes.files:
            image.readlink(inode)


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_damage_to_the_metadata_is_refused_or_harmless(data):
    """Checksums do not help against malice; this image's are right."""
    schema, payload = map(bytearray, tables.encode(make_metadata()))
    for target in (schema, payload):
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(target) - 1))
            target[place] = data.draw(st.integers(0, 255))
    sections = [
        (SectionType.BLOCK, 0, BLOCK),
        (SectionType.METADATA_V2_SCHEMA, 0, bytes(schema)),
        (SectionType.METADATA_V2, 0, bytes(payload)),
    ]
    try:
        walk_and_read(Image.over(join_sections(sections)))
    except DwarfsmithError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["l1", "pack-all-force", "repro"])
def test_any_damage_to_an_image_is_noticed_or_harmless(golden, name):
    whole = (golden / f"dwarfs/{name}.dwarfs").read_bytes()
    noise = random.Random(name)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(noise.randrange(1, 3)):
            damaged[noise.randrange(len(whole))] ^= 1 << noise.randrange(8)
        if noise.random() < 0.3:
            del damaged[noise.randrange(len(whole)) :]
        try:
            walk_and_read(Image.over(bytes(damaged)))
        except DwarfsmithError as error:
            assert "\n" not in str(error)


# Blocks


def test_blocks_are_kept_within_the_cache_and_loaded_once():
    blocks = [bytes([n]) * 100 for n in range(5)]
    file = ImageFile.over(make_image(make_metadata(), blocks))
    reader = BlockReader(file, BLOCK_SIZE, cache_bytes=250)
    loads = []
    load = reader.load
    reader.load = lambda number: loads.append(number) or load(number)  # type: ignore[method-assign]
    for number in (0, 1, 0, 2, 0, 1):
        assert reader.get(number) == blocks[number]
    assert loads == [0, 1, 2, 1]
    assert BlockReader(file, BLOCK_SIZE, cache_bytes=0).get(3) == blocks[3]


def test_threads_that_want_the_same_block_wait_for_one_of_them():
    file = ImageFile.over(make_image(make_metadata(), [b"x" * 100]))
    reader = BlockReader(file, BLOCK_SIZE)
    loads, gate = [], threading.Event()
    load = reader.load

    def slow(number):
        loads.append(number)
        assert gate.wait(20)
        return load(number)

    reader.load = slow  # type: ignore[method-assign]
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(reader.get(0))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert found == [b"x" * 100] * 4
    assert loads == [0]


def test_a_block_that_cannot_be_read_is_tried_again():
    data = bytearray(make_image(make_metadata()))
    data[64] ^= 1
    reader = BlockReader(ImageFile.over(bytes(data)), BLOCK_SIZE)
    for _ in range(2):
        with pytest.raises(ChecksumError):
            reader.get(0)
    unchecked = BlockReader(ImageFile.over(bytes(data)), BLOCK_SIZE, verify=False)
    assert unchecked.get(0) == b"iello world"
    with pytest.raises(FormatError, match="a block below 1"):
        reader.get(1)


def test_ordered_results_come_in_order_and_stop_when_cancelled():
    blocks = [bytes([n]) for n in range(50)]
    file = ImageFile.over(make_image(make_metadata(), blocks))
    reader = BlockReader(file, BLOCK_SIZE, cache_bytes=10 * BLOCK_SIZE)
    job = Job()
    results = reader.ordered(range(50), reader.load, job, workers=3)
    found = []
    with pytest.raises(CancelledError):
        for number, result in results:
            found.append((number, result()))
            if number == 20:
                job.cancel()
    assert found == [(n, blocks[n]) for n in range(21)]


def test_cancelling_does_not_wait_for_a_slow_block():
    gate, entered, job = threading.Event(), threading.Event(), Job()

    def slow(number):
        entered.set()
        assert gate.wait(20)
        return number

    results = map_ordered(slow, range(3), job, workers=1, window=1)
    _, result = next(results)
    assert entered.wait(20)
    job.cancel()
    with pytest.raises(CancelledError):
        result()
    results.close()
    gate.set()
