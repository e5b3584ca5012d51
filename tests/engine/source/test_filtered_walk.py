"""Walking by filter rules: the same as walking everything and deciding afterwards."""

import os
import random

import numpy as np
import pytest

from dwarfsmith.engine.events import Problem, Scanned
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.source.debug_filter import debug_lines
from dwarfsmith.engine.source.prune import select
from dwarfsmith.engine.source.rules import Rules, load_rules
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference.trees import all_paths, make_files

NAMES = [b"a", b"b", b"ab", b"A.c", b"b.c", b"x y", b".git", b"cache", "ü".encode()]
RULES = [
    (b"- a",),
    (b"- cache/", b"- *.c"),
    (b"+ b.c", b"- *"),
    (b"+ /a/", b"- /*/", b"- ab"),
    (b"- **",),
    (b"+ *.c", b"- cache/**", b"-i B*", b"- [!a]"),
    (b"- /a/**/b", b"- b/**", b"- ?"),
]


def random_folder(rng: random.Random, depth: int) -> dict:
    folder: dict = {}
    for name in rng.sample(NAMES, rng.randint(depth * 2, len(NAMES))):
        inside = depth and rng.random() < 0.5
        folder[name] = random_folder(rng, depth - 1) if inside else name
    return folder


@pytest.fixture
def root(tmp_path) -> bytes:
    path = os.fsencode(tmp_path / "input")
    os.mkdir(path)
    return path


def same(one: Tree, other: Tree) -> bool:
    columns = ("parent", "child_count", "mode", "size", "ino", "mtime")
    return (
        all_paths(one) == all_paths(other)
        and all(
            np.array_equal(getattr(one, name), getattr(other, name)) for name in columns
        )
        and all(
            [*one.children(entry)] == [*other.children(entry)]
            for entry in range(len(one))
        )
    )


@pytest.mark.parametrize("texts", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_leaves_out_what_is_excluded(root, texts, seed) -> None:
    make_files(root, random_folder(random.Random(seed), 3))
    os.symlink(b"a", os.path.join(root, b"ab c"))
    rules = load_rules(texts)
    everything = walk(root, Job())
    decisions = rules.evaluate(everything)
    assert len(everything) > 20 and not decisions.included.all()
    assert same(walk(root, Job(), rules=rules), select(everything, decisions.included))


@pytest.mark.parametrize("texts", RULES)
def test_keeps_what_is_excluded_but_does_not_look_inside(root, texts) -> None:
    make_files(root, random_folder(random.Random(7), 3))
    rules = load_rules(texts)
    everything = walk(root, Job())
    decisions = rules.evaluate(everything)
    found = walk(root, Job(), rules=rules, keep_excluded=True)
    assert same(found, select(everything, decisions.reached))
    again = rules.evaluate(found)
    assert (again.included == decisions.included[decisions.reached]).all()
    excluded = found.is_directory & ~again.included
    assert (found.child_count[excluded] == 0).all()
    for mode in ("all", "excluded-files"):
        lines = b"".join(debug_lines(found, again, mode))
        assert lines == b"".join(debug_lines(everything, decisions, mode))


def test_counts_only_what_it_keeps(root) -> None:
    make_files(root, {b"a": b"123", b"b": {b"c": b"45"}, b"d": {}})
    events: list = []
    walk(root, Job(events.append), rules=load_rules([b"- b/"]))
    (scanned,) = [event for event in events if isinstance(event, Scanned)]
    assert (scanned.entries, scanned.directories, scanned.files) == (3, 2, 1)
    assert scanned.size_bytes == 3


def test_no_rules_keep_everything(root) -> None:
    make_files(root, {b"a": {b"b": b""}})
    assert same(walk(root, Job(), rules=Rules()), walk(root, Job()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_excluded_directories_are_not_read(root) -> None:
    make_files(root, {b"locked": {b"a": b""}, b"b": b""})
    os.chmod(os.path.join(root, b"locked"), 0)
    problems: list = []
    try:
        walk(root, Job(problems.append), rules=load_rules([b"- locked/"]))
    finally:
        os.chmod(os.path.join(root, b"locked"), 0o700)
    assert not [event for event in problems if isinstance(event, Problem)]


def test_deep_folders(root) -> None:
    folder: dict = {b"file": b""}
    for depth in range(24, 0, -1):
        folder = {b"%d" % depth + b"n" * 100: folder}
    make_files(root, folder)
    rules = load_rules([b"- 20n*/"])
    assert len(walk(root, Job(), rules=rules)) == 20
    assert len(walk(root, Job(), rules=rules, keep_excluded=True)) == 21


def test_column_files_hold_what_is_kept(root, tmp_path) -> None:
    make_files(root, {b"a": {b"b": b"", b"c.o": b""}, b"d.o": b""})
    folder = tmp_path / "columns"
    folder.mkdir()
    tree = Tree.create(root, str(folder))
    walk(root, Job(), tree=tree, rules=load_rules([b"- *.o"]))
    assert all_paths(Tree.attach(str(folder))) == [b"", b"a", b"a/b"]


@pytest.mark.root
def test_devices_are_decided_about_like_files(root) -> None:
    os.mknod(os.path.join(root, b"null"), 0o020666, os.makedev(1, 3))
    os.mkfifo(os.path.join(root, b"pipe"))
    rules = load_rules([b"- null"])
    found = walk(root, Job(), with_devices=True, with_specials=True, rules=rules)
    assert all_paths(found) == [b"", b"pipe"]
    assert all_paths(walk(root, Job(), rules=rules)) == [b""]
