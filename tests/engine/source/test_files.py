"""Reading files: batches, windows, read-ahead, and files that change."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from dwarfsmith.engine.errors import CancelledError, InputError
from dwarfsmith.engine.events import Event, Problem
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.source import files
from dwarfsmith.engine.source.files import Batch, FileReader, Status, Window, report
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference.trees import all_paths, make_files

# Sizes around the limits that the fixture sets.
SIZES = (0, 1, 2, 63, 64, 65, 99, 100, 101, 128, 129, 200, 1000, 5, 0, 0, 64, 3)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch) -> None:
    """Make a hundred bytes large, so that tests need none."""
    monkeypatch.setattr(files, "LARGE_BYTES", 100)
    monkeypatch.setattr(files, "BATCH_BYTES", 128)
    monkeypatch.setattr(files, "BATCH_FILES", 4)
    monkeypatch.setattr(files, "WINDOW_BYTES", 64)
    monkeypatch.setattr(files, "_HEADROOM", 40)


class Input:
    """A folder of random files, its tree, and what is in them."""

    def __init__(self, root: bytes) -> None:
        rng = np.random.default_rng(1)
        self.root = root
        self.data = {
            b"f%d/f" % k: rng.integers(0, 256, size, np.uint8).tobytes()
            for k, size in enumerate(SIZES)
        }
        make_files(root, {path[:-2]: {b"f": data} for path, data in self.data.items()})
        self.tree = walk(root, Job())
        paths = all_paths(self.tree)
        # Not the order of the tree.
        self.entries = np.array([paths.index(path) for path in self.data], np.int32)
        self.sizes = self.tree.size[self.entries]
        self.expected = list(self.data.values())

    def path(self, position: int) -> bytes:
        return self.tree.full_path(int(self.entries[position]))


@pytest.fixture
def source(tmp_path) -> Input:
    root = os.fsencode(tmp_path / "input")
    os.mkdir(root)
    return Input(root)


def collect(
    items: Iterator[Batch | Window], count: int
) -> tuple[list[bytes], list[int]]:
    """Put the data and status of each position together; checks the bookkeeping."""
    data = [b""] * count
    status = [-1] * count
    following = 0
    for item in items:
        assert item.position == following
        if isinstance(item, Batch):
            assert len(item) == len(item.starts) == len(item.sizes) == len(item.status)
            for k in range(len(item)):
                start, size = int(item.starts[k]), int(item.sizes[k])
                data[item.position + k] = bytes(item.buffer[start : start + size])
                status[item.position + k] = int(item.status[k])
            following += len(item)
            continue
        assert item.offset == len(data[item.position])
        data[item.position] += bytes(item.buffer)
        status[item.position] = int(item.status)
        following += item.last
    assert following == count
    return data, status


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_everything_in_order(source: Input, readers: int) -> None:
    job = Job()
    with FileReader(source.tree, job) as reader:
        items = reader.batches(source.entries, source.sizes, readers=readers)
        data, status = collect(items, len(SIZES))
    assert data == source.expected
    assert status == [Status.OK] * len(SIZES)
    assert job.counters.read_bytes == sum(SIZES)


def test_small_files_share_a_buffer_within_limits(source: Input) -> None:
    with FileReader(source.tree, Job()) as reader:
        for item in reader.batches(source.entries, source.sizes):
            if isinstance(item, Batch):
                assert 1 <= len(item) <= 4
                assert item.sizes.sum() <= 128
                assert (item.sizes < 100).all()
            else:
                assert len(item.buffer) <= 64
                assert source.sizes[item.position] >= 100


@pytest.mark.parametrize("readers", [1, 2])
@pytest.mark.parametrize("kept", [0, 1, 40, 41, 64])
def test_kept_bytes_come_again(source: Input, kept: int, readers: int) -> None:
    data = dict.fromkeys(range(len(SIZES)), b"")
    job = Job()
    with FileReader(source.tree, job) as reader:
        for item in reader.batches(source.entries, source.sizes, readers=readers):
            if isinstance(item, Window):
                done = data[item.position]
                assert item.offset == len(done)
                count = 0 if item.last else min(kept, len(item.buffer))
                item.keep(count)
                data[item.position] += bytes(item.buffer[: len(item.buffer) - count])
    for k, size in enumerate(SIZES):
        if size >= 100:
            assert data[k] == source.expected[k]
    assert job.counters.read_bytes == sum(SIZES), "kept bytes are read once"


def test_more_cannot_be_kept_than_there_is(source: Input) -> None:
    large = source.sizes >= 100
    with FileReader(source.tree, Job()) as reader:
        for item in reader.batches(source.entries[large], source.sizes[large]):
            assert isinstance(item, Window)
            with pytest.raises(ValueError, match="expected to keep at most"):
                item.keep(len(item.buffer) + 1)
            if item.last:
                with pytest.raises(ValueError, match="before a further window"):
                    item.keep(1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_scan(source: Input, workers: int) -> None:
    data = [b""] * len(SIZES)
    status = [-1] * len(SIZES)
    threads: dict[int, set[int]] = {}
    told: list[int] = []

    def visit(item: Batch | Window) -> None:
        threads.setdefault(item.position, set()).add(threading.get_ident())
        if isinstance(item, Window):
            assert item.offset == len(data[item.position])
            data[item.position] += bytes(item.buffer)
            status[item.position] = item.status
            return
        for k in range(len(item)):
            start, size = int(item.starts[k]), int(item.sizes[k])
            data[item.position + k] = bytes(item.buffer[start : start + size])
            status[item.position + k] = int(item.status[k])

    job = Job()
    with FileReader(source.tree, job) as reader:
        reader.scan(
            source.entries, source.sizes, visit, workers=workers, advance=told.append
        )
    assert data == source.expected
    assert status == [Status.OK] * len(SIZES)
    assert all(len(idents) == 1 for idents in threads.values())
    assert threading.get_ident() not in set().union(*threads.values())
    assert sum(told) == job.counters.read_bytes == sum(SIZES)


def test_nothing_to_read(source: Input) -> None:
    nothing = np.empty(0, np.int32)
    with FileReader(source.tree, Job()) as reader:
        assert list(reader.batches(nothing, nothing)) == []
        reader.scan(nothing, nothing, lambda item: pytest.fail("nothing to visit"))
        assert len(reader.probe(nothing, nothing)) == 0


class TestFilesThatChange:
    """Between the walk and the reading, and under the reader's hands."""

    @pytest.mark.parametrize("position", [5, 12], ids=["small", "large"])
    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ("remove", Status.CANNOT_OPEN),
            ("grow", Status.SIZE_CHANGED),
            ("shrink", Status.SIZE_CHANGED),
            ("fifo", Status.CANNOT_OPEN),
            ("link", Status.CANNOT_OPEN),
            ("directory", Status.CANNOT_OPEN),
            ("parent", Status.CANNOT_OPEN),
        ],
    )
    def test_before(
        self, source: Input, position: int, change: str, status: Status
    ) -> None:
        path = source.path(position)
        if change == "grow":
            with open(path, "ab") as file:
                file.write(b"!")
        elif change == "shrink":
            os.truncate(path, 3)
        else:
            os.unlink(path)
        if change == "fifo":
            os.mkfifo(path)
        elif change == "link":
            os.symlink(source.path(position - 1), path)
        elif change == "directory":
            os.mkdir(path)
        elif change == "parent":
            os.rmdir(os.path.dirname(path))
        expected = [Status.OK] * len(SIZES)
        expected[position] = status
        with FileReader(source.tree, Job()) as reader:
            probed = reader.probe(source.entries, source.sizes)
            data, found = collect(
                reader.batches(source.entries, source.sizes), len(SIZES)
            )
            one = int(source.entries[position]), int(source.sizes[position])
            assert reader.read_prefix(*one, 10) == (b"", status)
        assert probed.tolist() == found == expected
        source.expected[position] = b""
        assert data == source.expected

    def test_an_empty_file_is_never_opened(self, source: Input) -> None:
        os.unlink(source.path(0))
        with FileReader(source.tree, Job()) as reader:
            assert reader.probe(source.entries, source.sizes)[0] == Status.OK

    @pytest.mark.parametrize("readers", [1, 2])
    def test_a_large_file_that_shrinks_while_it_is_read(
        self, source: Input, readers: int
    ) -> None:
        position = SIZES.index(1000)
        found = []
        data = {}
        with FileReader(source.tree, Job()) as reader:
            for item in reader.batches(source.entries, source.sizes, readers=readers):
                if item.position == position and isinstance(item, Window):
                    found.append((item.status, item.last))
                    if item.offset == 0:
                        os.truncate(source.path(position), 500)
                        item.keep(5)
                elif isinstance(item, Batch):
                    data[item.position] = bytes(item.buffer[: int(item.sizes.sum())])
        assert found[-1] == (Status.SHORT, True)
        assert set(found[:-1]) == {(Status.OK, False)}
        assert data[position + 1] == b"".join(
            source.expected[position + 1 : position + 5]
        )

    def test_a_large_file_that_shrinks_during_a_scan(self, source: Input) -> None:
        position = SIZES.index(1000)
        found = []

        def visit(item: Batch | Window) -> None:
            if item.position == position and isinstance(item, Window):
                found.append((item.status, item.last))
                os.truncate(source.path(position), 500)

        with FileReader(source.tree, Job()) as reader:
            reader.scan(source.entries, source.sizes, visit)
        assert found[-1] == (Status.SHORT, True)
        assert len(found) == 500 // 64 + 1

    def test_reports_name_the_file(self, source: Input) -> None:
        events: list[Event] = []
        job = Job(events.append)
        entry = int(source.entries[3])
        for status in list(Status)[1:]:
            report(job, source.tree, entry, status)
        path = os.fsdecode(source.path(3))
        assert [e.message for e in events if isinstance(e, Problem)] == [
            f"cannot access {path}, creating empty file",
            f"file size changed: {path}, creating empty file",
            f"file size changed: {path}, creating empty file",
            f"failed to read {path}, creating empty file",
        ]
        assert job.problems == 4

    def test_the_root_has_gone(self, source: Input) -> None:
        tree = Tree(source.root + b"-absent")
        with pytest.raises(
            InputError, match=r"^expected a directory as input, found: No"
        ):
            FileReader(tree, Job())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(source: Input) -> None:
    os.chmod(source.path(3), 0)
    with FileReader(source.tree, Job()) as reader:
        assert reader.probe(source.entries, source.sizes)[3] == Status.CANNOT_OPEN


def test_access_times_stay(source: Input) -> None:
    for k in range(len(SIZES)):
        os.utime(source.path(k), ns=(1, 10**18))
    with FileReader(source.tree, Job()) as reader:
        collect(reader.batches(source.entries, source.sizes), len(SIZES))
    if os.uname().sysname != "Linux":
        pytest.skip("only Linux lets owners choose")
    assert {os.stat(source.path(k)).st_atime_ns for k in range(len(SIZES))} == {1}


def test_paths_beyond_any_limit(tmp_path) -> None:
    root = os.fsencode(tmp_path)
    folder = os.open(root, os.O_RDONLY)
    for level in range(60):
        name = b"%d" % level + b"x" * 190
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
        file = os.open(b"file", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
        os.write(file, name)
        os.close(file)
    os.close(folder)
    tree = walk(root, Job())
    entries = np.flatnonzero(tree.is_regular).astype(np.int32)
    with FileReader(tree, Job()) as reader:
        data, status = collect(reader.batches(entries, tree.size[entries]), 60)
    assert status == [Status.OK] * 60
    assert data == [tree.name(int(tree.parent[entry])) for entry in entries]


class TestStopping:
    """However reading ends, nothing stays open and no thread stays behind."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, source: Input) -> Iterator[None]:
        threads = threading.active_count()
        descriptors = open_descriptors()
        yield
        assert threading.active_count() == threads
        assert open_descriptors() == descriptors

    @pytest.mark.parametrize("readers", [1, 2])
    def test_a_consumer_that_walks_away(self, source: Input, readers: int) -> None:
        for stop_at in range(12):
            with FileReader(source.tree, Job()) as reader:
                items = reader.batches(source.entries, source.sizes, readers=readers)
                for _ in range(stop_at):
                    next(items)
                items.close()

    @pytest.mark.parametrize("stop_at", [0, 1, 5])
    def test_cancel_ahead(self, source: Input, stop_at: int) -> None:
        job = Job()
        with FileReader(source.tree, job) as reader:
            items = reader.batches(source.entries, source.sizes)
            for _ in range(stop_at):
                next(items)
            job.cancel()
            with pytest.raises(CancelledError):
                next(items)

    def test_cancel_scan(self, source: Input) -> None:
        job = Job()
        with FileReader(source.tree, job) as reader, pytest.raises(CancelledError):
            reader.scan(
                source.entries, source.sizes, lambda item: job.cancel(), workers=1
            )

    def test_an_error_of_a_visitor(self, source: Input) -> None:
        def visit(item: Batch | Window) -> None:
            raise KeyError("mine")

        with (
            FileReader(source.tree, Job()) as reader,
            pytest.raises(KeyError, match="mine"),
        ):
            reader.scan(source.entries, source.sizes, visit)


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))
