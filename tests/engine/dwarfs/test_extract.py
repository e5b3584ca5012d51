"""Extraction: what comes out, what is in the way, and what must not happen."""

import os
import stat

import numpy as np
import pytest
from crafted import BLOCK_SIZE, make_image, make_metadata, u4
from images import describe_image
from trees import describe

from dwarfsmith.engine.dwarfs.extract import extract
from dwarfsmith.engine.dwarfs.metadata import Chunks, DirEntries, Inodes, Options
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import (
    CancelledError,
    ChecksumError,
    FormatError,
    OutputError,
)
from dwarfsmith.engine.events import LogLine, Problem, StageProgress
from dwarfsmith.engine.job import Job

IS_ROOT = os.geteuid() == 0
FILE_A = 3


def run(image, target, **options):
    """Extract and return the result, and what was said."""
    events = []
    done = extract(image, os.fsencode(target), Job(events.append), **options)
    return done, events


def problems(events):
    return [event for event in events if isinstance(event, Problem)]


def crafted(**changes) -> Image:
    return Image.over(make_image(make_metadata(**changes)))


def expected_rows(path):
    """An image's entries as they come out for the user who runs the tests."""
    rows = describe_image(path, owners=IS_ROOT)
    del rows[b""]
    plain = {}
    for name, (text, *rest) in rows.items():
        mode = int(text, 8)
        if stat.S_ISLNK(mode):
            mode |= 0o777  # links have no permissions of their own
        elif not IS_ROOT:
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
        if IS_ROOT or stat.S_IFMT(mode) not in (stat.S_IFCHR, stat.S_IFBLK):
            plain[name] = (oct(mode), *rest)
    return plain


@pytest.mark.parametrize(
    "name",
    [
        "l7",
        "l7-categorize",
        "pack-all-force",
        "lz4-small-blocks",
        "lookback",
        "chmod-norm",
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_everything_comes_out(golden, tmp_path, name, workers):
    path = golden / f"dwarfs/{name}.dwarfs"
    with Image.open(path) as image:
        done, events = run(image, tmp_path, workers=workers)
        devices = image.inodes.specials - image.inodes.devices
    found = describe(tmp_path, owners=IS_ROOT)
    del found[b""]
    assert found == expected_rows(path)
    assert done.problems == (0 if IS_ROOT else devices)
    assert done.entries == len(found)
    assert done.size_bytes == sum(e.done for e in events if is_last_progress(e))


def is_last_progress(event) -> bool:
    return isinstance(event, StageProgress) and event.done == event.total


def test_times_come_out_to_the_nanosecond_on_every_kind_of_entry(tmp_path):
    columns = {
        f"{which}_offset": np.arange(5, dtype=np.uint64) + np.uint64(shift)
        for which, shift in (("mtime", 0), ("atime", 50))
    }
    image = crafted(
        options=Options(subsecond_resolution_nsec_multiplier=1),
        inodes=Inodes.of(
            5,
            mode_index=u4(0, 0, 1, 2, 2),
            mtime_subsec=np.arange(5, dtype=np.uint64) + np.uint64(123_456_000),
            atime_subsec=np.full(5, 999_999_999, np.uint64),
            **columns,
        ),
    )
    run(image, tmp_path)
    for path in (b"a", b"d", b"d/b", b"l"):
        inode = int(image.entries.inode[image.entries.find(path)])
        found = os.lstat(os.path.join(os.fsencode(tmp_path), path))
        assert found.st_mtime_ns == image.stat(inode).mtime_ns
        assert found.st_atime_ns == image.stat(inode).atime_ns


def test_the_target_itself_is_left_alone(tmp_path):
    os.chmod(tmp_path, 0o711)
    run(crafted(), tmp_path)
    assert stat.S_IMODE(os.stat(tmp_path).st_mode) == 0o711


def test_directories_that_nobody_may_enter_are_filled_first(tmp_path):
    image = crafted(
        modes=u4(0o040755, 0o120777, 0o100644, 0o040000),
        inodes=Inodes.of(5, mode_index=u4(0, 3, 1, 2, 2)),
    )
    run(image, tmp_path)
    assert stat.S_IMODE(os.stat(tmp_path / "d").st_mode) == 0
    os.chmod(tmp_path / "d", 0o700)
    assert (tmp_path / "d/b").read_bytes() == b"world"


def test_holes_stay_holes(tmp_path):
    hole = 5 << 20
    image = crafted(
        chunks=Chunks(
            block=u4(1, 0, 1, 1),
            offset=u4(0, 0, 0, 0),
            size=u4(hole // BLOCK_SIZE, 5, hole // BLOCK_SIZE, hole // BLOCK_SIZE),
        ),
        chunk_table=u4(0, 3, 4),
        features=[b"sparsefiles"],
        hole_block_index=1,
        large_hole_size=np.empty(0, np.uint64),
    )
    done, _ = run(image, tmp_path)
    found = os.stat(tmp_path / "a")
    assert found.st_size == 2 * hole + 5
    assert found.st_blocks * 512 < 1 << 20
    data = (tmp_path / "a").read_bytes()
    assert data == bytes(hole) + b"hello" + bytes(hole)
    whole = os.stat(tmp_path / "d/b")
    assert (whole.st_size, whole.st_blocks) == (hole, 0)
    assert done.size_bytes == 3 * hole + 5


def test_files_in_many_blocks_with_few_handles(tmp_path, monkeypatch):
    """Many files grow at the same time; their handles have to be shared."""
    limit = "dwarfsmith.engine.dwarfs.{}.max_open_files"
    monkeypatch.setattr(limit.format("scatter"), lambda: 2)
    monkeypatch.setattr(limit.format("target"), lambda: 2)
    files, blocks = 9, 7
    names = [b"f%d" % n for n in range(files)]
    data = [bytes([65 + n]) * files for n in range(blocks)]
    image = Image.over(
        make_image(
            make_metadata(
                names=Strings.of(names),
                dir_entries=DirEntries(
                    name_index=u4(0, *range(files)), inode_num=u4(*range(files + 1))
                ),
                directories=_one_directory(files),
                inodes=Inodes.of(files + 1, mode_index=u4(0, *[1] * files)),
                modes=u4(0o040755, 0o100644),
                symlink_table=u4(),
                symlinks=Strings.of([]),
                chunks=Chunks(
                    block=u4(*list(range(blocks)) * files),
                    offset=u4(*(n for n in range(files) for _ in range(blocks))),
                    size=u4(*[1] * files * blocks),
                ),
                chunk_table=u4(*range(0, files * blocks + 1, blocks)),
            ),
            data,
        )
    )
    done, _ = run(image, tmp_path)
    assert done.entries == files
    for name in names:
        assert (tmp_path / os.fsdecode(name)).read_bytes() == b"ABCDEFG"


def _one_directory(files):
    from dwarfsmith.engine.dwarfs.metadata import Directories

    return Directories(
        parent_entry=u4(0, 0), first_entry=u4(1, files + 1), self_entry=u4(0, 0)
    )


def test_each_block_is_decompressed_once(golden, tmp_path, monkeypatch):
    with Image.open(golden / "dwarfs/lz4-small-blocks.dwarfs") as image:
        loads = []
        load = image.blocks.load
        monkeypatch.setattr(
            image.blocks, "load", lambda number: loads.append(number) or load(number)
        )
        run(image, tmp_path)
        assert sorted(loads) == list(range(len(image.blocks)))


# What is in the way


def test_what_is_in_the_way_is_replaced(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").symlink_to(outside)
    (target / "l").mkdir()
    os.link(outside, target / "d")
    run(crafted(), target)
    assert outside.read_text() == "untouched"
    assert (target / "a").read_bytes() == b"hello"
    assert not (target / "a").is_symlink()
    assert os.readlink(target / "l") == "a"
    assert (target / "d/b").read_bytes() == b"world"


def test_directories_that_are_there_are_kept_with_what_is_in_them(tmp_path):
    (tmp_path / "d").mkdir(mode=0o777)
    (tmp_path / "d/other").write_text("kept")
    run(crafted(), tmp_path)
    assert (tmp_path / "d/other").read_text() == "kept"
    assert stat.S_IMODE(os.stat(tmp_path / "d").st_mode) == 0o755


def test_no_symbolic_link_is_followed(tmp_path):
    """A link with the name of a directory leads out of the target."""
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "d").symlink_to(outside)
    run(crafted(), target)
    assert list(outside.iterdir()) == []
    assert not (target / "d").is_symlink()
    assert (target / "d/b").read_bytes() == b"world"


def test_directories_with_something_in_them_are_not_removed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/precious").write_text("kept")
    with pytest.raises(OutputError, match="cannot extract 'a'"):
        run(crafted(), tmp_path)
    done, events = run(crafted(), tmp_path, continue_on_error=True)
    assert done.problems == 1
    assert [event.path for event in problems(events)] == ["a"]
    assert (tmp_path / "a/precious").read_text() == "kept"
    assert (tmp_path / "d/b").read_bytes() == b"world"


def test_a_target_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for wrong in ("file", "missing"):
        with pytest.raises(OutputError, match="expected a directory"):
            run(crafted(), tmp_path / wrong)


def test_running_twice_gives_the_same(golden, tmp_path):
    path = golden / "dwarfs/l4.dwarfs"
    with Image.open(path) as image:
        run(image, tmp_path)
        run(image, tmp_path)
    found = describe(tmp_path, owners=IS_ROOT)
    del found[b""]
    assert found == expected_rows(path)


# Links, devices, owners


def test_hard_links_and_duplicates(tmp_path):
    """One file with two names and one of its own, all with the same bytes."""
    image = crafted(
        dir_entries=DirEntries(
            name_index=u4(0, 0, 2, 3, 1), inode_num=u4(0, 2, 1, 3, 2)
        ),
        inodes=Inodes.of(4, mode_index=u4(0, 0, 1, 1)),
        modes=u4(0o040755, 0o100644),
        symlink_table=u4(),
        symlinks=Strings.of([]),
        shared_files_table=u4(0, 0),
        chunk_table=u4(0, 2),
    )
    done, _ = run(image, tmp_path)
    assert (tmp_path / "a").samefile(tmp_path / "d/b")
    assert not (tmp_path / "a").samefile(tmp_path / "l")
    for name in ("a", "d/b", "l"):
        assert (tmp_path / name).read_bytes() == b"helloworld"
    assert (done.entries, done.size_bytes) == (4, 20)


def with_nodes(**changes) -> Image:
    """`a` is a FIFO, `d/b` a character device."""
    return crafted(
        modes=u4(0o040755, 0o120777, 0o020600, 0o010640),
        inodes=Inodes.of(5, mode_index=u4(0, 0, 1, 2, 3)),
        dir_entries=DirEntries(
            name_index=u4(0, 0, 2, 3, 1), inode_num=u4(0, 4, 1, 2, 3)
        ),
        devices=np.array([os.makedev(1, 3)], np.uint64),
        chunks=Chunks(),
        chunk_table=u4(0),
        **changes,
    )


def test_special_files_and_leaving_them_out(tmp_path):
    done, _ = run(with_nodes(), tmp_path, skip_devices=True)
    assert stat.S_ISFIFO(os.lstat(tmp_path / "a").st_mode)
    assert stat.S_IMODE(os.lstat(tmp_path / "a").st_mode) == 0o640
    assert not (tmp_path / "d/b").exists()
    assert done.problems == 0
    other = tmp_path / "other"
    other.mkdir()
    run(with_nodes(), other, skip_devices=True, skip_specials=True)
    assert not (other / "a").exists()


@pytest.mark.root
def test_devices_and_owners(tmp_path):
    run(with_nodes(), tmp_path)
    found = os.lstat(tmp_path / "d/b")
    assert stat.S_ISCHR(found.st_mode)
    assert found.st_rdev == os.makedev(1, 3)
    for name in ("a", "d", "d/b", "l"):
        found = os.lstat(tmp_path / name)
        assert (found.st_uid, found.st_gid) == (1000, 100)


def test_devices_that_cannot_be_made_are_problems(tmp_path, monkeypatch):
    def refuse(*arguments, **named):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mknod", refuse)
    done, events = run(with_nodes(), tmp_path)
    assert done.problems == 2
    assert {event.path for event in problems(events)} == {"a", "d/b"}
    assert "Operation not permitted" in problems(events)[0].message
    assert os.readlink(tmp_path / "l") == "a"


@pytest.mark.parametrize("user", [1000, 0])
def test_set_id_bits_come_only_with_their_owner(tmp_path, monkeypatch, user):
    """Whoever extracts must not get programs that run as themselves for others."""
    set_id = crafted(modes=u4(0o040755, 0o120777, 0o106755))
    monkeypatch.setattr(os, "geteuid", lambda: user)

    def refuse(*arguments, **named):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    done, events = run(set_id, tmp_path)
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o755
    warnings = [event for event in events if isinstance(event, LogLine)]
    assert len(warnings) == (1 if user == 0 else 0)
    assert done.problems == 0


# Damage


def damaged_image() -> Image:
    """The first of two blocks is damaged; `a` needs it, `d/b` needs both."""
    data = bytearray(
        make_image(
            make_metadata(
                chunks=Chunks(block=u4(0, 0, 1), offset=u4(0, 0, 0), size=u4(5, 6, 3)),
                chunk_table=u4(0, 1, 3),
            ),
            [b"hello world", b"abc"],
        )
    )
    data[64] ^= 1
    return Image.over(bytes(data))


def test_a_damaged_block_stops_the_extraction(tmp_path):
    with pytest.raises(ChecksumError, match="section 0"):
        run(damaged_image(), tmp_path)


def test_a_damaged_block_leaves_holes_when_asked_to_go_on(tmp_path):
    done, events = run(damaged_image(), tmp_path, continue_on_error=True)
    assert done.problems == 2
    assert {event.path for event in problems(events)} == {"a", "d/b"}
    assert (tmp_path / "a").read_bytes() == bytes(5)
    assert (tmp_path / "d/b").read_bytes() == bytes(6) + b"abc"
    assert stat.S_IMODE(os.stat(tmp_path / "d/b").st_mode) == 0o644


def test_a_chunk_outside_its_block_stops_the_extraction(tmp_path):
    image = crafted(chunks=Chunks(block=u4(0, 0), offset=u4(0, 7), size=u4(5, 5)))
    with pytest.raises(FormatError, match="a block of 11 bytes"):
        run(image, tmp_path)


def test_a_full_disk_is_fatal_even_when_asked_to_go_on(tmp_path, monkeypatch):
    def full(handle, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        run(crafted(), tmp_path, continue_on_error=True)


def test_times_beyond_what_the_system_knows(tmp_path):
    """2^63 seconds since 1970."""
    image = crafted(timestamp_base=(1 << 63) - 1)
    try:
        run(image, tmp_path)
    except OutputError as error:
        assert "cannot extract" in str(error)
    done, _ = run(image, tmp_path, continue_on_error=True)
    assert (tmp_path / "a").read_bytes() == b"hello"
    assert done.problems <= 5


def test_cancelling(tmp_path):
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        extract(crafted(), os.fsencode(tmp_path), job)
