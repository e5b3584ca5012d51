"""Finding by a piece of a name."""

import pytest

from dwarfsmith.tui.model.find import Found
from dwarfsmith.tui.model.tree_index import arrange, shape


@pytest.fixture
def arranged(tree):
    return arrange(tree, shape(tree), "name", False)


def paths(tree, arranged, wanted):
    found = Found(arranged, wanted)
    position, entries = -1, []
    for _ in range(len(found)):
        entry = found.next(position)
        position = int(arranged.position[entry])
        entries.append(tree.path(entry))
    return entries


def test_matches_come_in_the_order_of_the_rows(tree, arranged):
    wanted = paths(tree, arranged, b"world")
    assert wanted == [b"data/levels/world%d.pak" % n for n in (1, 2, 3)]


@pytest.mark.parametrize("wanted", [b"tile-0", b"0", b"e", b"pak", b".txt", b"zzz"])
def test_all_and_only_names_that_hold_it_are_found(tree, arranged, wanted):
    holding = {
        tree.path(entry)
        for entry in range(1, len(tree))
        if wanted in tree.name(entry).lower()
    }
    found = paths(tree, arranged, wanted)
    assert set(found) == holding and len(found) == len(holding)


def test_case_matters_only_if_it_is_typed(tree, arranged):
    assert paths(tree, arranged, b"readme") == [b"readme.txt"]
    assert paths(tree, arranged, b"README") == []
    assert len(paths(tree, arranged, b"latin-1 \xe9")) == 1


def test_a_match_never_runs_over_the_end_of_a_name(tree, arranged):
    last, first = b"readme.txt", b"saves"
    assert paths(tree, arranged, last[-2:] + first[:2]) == []


def test_going_on_wraps_around_both_ends(tree, arranged):
    found = Found(arranged, b"world")
    entries = [found.next(-1)]
    for _ in range(2):
        entries.append(found.next(int(arranged.position[entries[-1]])))
    last = int(arranged.position[entries[-1]])
    assert found.next(last) == entries[0]
    assert found.previous(int(arranged.position[entries[0]])) == entries[-1]
    assert found.number(last) == 3
    assert found.number(last + 1) is None
