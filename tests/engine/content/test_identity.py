"""Hard links and duplicates."""

from __future__ import annotations

import hashlib
import os
import random

import numpy as np
import pytest

from dwarfsmith.engine.content import identity
from dwarfsmith.engine.content.identity import Contents, identify, parse_file_hash
from dwarfsmith.engine.errors import CancelledError, UsageError
from dwarfsmith.engine.events import (
    Event,
    Identified,
    Problem,
    StageFinished,
    StageStarted,
)
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.source import files
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference.trees import all_paths, make_files


@pytest.fixture
def root(tmp_path) -> bytes:
    path = os.fsencode(tmp_path / "input")
    os.mkdir(path)
    return path


@pytest.fixture
def small_limits(monkeypatch) -> None:
    """Make a hundred bytes large."""
    monkeypatch.setattr(files, "LARGE_BYTES", 100)
    monkeypatch.setattr(identity, "LARGE_BYTES", 100)
    monkeypatch.setattr(identity, "PREFIX_BYTES", 8)
    monkeypatch.setattr(files, "BATCH_BYTES", 256)
    monkeypatch.setattr(files, "WINDOW_BYTES", 64)


def grouped(tree: Tree, contents: Contents) -> list[list[bytes]]:
    """The paths of each content, sorted, contents by number."""
    paths = all_paths(tree)
    return [
        sorted(paths[i] for i in np.flatnonzero(contents.content_of == k))
        for k in range(len(contents))
    ]


def random_files(root: bytes, seed: int) -> dict[bytes, bytes]:
    """Write many files of few kinds; returns the data of every path."""
    rng = random.Random(seed)
    kinds = [
        rng.choice([b"same start", b"other"]) * rng.randrange(30)
        + rng.choice([b"", b"a", b"b"])
        for _ in range(15)
    ]
    found = {}
    for number in range(rng.randrange(1, 80)):
        path = b"%d/%d" % (rng.randrange(5), number)
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        earlier = sorted(found)
        if earlier and rng.random() < 0.2:
            source = rng.choice(earlier)
            os.link(os.path.join(root, source), os.path.join(root, path))
            found[path] = found[source]
            continue
        found[path] = rng.choice(kinds)
        with open(os.path.join(root, path), "wb") as file:
            file.write(found[path])
    return found


def components(path: bytes) -> list[bytes]:
    return path.split(b"/")


@pytest.mark.parametrize("file_hash", ["xxh3-128", "xxh3-64", "md5", "none"])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.usefixtures("small_limits")
def test_against_comparing_everything(root, seed: int, file_hash: str) -> None:
    data = random_files(root, seed)
    tree = walk(root, Job())
    events: list[Event] = []
    contents = identify(tree, Job(events.append), file_hash=file_hash)
    inode = {path: os.stat(os.path.join(root, path)).st_ino for path in data}

    groups: dict[object, list[bytes]] = {}
    for path in sorted(data, key=components):
        key = inode[path] if file_hash == "none" else data[path]
        groups.setdefault(key, []).append(path)
    assert grouped(tree, contents) == [sorted(group) for group in groups.values()]

    paths = all_paths(tree)
    leaders: dict[int, bytes] = {}
    for path in sorted(data, key=components):
        leaders.setdefault(inode[path], path)
    for entry, path in enumerate(paths):
        expected = leaders[inode[path]] if path in data else path
        assert paths[contents.leader[entry]] == expected
    for k, group in enumerate(groups.values()):
        inodes = {inode[path] for path in group}
        assert paths[contents.first[k]] == group[0]
        assert contents.size[k] == len(data[group[0]])
        assert contents.files[k] == len(inodes)
        members = {paths[i] for i in contents.members(k)}
        assert members == {leaders[number] for number in inodes}
    assert not contents.invalid.any()
    assert (contents.content_of >= 0).tolist() == tree.is_regular.tolist()

    told = events[-1]
    assert isinstance(told, Identified)
    unique = [group[0] for group in groups.values()]
    sizes = {number: len(data[path]) for number, path in leaders.items()}
    assert told.contents == len(groups)
    assert told.hard_links == len(data) - len(leaders)
    assert told.hard_link_bytes == sum(map(len, data.values())) - sum(sizes.values())
    assert told.duplicate_files == len(leaders) - len(groups)
    assert told.duplicate_bytes == sum(sizes.values()) - sum(
        len(data[p]) for p in unique
    )


def test_numbers_do_not_depend_on_the_order_of_creation(tmp_path) -> None:
    names = [b"%d" % k for k in range(40)]
    results = []
    for turn in range(2):
        root = os.fsencode(tmp_path / str(turn))
        os.mkdir(root)
        for name in names[:: 1 - 2 * turn]:
            make_files(
                root, {name: {b"x": b"%d" % (int(name) % 7), b"a": b"y" * int(name)}}
            )
        tree = walk(root, Job())
        contents = identify(tree, Job())
        paths = all_paths(tree)
        results.append(
            (
                grouped(tree, contents),
                [paths[i] for i in contents.first],
                contents.size.tolist(),
            )
        )
    assert results[0] == results[1]


def test_real_large_files(root) -> None:
    rng = np.random.default_rng(1)
    large = rng.integers(0, 256, files.WINDOW_BYTES + 12345, np.uint8).tobytes()
    changed = large[:-1] + bytes([large[-1] ^ 1])
    make_files(
        root,
        {b"a": large, b"b": changed, b"c": large, b"d": large[::-1], b"e": large[1:]},
    )
    events: list[Event] = []
    tree = walk(root, Job())
    contents = identify(tree, Job(events.append))
    assert grouped(tree, contents) == [[b"a", b"c"], [b"b"], [b"d"], [b"e"]]
    told = events[-1]
    assert isinstance(told, Identified)
    assert told.hashed_files == 3, "the beginnings tell the others apart"
    assert told.hashed_bytes == 3 * len(large)


def test_files_of_their_own_size_are_not_read(root) -> None:
    make_files(root, {b"a": b"1", b"b": b"22", b"c": b"333", b"d": b"4"})
    events: list[Event] = []
    job = Job(events.append)
    identify(walk(root, Job()), job)
    told = events[-1]
    assert isinstance(told, Identified)
    assert (told.hashed_files, told.hashed_bytes, told.contents) == (2, 2, 4)
    assert job.counters.hashed_bytes == 2


def test_no_files_at_all(root) -> None:
    make_files(root, {b"a": {b"b": {}}})
    contents = identify(walk(root, Job()), Job())
    assert len(contents) == 0
    assert contents.content_of.tolist() == [-1, -1, -1]
    assert contents.leader.tolist() == [0, 1, 2]


def test_only_empty_files(root) -> None:
    make_files(root, {b"a": b"", b"b": b"", b"c": {b"d": b""}})
    tree = walk(root, Job())
    assert grouped(tree, identify(tree, Job())) == [[b"a", b"b", b"c/d"]]
    assert len(identify(tree, Job(), file_hash="none")) == 3


@pytest.mark.usefixtures("small_limits")
class TestUnreadable:
    """Files that change between the walk and the hashing."""

    @pytest.mark.parametrize("size", [9, 150], ids=["small", "large"])
    @pytest.mark.parametrize("duplicates", [0, 1, 2])
    def test_vanished(self, root, size: int, duplicates: int) -> None:
        names = [b"%d" % k for k in range(duplicates + 1)]
        make_files(root, {b"other": b"12", **dict.fromkeys(names, b"x" * size)})
        tree = walk(root, Job())
        os.unlink(os.path.join(root, b"0"))
        events: list[Event] = []
        job = Job(events.append)
        contents = identify(tree, job)
        rest = [[*names[1:]]] if duplicates else []
        assert grouped(tree, contents) == [[b"0"], *rest, [b"other"]]
        assert contents.invalid.tolist() == [True, *([False] * len(rest)), False]
        assert contents.size.tolist() == [0, *([size] * len(rest)), 2]
        (problem,) = [event for event in events if isinstance(event, Problem)]
        path = os.fsdecode(os.path.realpath(root)) + "/0"
        assert problem.message == f"cannot access {path}, creating empty file"
        assert problem.path == path

    def test_changed(self, root) -> None:
        make_files(root, {b"a": b"12", b"b": b"12", b"c": b"12", b"d": b"1" * 120})
        tree = walk(root, Job())
        for name in (b"d", b"b"):
            with open(os.path.join(root, name), "ab") as file:
                file.write(b"3")
        events: list[Event] = []
        contents = identify(tree, Job(events.append))
        assert grouped(tree, contents) == [[b"a", b"c"], [b"b"], [b"d"]]
        assert contents.invalid.tolist() == [False, True, True]
        messages = [event.message for event in events if isinstance(event, Problem)]
        path = os.fsdecode(os.path.realpath(root))
        assert messages == [
            f"file size changed: {path}/{name}, creating empty file" for name in "bd"
        ]

    def test_empty_files_need_not_be_readable(self, root) -> None:
        make_files(root, {b"a": b"", b"b": b""})
        tree = walk(root, Job())
        os.unlink(os.path.join(root, b"a"))
        job = Job()
        assert not identify(tree, job).invalid.any()
        assert job.problems == 0

    def test_without_hashing(self, root) -> None:
        make_files(root, {b"a": b"1", b"b": b"1"})
        tree = walk(root, Job())
        os.unlink(os.path.join(root, b"b"))
        assert identify(tree, Job(), file_hash="none").invalid.tolist() == [False, True]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_forbidden(self, root) -> None:
        make_files(root, {b"a": b"1", b"b": b"22"})
        tree = walk(root, Job())
        os.chmod(os.path.join(root, b"b"), 0)
        assert identify(tree, Job()).invalid.tolist() == [False, True]


class TestFileHash:
    """The names that --file-hash takes."""

    @pytest.mark.parametrize("name", ["none", "None", "NONE"])
    def test_none(self, name: str) -> None:
        assert parse_file_hash(name) is None

    @pytest.mark.parametrize(
        "name",
        [
            "xxh3-64",
            "XXH3-128",
            "sha256",
            "SHA3-256",
            "sha3_256",
            "sha512-256",
            "blake2b",
            "MD5",
        ],
    )
    def test_known(self, name: str) -> None:
        known = parse_file_hash(name)
        assert known is not None
        hasher = known.start()
        hasher.update(memoryview(b"some "))
        hasher.update(memoryview(b"data"))
        digest = known.whole(memoryview(b"some data"))
        assert hasher.digest() == digest
        assert len(digest) == known.digest_bytes

    def test_every_digest_of_hashlib(self) -> None:
        for name in hashlib.algorithms_guaranteed:
            if not name.startswith("shake"):
                known = parse_file_hash(name)
                assert known is not None
                assert known.whole(memoryview(b"1")) == hashlib.new(name, b"1").digest()

    @pytest.mark.parametrize("name", ["", "sha257", "shake_128", "xxh3", "md5 "])
    def test_unknown(self, name: str) -> None:
        with pytest.raises(UsageError, match=f"--file-hash expects .* found '{name}'"):
            parse_file_hash(name)

    def test_unknown_before_anything_is_read(self) -> None:
        events: list[Event] = []
        with pytest.raises(UsageError):
            identify(Tree(b"/absent"), Job(events.append), file_hash="crc")
        assert events == []


def test_the_stage(root) -> None:
    make_files(root, {b"a": b"1", b"b": b"1", b"c": b"22"})
    events: list[Event] = []
    identify(walk(root, Job()), Job(events.append))
    started, finished = events[0], events[-2]
    assert isinstance(started, StageStarted)
    assert isinstance(finished, StageFinished)
    assert (started.stage, started.unit) == ("identify", "bytes")
    assert finished.detail == "2 contents"


def test_a_stop(root) -> None:
    make_files(root, {b"%d" % k: b"x" for k in range(50)})
    tree = walk(root, Job())

    def stop(event: Event) -> None:
        job.cancel()

    job = Job(stop)
    with pytest.raises(CancelledError):
        identify(tree, job)
