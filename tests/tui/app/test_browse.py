"""Browsing: what each key does to the tree on screen."""

import os

import pytest

from dwarfsmith.tui.screens.browse import BrowseScreen
from dwarfsmith.tui.widgets.detail import DetailLine, DetailPane
from dwarfsmith.tui.widgets.find_bar import FindBar
from dwarfsmith.tui.widgets.notice import Notice
from dwarfsmith.tui.widgets.tree_header import TreeHeader
from dwarfsmith.tui.widgets.tree_table import TreeTable

SIZE = (110, 34)


def scanned(app):
    return not app.session.scan.active and app.session.arrangement is not None


@pytest.fixture
def browse(make_app, until):
    """Run a scenario on the tree once it is on screen."""

    async def run(scenario, script="done", size=SIZE, **options):
        app = make_app(script, **options)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: scanned(app))
            await scenario(app, pilot, app.screen.query_one(TreeTable))

    return run


def cursor(app):
    """Return the path under the cursor."""
    table = app.screen.query_one(TreeTable)
    return app.session.tree.path(table.entry)


def visible(app):
    """Return the paths of all rows."""
    rows = app.screen.query_one(TreeTable).rows
    return [app.session.tree.path(rows.entry(row)) for row in range(len(rows))]


def screen_text(app):
    """Return what is on screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


async def test_the_largest_come_first_and_the_first_is_described(browse):
    async def scenario(app, pilot, table):
        assert visible(app)[:3] == [b"data", b"cache", b"saves"]
        assert cursor(app) == b"data"
        pane = app.screen.query_one(DetailPane)
        assert (pane.entry.path, pane.entry.kind) == ("data", "folder")
        assert app.focused is table

    await browse(scenario)


MOVES = {
    "j": b"cache",
    "down": b"cache",
    "j k": b"data",
    "G": b"empty",
    "end home": b"data",
    "k": b"data",
    "l": b"data",
    "l l": b"data/levels",
    "l l l l": b"data/levels/world3.pak",
    "l l l l h": b"data/levels",
    "right right left left": b"data",
    "enter j": b"data/levels",
    "pagedown": b"empty",
    "ctrl+d ctrl+u": b"data",
}


async def test_keys_move_the_cursor(browse):
    async def scenario(app, pilot, table):
        for keys, path in MOVES.items():
            table.action_edge(0)
            table.rows.set_open_below(0, False)
            await pilot.press(*keys.split())
            assert cursor(app) == path, keys

    await browse(scenario)


async def test_folders_open_and_close(browse):
    async def scenario(app, pilot, table):
        closed = visible(app)
        await pilot.press("l")
        assert visible(app)[:3] == [b"data", b"data/levels", b"data/music"]
        await pilot.press("h")
        assert visible(app) == closed
        await pilot.press("space", "space")
        assert visible(app) == closed
        await pilot.press("E")
        assert b"data/textures/tile-059.png" in visible(app)
        assert b"saves/latest" not in visible(app)
        await pilot.press("C")
        assert visible(app) == closed

    await browse(scenario)


async def test_a_file_opens_the_folder_it_lies_in(browse):
    async def scenario(app, pilot, table):
        await pilot.press("G", "k", "E")
        assert len(visible(app)) == len(app.session.tree) - 1

    await browse(scenario)


async def test_the_cursor_stays_in_view(browse):
    async def scenario(app, pilot, table):
        await pilot.press("E", "G")
        assert table.scroll_y > 0
        height = table.scrollable_content_region.height
        assert table.scroll_y <= table.cursor_row < table.scroll_y + height
        await pilot.press("g")
        assert table.scroll_y == 0

    await browse(scenario, size=(80, 24))


async def test_sorting_keeps_the_cursor_on_its_entry(browse, until):
    async def scenario(app, pilot, table):
        await pilot.press("j", "j", "s")
        await until(pilot, lambda: app.session.arrangement.key == "name")
        assert visible(app)[:2] == [b"cache", b"data"]
        assert cursor(app) == b"saves"
        await pilot.press("S")
        await until(pilot, lambda: app.session.arrangement.descending)
        assert visible(app)[0] == b"saves"
        assert cursor(app) == b"saves"

    await browse(scenario)


async def test_a_click_on_a_heading_sorts(browse, until):
    async def scenario(app, pilot, table):
        await pilot.click(TreeHeader, offset=(6, 0))
        await until(pilot, lambda: app.session.arrangement.key == "name")
        await pilot.click(TreeHeader, offset=(6, 0))
        await until(pilot, lambda: app.session.arrangement.descending)
        assert app.screen.query_one(TreeHeader).sort == "name"

    await browse(scenario)


async def test_the_order_is_remembered(browse, until, tmp_path):
    from dwarfsmith.tui.model.settings import SettingsFile

    file = SettingsFile(str(tmp_path / "settings.toml"))

    async def sort(app, pilot, table):
        await pilot.press("s", "s")
        await until(pilot, lambda: app.session.arrangement.key == "files")

    async def look(app, pilot, table):
        assert app.session.arrangement.key == "files"

    await browse(sort, settings=file)
    await browse(look, settings=file)


async def test_the_mouse_selects_and_opens(browse):
    async def scenario(app, pilot, table):
        await pilot.click(TreeTable, offset=(10, 1))
        assert cursor(app) == b"cache"
        await pilot.click(TreeTable, offset=(2, 1))
        assert b"cache/shader-00.bin" in visible(app)
        await pilot.click(TreeTable, offset=(10, 1), times=2)
        assert b"cache/shader-00.bin" not in visible(app)
        await pilot.click(TreeTable, offset=(10, 20))
        assert cursor(app) == b"cache"

    await browse(scenario)


async def test_finding_as_one_types(browse):
    async def scenario(app, pilot, table):
        bar = app.screen.query_one(FindBar)
        await pilot.press("slash", *"world")
        assert bar.display and bar.typing
        assert cursor(app) == b"data/levels/world3.pak"
        await pilot.press("1")
        assert cursor(app) == b"data/levels/world1.pak"
        await pilot.press("backspace", "enter")
        assert app.focused is table
        await pilot.press("n")
        assert cursor(app) == b"data/levels/world2.pak"
        await pilot.press("N", "N")
        assert cursor(app) == b"data/levels/world1.pak"
        await pilot.press("escape")
        assert not bar.display
        assert cursor(app) == b"data/levels/world1.pak"

    await browse(scenario)


async def test_giving_up_finding_goes_back(browse):
    async def scenario(app, pilot, table):
        before = visible(app)
        await pilot.press("j", "slash", *"world", "escape")
        assert cursor(app) == b"cache"
        assert visible(app) == before
        await pilot.press("n")
        assert cursor(app) == b"cache"

    await browse(scenario)


async def test_nothing_found_moves_nothing(browse):
    async def scenario(app, pilot, table):
        await pilot.press("slash", *"nothing like it")
        assert cursor(app) == b"data"
        assert "no match" in str(app.screen.query_one("#find-count").render())
        await pilot.press("enter", "n")
        assert cursor(app) == b"data"

    await browse(scenario)


async def test_only_the_last_match_stays_open(browse):
    async def scenario(app, pilot, table):
        await pilot.press("slash", *"slot1", "enter")
        assert b"saves/slot1.sav" in visible(app)
        assert b"data/levels" not in visible(app)

    await browse(scenario)


async def test_keys_typed_into_find_do_nothing_else(browse):
    async def scenario(app, pilot, table):
        await pilot.press("slash", *"qpb14")
        assert isinstance(app.screen, BrowseScreen)
        assert app.screen.query_one(FindBar).value == "qpb14"

    await browse(scenario)


async def test_the_full_path_is_copied(browse):
    async def scenario(app, pilot, table):
        await pilot.press("l", "j", "y")
        assert app.clipboard == "/srv/tux/data/levels"

    await browse(scenario)


async def test_odd_names_are_shown_escaped_and_never_as_markup(browse):
    async def scenario(app, pilot, table):
        await pilot.press("slash", *"latin", "enter")
        shown = "\n".join(screen_text(app))
        for name in (
            "[bold]not markup[/bold].txt",
            r"latin-1 \xe9\xe8.txt",
            "übergröße-日本語.txt",
            r"tab\tand\x1b[31mescape",
            "run.sh*",
        ):
            assert name in shown

    await browse(scenario, size=(130, 34))


async def test_resizing_keeps_the_cursor_in_view(browse):
    async def scenario(app, pilot, table):
        await pilot.press("E", *["j"] * 40)
        path = cursor(app)
        for size in ((80, 24), (60, 20), (120, 40), (40, 12)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert cursor(app) == path
            height = table.scrollable_content_region.height
            assert table.scroll_y <= table.cursor_row < table.scroll_y + height

    await browse(scenario)


async def test_details_take_the_room_there_is(browse):
    async def scenario(app, pilot, table):
        pane, strip = app.screen.query_one(DetailPane), app.screen.query_one(DetailLine)
        for size, shown in (
            ((120, 40), (True, False)),
            ((80, 24), (False, True)),
            ((60, 20), (False, False)),
        ):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert (pane.display, strip.display) == shown
        await pilot.resize_terminal(120, 40)
        await pilot.press("i")
        assert not pane.display

    await browse(scenario)


async def test_a_scan_shows_what_it_has_found_so_far(make_app, until):
    app = make_app("scanning")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.session.arrangement is not None)
        assert app.session.scan.active
        text = "\n".join(screen_text(app))
        assert "data/" in text and "so far" in text and "scanning" in text
        await pilot.press("q")
        assert "still being scanned" in "\n".join(screen_text(app))
        await pilot.press("n")
        assert app.is_running


async def test_an_input_that_is_gone_is_told_with_advice(make_app, until):
    app = make_app("gone")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.session.scan.failure is not None)
        text = "\n".join(screen_text(app))
        assert "no such directory '/srv/tux'" in text
        assert "r scans it again" in text
        assert app.screen.query_one(Notice).display
        assert not app.screen.query_one(TreeTable).display


async def test_scanning_again_starts_from_nothing(browse, until):
    async def scenario(app, pilot, table):
        before = app.session.tree
        await pilot.press("G", "r")
        await until(pilot, lambda: scanned(app) and app.session.tree is not before)
        assert cursor(app) == b"data"

    await browse(scenario)


async def test_the_scan_leaves_nothing_behind(make_app, until):
    app = make_app("done")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: scanned(app))
        folder = os.fsdecode(app.session.tree.folder)
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)
