"""Rolled-up sizes and sort orders, against the plainest way to work them out."""

import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.source.tree import LISTING, ROW, Tree
from dwarfsmith.tui.model.tree_index import arrange, shape


def children(tree, entry):
    return [
        child
        for child in range(1, len(tree))
        if int(tree.parent[child]) == entry and child != entry
    ]


def is_file(tree, entry):
    return stat.S_ISREG(int(tree.mode[entry]))


def rolled(tree, entry):
    """Return size, files and entries of a subtree by walking it."""
    size = int(tree.size[entry]) if is_file(tree, entry) else 0
    total = [size, int(is_file(tree, entry)), 1]
    for child in children(tree, entry):
        total = [a + b for a, b in zip(total, rolled(tree, child), strict=True)]
    return total


def walked(tree, known, key, descending):
    """Return all entries in pre-order, siblings sorted with `sorted`."""
    order = []

    def visit(entry):
        order.append(entry)
        kids = children(tree, entry)
        if key == "name":
            kids.sort(key=tree.name, reverse=descending)
            kids.sort(key=lambda kid: not stat.S_ISDIR(int(tree.mode[kid])))
        else:
            column = known.size if key == "size" else known.files
            kids.sort(key=tree.name)
            kids.sort(key=lambda kid: -column[kid] if descending else column[kid])
        for kid in kids:
            visit(kid)

    visit(0)
    return order


@pytest.mark.parametrize("key", ["size", "name", "files"])
@pytest.mark.parametrize("descending", [True, False])
def test_the_order_is_a_sorted_walk(tree, key, descending):
    known = shape(tree)
    arranged = arrange(tree, known, key, descending)
    assert arranged.entries.tolist() == walked(tree, known, key, descending)
    assert arranged.position[arranged.entries].tolist() == list(range(len(tree)))


def test_folders_hold_what_is_below_them(tree):
    known = shape(tree)
    for entry in range(len(tree)):
        size, files, extent = rolled(tree, entry)
        assert known.size[entry] == size
        assert known.files[entry] == files
        assert known.extent[entry] == extent
        assert known.children[entry] == len(children(tree, entry))


@st.composite
def trees(draw):
    """A random tree written folder by folder, as a walk does."""
    made = Tree.create(b"/random")
    root = np.zeros(1, ROW)
    root["mode"] = stat.S_IFDIR
    made.append(root, b"")
    queue = [0]
    while queue and len(made) < 60:
        folder = queue.pop(0)
        count = draw(st.integers(0, 6))
        rows = np.zeros(count, ROW)
        names = draw(
            st.lists(
                st.binary(min_size=1, max_size=3).filter(
                    lambda name: b"\0" not in name
                ),
                min_size=count,
                max_size=count,
                unique=True,
            )
        )
        rows["parent"] = folder
        rows["name_size"] = [len(name) for name in names]
        rows["name_start"] = np.cumsum(rows["name_size"]) - rows["name_size"]
        first = len(made)
        for number in range(count):
            if draw(st.booleans()):
                rows[number]["mode"] = stat.S_IFDIR
                queue.append(first + number)
            else:
                rows[number]["mode"] = stat.S_IFREG
                rows[number]["size"] = draw(st.integers(0, 3))
        listing = np.array([(folder, first, count)], LISTING)
        made.append(rows, b"".join(names), listing)
    return made


@settings(max_examples=40)
@given(trees(), st.sampled_from(["size", "name", "files"]), st.booleans())
def test_any_tree_is_walked_in_order(tree, key, descending):
    known = shape(tree)
    arranged = arrange(tree, known, key, descending)
    assert arranged.entries.tolist() == walked(tree, known, key, descending)


def test_a_folder_whose_children_are_not_there_yet_is_not_one(tmp_path):
    writer = Tree.create(b"/x", str(tmp_path))
    root = np.zeros(1, ROW)
    root["mode"] = stat.S_IFDIR
    writer.append(root, b"", np.array([(0, 1, 5)], LISTING))
    known = shape(Tree.attach(str(tmp_path)))
    assert known.children.tolist() == [0]
