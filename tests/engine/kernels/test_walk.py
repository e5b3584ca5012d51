"""The walk kernel against its reference, paused at every possible point."""

import os
import random

import numpy as np
import pytest

from dwarfsmith.engine.kernels.walk import Walker
from dwarfsmith.engine.source.tree import LISTING, ROW, Tree
from reference import walk as reference
from reference.trees import all_paths


def build(root: bytes, seed: int) -> None:
    """Make a random tree of directories, files and links."""
    rng = random.Random(seed)
    folders = [root]
    for number in range(rng.randrange(1, 60)):
        name = b"n" * rng.choice([0, 1, 7, 200]) + b"%d" % number
        path = os.path.join(rng.choice(folders), name)
        kind = rng.random()
        if kind < 0.5:
            os.mkdir(path)
            folders.append(path)
        elif kind < 0.8:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        else:
            os.symlink(name * 3, path)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rows", [1, 2, 5, 1000])
def test_steps_of_any_size(tmp_path, seed: int, rows: int) -> None:
    root = os.fsencode(tmp_path)
    build(root, seed)
    descriptor = os.open(root, os.O_RDONLY)
    walker = Walker(descriptor, with_devices=True, with_specials=True)
    tree = Tree(root)
    more = True
    while more:
        more = walker.step(rows, 10.0)
        data, text, listings = walker.take()
        assert len(data) <= rows * ROW.itemsize
        tree.append(np.frombuffer(data, ROW), text, np.frombuffer(listings, LISTING))
        for entry in range(len(tree)):
            children = tree.children(entry)
            assert (tree.parent[children.start : children.stop] == entry).all()
    os.close(descriptor)
    expected = reference.walk(root)
    assert all_paths(tree) == [entry.path for entry in expected]
    assert [tree.target(i) for i in range(len(tree))] == [e.target for e in expected]
    assert tree.mode.tolist() == [e.status.st_mode for e in expected]
    assert tree.child_count.sum() == len(tree) - 1
    assert walker.entries == len(tree)
    assert walker.directories == tree.is_directory.sum()
    assert walker.files == tree.is_regular.sum()
    assert walker.links == tree.is_symlink.sum()
    assert walker.take_problems() == []


def test_no_time_still_makes_progress(tmp_path) -> None:
    build(os.fsencode(tmp_path), 1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    walker = Walker(descriptor, with_devices=False, with_specials=False)
    steps = 1
    while walker.step(1000, 0.0):
        steps += 1
    os.close(descriptor)
    assert steps > 10
    assert walker.entries == len(reference.walk(os.fsencode(tmp_path)))


def test_a_closed_root_is_an_error() -> None:
    with pytest.raises(OSError, match="cannot stat the root"):
        Walker(-1, with_devices=False, with_specials=False)
