"""Following a tree that another process writes."""

import numpy as np
import pytest

from dwarfsmith.engine.errors import InputError
from dwarfsmith.engine.source.tree import LISTING, ROW
from dwarfsmith.tui.model.tree_keeper import TreeKeeper


def test_there_is_nothing_to_arrange_in_an_empty_folder(tmp_path):
    with pytest.raises(InputError):
        TreeKeeper(str(tmp_path)).update("size", True)


def test_new_entries_are_seen(tree):
    keeper = TreeKeeper(tree.folder)
    before = keeper.update("name", False)
    assert len(before.shape) == len(tree)
    rows = np.zeros(1, ROW)
    rows["parent"], rows["mode"], rows["size"] = 1, 0o100644, 99
    rows["name_size"] = 3
    folder = next(e for e in range(len(tree)) if tree.path(e) == b"empty")
    rows["parent"] = folder
    tree.append(rows, b"new", np.array([(folder, len(tree), 1)], LISTING))
    after = keeper.update("name", False)
    assert len(after.shape) == len(before.shape) + 1
    assert after.shape.size[0] == before.shape.size[0] + 99
    assert keeper.tree.path(len(tree) - 1) == b"empty/new"


def test_another_order_of_the_same_entries_shares_their_shape(tree):
    keeper = TreeKeeper(tree.folder)
    assert keeper.update("size", True).shape is keeper.update("name", False).shape
