"""Blocks as cells."""

import pytest

from dwarfsmith.tui.model.block_map import BlockSizes, Cell, cells


def sizes(*ratios):
    known = BlockSizes()
    for number, ratio in enumerate(ratios):
        if ratio is not None:
            known.add(number, 1000, int(1000 * ratio))
    return known


def test_each_block_has_a_cell_while_there_is_room():
    shown = cells(sizes(0.05, 0.5, 0.99), done=3, busy=2, total=7, room=80)
    assert [cell.state for cell in shown] == ["done"] * 3 + ["pending"] * 2 + [
        "waiting"
    ] * 2
    assert [cell.level for cell in shown[:3]] == [0, 4, 7]


def test_an_unknown_total_shows_no_waiting_blocks():
    shown = cells(sizes(0.5), done=1, busy=1, total=None, room=80)
    assert [cell.state for cell in shown] == ["done", "pending"]


def test_a_finished_block_of_unknown_size_is_not_invented():
    shown = cells(sizes(0.5, None, 0.5), done=3, busy=0, total=3, room=80)
    assert shown[1] == Cell("unmeasured")


def test_many_blocks_share_cells_by_their_bytes():
    known = BlockSizes()
    known.add(0, 3000, 300)
    known.add(1, 1000, 900)
    (cell,) = cells(known, done=2, busy=0, total=2, room=1)
    assert cell.ratio == pytest.approx(1200 / 4000)


def test_a_cell_is_at_work_until_all_its_blocks_are_done():
    shown = cells(sizes(*[0.1] * 3), done=3, busy=1, total=8, room=4)
    assert [cell.state for cell in shown] == ["done", "pending", "waiting", "waiting"]


def test_a_block_that_grew_is_full_height():
    (cell,) = cells(sizes(1.3), done=1, busy=0, total=1, room=8)
    assert (cell.ratio, cell.level) == (1.0, 7)


def test_nothing_known_is_nothing_drawn():
    assert cells(BlockSizes(), done=0, busy=0, total=None, room=80) == []
    assert cells(sizes(0.5), done=1, busy=0, total=1, room=0) == []


def test_totals_count_a_block_once():
    known = sizes(0.5)
    known.add(0, 1000, 250)
    assert (known.full_bytes, known.stored_bytes) == (1000, 250)
