"""Similarity hashes of files, and the orders."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from dwarfsmith.engine.content import order as order_module
from dwarfsmith.engine.content.identity import Contents, identify
from dwarfsmith.engine.content.order import order
from dwarfsmith.engine.content.similarity import nilsimsa_hashes, similarity_hashes
from dwarfsmith.engine.errors import CancelledError, UsageError
from dwarfsmith.engine.events import Event, Problem, StageProgress, StageStarted
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.plan import ORDERS, OrderSpec, parse_order
from dwarfsmith.engine.source import files
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference.cluster import cluster_order
from reference.nilsimsa import nilsimsa
from reference.similarity import similarity
from reference.trees import all_paths, make_files

WORDS = [b"alpha ", b"beta ", b"gamma\n", b"delta\t", b"\0\1\2"]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch) -> None:
    """Make a thousand bytes large."""
    monkeypatch.setattr(files, "LARGE_BYTES", 1000)
    monkeypatch.setattr(files, "BATCH_BYTES", 2000)
    monkeypatch.setattr(files, "WINDOW_BYTES", 300)


def reverse(path: bytes) -> list[bytes]:
    return path.split(b"/")[::-1]


class Input:
    """A folder of more or less similar files, identified."""

    def __init__(self, root: bytes, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.root = root
        self.data: dict[bytes, bytes] = {b"empty": b"", b"d/empty": b""}
        texts = [b"".join(rng.choice(WORDS, 40)) for _ in range(5)]
        for k in range(50):
            text = bytearray(texts[rng.integers(5)] * int(rng.choice([1, 1, 6])))
            for at in rng.integers(0, len(text), rng.integers(0, 4)):
                text[at] = rng.integers(256)
            self.data[b"d%d/f%d" % (k % 7, k % 3) + b"." * (k // 10)] = bytes(text)
        for k in range(0, 50, 5):  # duplicates, at other places in every order
            data = self.data[list(self.data)[k]]
            self.data[b"d%d/%d" % (9 - k // 5, 99 - k)] = data
        self.data[b"tiny"] = b"ab"
        for path, data in self.data.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as file:
                file.write(data)
        self.tree = walk(root, Job())
        self.contents = identify(self.tree, Job())
        paths = all_paths(self.tree)
        self.bytes = [self.data[paths[entry]] for entry in self.contents.first]
        # What contents go by: of equal files the first by reverse path.
        self.paths = [
            min((path for path in self.data if self.data[path] == data), key=reverse)
            for data in self.bytes
        ]

    def reverse(self, content: int) -> list[bytes]:
        return reverse(self.paths[content])

    def by_size(self, content: int) -> tuple[int, list[bytes]]:
        return -len(self.bytes[content]), self.reverse(content)


@pytest.fixture(params=[1, 2, 3])
def source(tmp_path, request) -> Input:
    root = os.fsencode(tmp_path / "input")
    os.mkdir(root)
    return Input(root, request.param)


def test_similarity_hashes(source: Input) -> None:
    told: list[int] = []
    hashes = similarity_hashes(source.tree, source.contents, Job(), told.append)
    assert hashes.tolist() == list(map(similarity, source.bytes))
    assert sum(told) == sum(map(len, source.bytes))


def test_nilsimsa_hashes(source: Input) -> None:
    told: list[int] = []
    hashes = nilsimsa_hashes(source.tree, source.contents, Job(), told.append)
    assert [tuple(row) for row in hashes.tolist()] == list(map(nilsimsa, source.bytes))
    assert sum(told) == sum(map(len, source.bytes))


def test_none(source: Input) -> None:
    found = order(source.tree, source.contents, Job(), OrderSpec("none"))
    assert found.tolist() == list(range(len(source.contents)))
    first = [source.tree.path(int(entry)) for entry in source.contents.first]
    in_order = [first[k].split(b"/") for k in found]
    assert in_order == sorted(in_order)


def test_path(source: Input) -> None:
    found = order(source.tree, source.contents, Job(), OrderSpec("path"))
    assert [source.paths[k] for k in found] == sorted(source.paths)


def test_revpath(source: Input) -> None:
    found = order(source.tree, source.contents, Job(), OrderSpec("revpath"))
    assert found.tolist() == sorted(range(len(found)), key=source.reverse)


def test_similarity(source: Input) -> None:
    found = order(source.tree, source.contents, Job(), OrderSpec("similarity"))

    def key(content: int) -> tuple[int, tuple[int, list[bytes]]]:
        return similarity(source.bytes[content]), source.by_size(content)

    assert found.tolist() == sorted(range(len(found)), key=key)


@pytest.mark.parametrize(
    "options", ["", ":max-children=2", ":max-children=3:max-cluster-size=4"]
)
def test_nilsimsa(source: Input, options: str) -> None:
    spec = parse_order("nilsimsa" + options)
    found = order(source.tree, source.contents, Job(), spec)

    contents = range(len(source.contents))
    words = {k: nilsimsa(source.bytes[k]) for k in contents}
    groups: dict[tuple[int, ...], list[int]] = {}
    for k in sorted(contents, key=lambda k: (words[k], source.reverse(k))):
        groups.setdefault(words[k], []).append(k)
    leads = [group[0] for group in groups.values()]
    by_size = sorted(range(len(leads)), key=lambda i: source.by_size(leads[i]))
    places = cluster_order(
        [sum(w << (64 * i) for i, w in enumerate(words[k])) for k in leads],
        [len(source.bytes[k]) for k in leads],
        [by_size.index(i) for i in range(len(leads))],
        spec.max_children,
        spec.max_cluster_size,
    )
    expected = []
    for lead, *others in (list(groups.values())[place] for place in places):
        expected += [lead, *sorted(others, key=source.by_size)]
    assert found.tolist() == expected


def test_equal_hashes_stay_together(tmp_path) -> None:
    # Less than three bytes have no trigram, hence the hash of nothing.
    make_files(os.fsencode(tmp_path), {b"%d" % k: b"%d" % (k % 10) for k in range(12)})
    make_files(os.fsencode(tmp_path), {b"long": b"something else entirely", b"no": b""})
    tree = walk(os.fsencode(tmp_path), Job())
    contents = identify(tree, Job())
    found = order(tree, contents, Job(), OrderSpec("nilsimsa")).tolist()
    assert len(found) == 12
    paths = [tree.path(int(contents.first[k])) for k in found]
    # The first by reverse path leads, the others follow by falling size.
    short = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"no"]
    assert paths in ([b"long", *short], [*short, b"long"])


@pytest.mark.parametrize("kind", ORDERS)
def test_every_order_is_a_permutation(source: Input, kind: str) -> None:
    found = order(source.tree, source.contents, Job(), OrderSpec(kind))
    assert found.dtype == np.int32
    assert sorted(found.tolist()) == list(range(len(source.contents)))


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("names", [(), (b"a",)])
def test_few_contents(tmp_path, kind: str, names: tuple[bytes, ...]) -> None:
    make_files(os.fsencode(tmp_path), dict.fromkeys(names, b"data"))
    tree = walk(os.fsencode(tmp_path), Job())
    found = order(tree, identify(tree, Job()), Job(), OrderSpec(kind))
    assert found.tolist() == list(range(len(names)))


def test_unknown_order(source: Input) -> None:
    with pytest.raises(UsageError, match="unknown order 'chance'"):
        order(source.tree, source.contents, Job(), OrderSpec("chance"))


class TestUnreadable:
    """Files that vanish after they were identified."""

    @pytest.mark.parametrize("size", [50, 1200], ids=["small", "large"])
    def test_a_duplicate_helps_out(self, tmp_path, size: int) -> None:
        tree, contents = self.identified(tmp_path, size)
        os.unlink(tmp_path / "a")
        events: list[Event] = []
        hashes = nilsimsa_hashes(tree, contents, Job(events.append))
        assert events == []
        assert tuple(hashes[0].tolist()) == nilsimsa(b"x" * size)
        assert tree.path(int(contents.first[0])) == b"b"
        assert not contents.invalid.any()

    @pytest.mark.parametrize("kind", ["similarity", "nilsimsa"])
    def test_without_any_it_is_invalid(self, tmp_path, kind: str) -> None:
        tree, contents = self.identified(tmp_path, 50)
        os.unlink(tmp_path / "a")
        os.truncate(tmp_path / "b", 1)
        events: list[Event] = []
        found = order(tree, contents, Job(events.append), OrderSpec(kind))
        assert contents.invalid.tolist() == [True, False]
        assert contents.size.tolist() == [0, 3]
        assert sorted(found.tolist()) == [0, 1]
        (problem,) = [event for event in events if isinstance(event, Problem)]
        assert problem.message.endswith("/a, creating empty file")

    def identified(self, tmp_path, size: int) -> tuple[Tree, Contents]:
        make_files(
            os.fsencode(tmp_path), {b"a": b"x" * size, b"b": b"x" * size, b"c": b"yyy"}
        )
        tree = walk(os.fsencode(tmp_path), Job())
        return tree, identify(tree, Job())


@pytest.mark.parametrize("kind", ORDERS)
def test_the_stage(source: Input, kind: str) -> None:
    events: list[Event] = []
    order(source.tree, source.contents, Job(events.append), OrderSpec(kind))
    started = events[0]
    last = [event for event in events if isinstance(event, StageProgress)][-1]
    assert isinstance(started, StageStarted)
    assert started.stage == "order"
    assert last.done == last.total == started.total


@pytest.mark.parametrize("kind", ["similarity", "nilsimsa"])
def test_a_stop_while_hashing(source: Input, kind: str) -> None:
    job = Job(lambda event: job.cancel())
    with pytest.raises(CancelledError):
        order(source.tree, source.contents, job, OrderSpec(kind))


def test_a_stop_while_clustering(source: Input, monkeypatch) -> None:
    stopped = threading.Event()

    class Endless:
        """A clustering that never ends by itself."""

        done = 0

        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, order: object) -> bool:
            job.cancel()
            assert stopped.wait(30)
            return False

        def stop(self) -> None:
            stopped.set()

    monkeypatch.setattr(order_module, "Clustering", Endless)
    job = Job()
    with pytest.raises(CancelledError):
        order(source.tree, source.contents, job, OrderSpec("nilsimsa"))
    assert stopped.is_set()
