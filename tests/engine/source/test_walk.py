"""The walk: everything that can stand in a folder, and what can go wrong."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

import numpy as np
import pytest

from dwarfsmith.engine.errors import CancelledError, InputError
from dwarfsmith.engine.events import (
    Event,
    Problem,
    Scanned,
    ScanProgress,
    StageFinished,
    StageStarted,
)
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference import walk as reference
from reference.trees import all_paths, make_files

linux_names = pytest.mark.skipif(
    os.uname().sysname != "Linux", reason="this file system wants UTF-8 names"
)


@pytest.fixture
def root(tmp_path) -> bytes:
    path = os.fsencode(tmp_path / "input")
    os.mkdir(path)
    return path


def assert_same(tree: Tree, root: bytes) -> None:
    expected = reference.walk(root)
    assert all_paths(tree) == [entry.path for entry in expected]
    assert [tree.target(i) for i in range(len(tree))] == [e.target for e in expected]
    for name in ("mode", "uid", "gid", "nlink", "size", "dev", "ino", "rdev"):
        found = getattr(tree, name).tolist()
        assert found == [getattr(e.status, f"st_{name}") for e in expected], name
    for name in ("mtime", "ctime"):
        found = getattr(tree, name).tolist()
        assert found == [getattr(e.status, f"st_{name}_ns") for e in expected], name


def test_all_columns(root) -> None:
    make_files(
        root, {b"a": {b"b": {b"c": b"123"}, b"d": {}}, b"e": b"", b"f": {b"g": b"1"}}
    )
    os.symlink(b"../nowhere/\n" * 20, os.path.join(root, b"link"))
    os.symlink(b"a", os.path.join(root, b"a", b"to a folder"))
    os.link(os.path.join(root, b"e"), os.path.join(root, b"a", b"hard"))
    os.utime(os.path.join(root, b"e"), ns=(1, 1234567890123456789))
    os.utime(os.path.join(root, b"f"), ns=(-1, -1))
    job = Job()
    tree = walk(root, job)
    assert_same(tree, root)
    assert tree.root == os.path.realpath(root)
    assert job.problems == 0
    e = all_paths(tree).index(b"e")
    assert (tree.atime[e], tree.mtime[e]) == (1, 1234567890123456789)


def test_an_empty_folder(root) -> None:
    tree = walk(root, Job())
    assert len(tree) == 1
    assert tree.children(0) == range(1, 1)
    assert tree.is_directory.tolist() == [True]


@linux_names
def test_names_of_any_bytes(root) -> None:
    names = [
        b"\xff\xfe",
        b"new\nline",
        b" ",
        b"-",
        b"x" * 255,
        b"\x01\x1b[0m",
        "ü".encode(),
    ]
    make_files(root, {name: {name: b"x"} for name in names})
    tree = walk(root, Job())
    assert_same(tree, root)
    assert len(tree) == 1 + 2 * len(names)


def test_depth_beyond_any_path_limit(root) -> None:
    levels, name = 300, b"d" * 200
    folder = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open(b"file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    job = Job()
    tree = walk(root, job)
    subprocess.run([b"rm", b"-rf", root], check=True)
    assert job.problems == 0
    assert len(tree) == levels + 2
    assert tree.path(levels + 1) == (name + b"/") * levels + b"file"


def test_several_hundred_levels_beside_each_other(root) -> None:
    # Returning from a deep folder to a sibling high up.
    deep = b"/".join([b"d"] * 400)
    for name in (b"a", b"b", b"c"):
        os.makedirs(os.path.join(root, name, deep))
        make_files(os.path.join(root, name), {b"y": {b"z": {b"file": b"1"}}})
    assert_same(walk(root, Job()), root)


@pytest.mark.parametrize(
    "count", [20_000, pytest.param(70_000, marks=pytest.mark.slow)]
)
def test_many_files_in_one_folder(root, count) -> None:
    folder = os.open(root, os.O_RDONLY)
    for i in range(count):
        os.close(os.open(b"%d" % i, os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    events: list[Event] = []
    tree = walk(root, Job(events.append))
    assert len(tree) == count + 1
    assert tree.children(0) == range(1, count + 1)
    assert sorted(int(path) for path in all_paths(tree)[1:]) == list(range(count))


def test_the_root_may_be_a_symlink(root, tmp_path) -> None:
    make_files(root, {b"a": b"1"})
    link = os.fsencode(tmp_path / "link")
    os.symlink(root, link)
    tree = walk(link, Job())
    assert tree.root == os.path.realpath(root)
    assert all_paths(tree) == [b"", b"a"]
    assert tree.is_directory.tolist() == [True, False]


def test_no_directory(root) -> None:
    make_files(root, {b"file": b""})
    with pytest.raises(
        InputError, match=r"^expected a directory.*Not a directory, at .*file$"
    ):
        walk(os.path.join(root, b"file"), Job())
    with pytest.raises(InputError, match=r"^expected a directory.*No such file"):
        walk(os.path.join(root, b"absent\n"), Job())


def test_specials_only_if_wanted(root) -> None:
    os.mkfifo(os.path.join(root, b"fifo"))
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(root)  # socket paths are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(b"socket")
    finally:
        os.fchdir(here)
        os.close(here)
    job = Job()
    assert len(walk(root, job)) == 1
    assert job.problems == 0
    tree = walk(root, job, with_specials=True)
    assert_same(tree, root)
    assert tree.is_special.tolist() == [False, True, True]


@pytest.mark.root
def test_devices_only_if_wanted(root) -> None:
    os.mknod(os.path.join(root, b"null"), 0o20666, os.makedev(1, 3))
    os.mknod(os.path.join(root, b"disk"), 0o60660, os.makedev(259, 70000))
    assert len(walk(root, Job())) == 1
    tree = walk(root, Job(), with_devices=True)
    assert_same(tree, root)
    assert tree.is_device.tolist() == [False, True, True]


class TestProblems:
    """Entries that cannot be read are named and left out."""

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_an_unreadable_directory_stays_empty(self, root) -> None:
        make_files(root, {b"a": {b"hidden": b""}, b"b": {b"seen": b""}})
        os.chmod(os.path.join(root, b"a"), 0)
        events: list[Event] = []
        tree = walk(root, Job(events.append))
        os.chmod(os.path.join(root, b"a"), 0o700)
        assert sorted(all_paths(tree)) == [b"", b"a", b"b", b"b/seen"]
        (problem,) = [e for e in events if isinstance(e, Problem)]
        assert problem.message.startswith("cannot read directory /")
        assert problem.message.endswith("/a: Permission denied")

    def test_a_directory_that_vanishes_before_it_is_read(
        self, root, monkeypatch
    ) -> None:
        make_files(root, {b"a": {b"gone": b""}, b"b": {b"gone": b""}})
        small_steps(monkeypatch, 1)
        events: list[Event] = []

        def remove(event: Event) -> None:
            events.append(event)
            if walked(events) == 3:  # the root and both names
                for name in (b"a", b"b"):
                    shutil.rmtree(os.path.join(root, name), ignore_errors=True)

        job = Job(remove, EveryCall())
        tree = walk(root, job)
        assert sorted(all_paths(tree)) == [b"", b"a", b"b"]
        assert tree.child_count.tolist() == [2, 0, 0]
        assert job.problems == 2
        full = os.path.realpath(root)
        assert sorted(e.message for e in events if isinstance(e, Problem)) == [
            f"cannot read directory {os.fsdecode(full)}/{name}: No such file or directory"
            for name in ("a", "b")
        ]

    def test_entries_that_vanish_while_they_are_read(self, root, monkeypatch) -> None:
        make_files(root, {b"%d" % i: b"" for i in range(10)})
        small_steps(monkeypatch, 1)
        events: list[Event] = []

        def remove(event: Event) -> None:
            events.append(event)
            if walked(events) == 2:
                for name in os.listdir(root):
                    os.unlink(os.path.join(root, name))

        job = Job(remove, EveryCall())
        tree = walk(root, job)
        # The system has told all names by then, most likely; at least none is wrong.
        assert len(tree) + job.problems <= 11
        assert len(tree) == 2
        assert tree.children(0) == range(1, 2)
        for event in events:
            if isinstance(event, Problem):
                assert event.message.startswith("error reading entry /")
                assert event.message.endswith(": No such file or directory")
                assert os.path.dirname(event.path) == os.path.realpath(
                    os.fsdecode(root)
                )


class TestEvents:
    """What a job hears of a walk."""

    def test_the_end(self, root, tmp_path) -> None:
        make_files(root, {b"a": {b"b": b"12"}, b"c": b"345"})
        os.symlink(b"c", os.path.join(root, b"link"))
        os.mkfifo(os.path.join(root, b"fifo"))
        events: list[Event] = []
        folder = os.fspath(tmp_path)
        walk(
            root,
            Job(events.append, lambda: 7.0),
            tree=Tree.create(root, folder),
            with_specials=True,
        )
        assert isinstance(events[0], StageStarted)
        assert isinstance(events[-2], StageFinished)
        assert events[-2].detail == "2 directories, 2 files"
        assert events[-1] == Scanned(
            entries=6, directories=2, files=2, links=1, others=1, size_bytes=5,
            seconds=0.0, columns=folder,
        )  # fmt: skip

    def test_on_the_way(self, root, monkeypatch) -> None:
        make_files(root, {b"%d" % i: b"x" for i in range(50)})
        small_steps(monkeypatch, 10)
        told: list[ScanProgress] = []
        folders: list[int] = []

        def listen(event: Event) -> None:
            if isinstance(event, ScanProgress):
                told.append(event)
                folders.append(len(tree))

        tree = Tree(root)
        walk(root, Job(listen, EveryCall()), tree=tree)
        assert len(told) >= 4
        assert [event.entries for event in told] == folders, "rows told of are there"
        assert told[-1].size_bytes == told[-1].files == 50

    def test_not_too_often(self, root, monkeypatch) -> None:
        make_files(root, {b"%d" % i: b"x" for i in range(50)})
        small_steps(monkeypatch, 1)
        ticks = iter(range(10**6))
        told: list[ScanProgress] = []

        def listen(event: Event) -> None:
            if isinstance(event, ScanProgress):
                told.append(event)

        walk(root, Job(listen, lambda: next(ticks) / 1000))
        assert len(told) <= next(ticks) / 100


def test_a_stop(root, monkeypatch) -> None:
    make_files(root, {b"%d" % i: b"x" for i in range(50)})
    small_steps(monkeypatch, 10)
    tree = Tree(root)

    def stop(event: Event) -> None:
        if isinstance(event, ScanProgress):
            job.cancel()

    job = Job(stop, EveryCall())
    with pytest.raises(CancelledError):
        walk(root, job, tree=tree)
    assert 0 < len(tree) < 51


def test_columns_in_files_are_the_same(root, tmp_path) -> None:
    make_files(
        root, {b"%d" % i: {b"%d" % j: b"x" for j in range(9)} for i in range(20)}
    )
    inside = walk(root, Job())
    walk(root, Job(), tree=Tree.create(root, os.fspath(tmp_path)))
    attached = Tree.attach(os.fspath(tmp_path))
    for name in ("parent", "first_child", "child_count", "name_start", "text", "mtime"):
        assert np.array_equal(getattr(inside, name), getattr(attached, name))


class EveryCall:
    """A clock on which much time passes between any two looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def small_steps(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("dwarfsmith.engine.source.walk._STEP_ROWS", rows)


def walked(events: list[Event]) -> int:
    last = [event for event in events if isinstance(event, ScanProgress)][-1:]
    return last[0].entries if last else 0
