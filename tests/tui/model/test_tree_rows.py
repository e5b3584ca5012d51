"""Opening and closing folders, against the plainest way to list rows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.tui.model.tree_index import arrange, shape
from dwarfsmith.tui.model.tree_rows import TreeRows


@pytest.fixture
def arranged(tree):
    return arrange(tree, shape(tree), "size", True)


def listed(rows):
    return [rows.entry(row) for row in range(len(rows))]


def expected(arranged, opened):
    """Return the visible entries: those whose every folder above is open."""
    parent = arranged.shape.parent

    def visible(entry):
        above = int(parent[entry])
        while above:
            if above not in opened:
                return False
            above = int(parent[above])
        return True

    return [int(entry) for entry in arranged.entries[1:] if visible(entry)]


def test_at_first_only_the_top_is_visible(arranged):
    rows = TreeRows(arranged)
    assert listed(rows) == expected(arranged, set())
    assert len(rows) == int(arranged.shape.children[0])


def test_any_opening_and_closing_shows_what_it_should(arranged):
    folders = [
        entry
        for entry in range(1, len(arranged.shape))
        if arranged.shape.children[entry]
    ]

    @settings(max_examples=60)
    @given(st.lists(st.tuples(st.sampled_from(folders), st.booleans()), max_size=12))
    def check(steps):
        rows = TreeRows(arranged)
        opened = set()
        for folder, opening in steps:
            rows.set_open(folder, opening)
            (opened.add if opening else opened.discard)(folder)
            assert listed(rows) == expected(arranged, opened)

    check()


def test_everything_below_opens_and_closes_at_once(tree, arranged):
    rows = TreeRows(arranged)
    rows.set_open_below(0, True)
    assert len(rows) == len(tree) - 1
    data = next(e for e in listed(rows) if tree.path(e) == b"data")
    rows.set_open_below(data, False)
    assert len(rows) == len(tree) - int(arranged.shape.extent[data])
    rows.set_open_below(0, False)
    assert listed(rows) == expected(arranged, set())


def test_rows_and_entries_agree(arranged):
    rows = TreeRows(arranged)
    rows.set_open_below(0, True)
    for row in range(len(rows)):
        assert rows.row(rows.entry(row)) == row


def test_a_hidden_entry_is_found_at_the_folder_that_hides_it(tree, arranged):
    rows = TreeRows(arranged)
    deep = next(
        e for e in range(len(tree)) if tree.path(e) == b"data/levels/world1.pak"
    )
    assert tree.path(rows.entry(rows.row(deep))) == b"data"
    rows.reveal(deep)
    assert rows.entry(rows.row(deep)) == deep


def test_what_is_open_stays_open_in_another_order(tree, arranged):
    rows = TreeRows(arranged)
    data = next(e for e in range(len(tree)) if tree.path(e) == b"data")
    rows.set_open(data, True)
    count = len(rows)
    other = arrange(tree, shape(tree), "name", False)
    rows.adopt(other)
    assert len(rows) == count
    assert listed(rows) == expected(other, {data})


def test_what_was_open_can_be_had_again(tree, arranged):
    rows = TreeRows(arranged)
    rows.set_open(1, True)
    then, before = rows.opened, listed(rows)
    rows.set_open_below(0, True)
    rows.reopen(then)
    assert listed(rows) == before
