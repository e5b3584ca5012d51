"""What holds in every mode: help, palette, themes, plain terminals, settings."""

import re

import pytest
from textual.widgets import Input

from dwarfsmith.themes.loader import load_themes
from dwarfsmith.tui.keys import named_bindings, sample
from dwarfsmith.tui.model.settings import Settings, SettingsFile
from dwarfsmith.tui.screens.help import HelpScreen, keys_of
from dwarfsmith.tui.screens.open import OpenScreen
from dwarfsmith.tui.screens.plan import PlanScreen
from dwarfsmith.tui.widgets.key_bar import KeyBar
from dwarfsmith.tui.widgets.tree_table import TreeTable

SIZE = (110, 34)
TAKEN_BY_MULTIPLEXERS = {"ctrl+s", "ctrl+j", "ctrl+o", "ctrl+b", "ctrl+a", "ctrl+enter"}


def scanned(app):
    return not app.session.scan.active and app.session.arrangement is not None


def text(app):
    """Return what is on screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip) for strip in strips)


@pytest.fixture
def run(make_app, until):
    """Run a scenario once the input is scanned."""

    async def run_scenario(scenario, script="done", size=SIZE, **options):
        app = make_app(script, **options)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: scanned(app))
            await scenario(app, pilot)

    return run_scenario


async def test_help_lists_the_keys_of_the_screen(run):
    async def scenario(app, pilot):
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        shown = text(app)
        for words in ("the tree", "↓ j", "open all below", "a page up"):
            assert words in shown
        await pilot.press("escape", "4", "question_mark")
        assert "the tree" not in text(app)
        assert "copy command" in text(app)

    await run(scenario)


async def test_every_key_of_ours_is_in_the_help_and_none_collides(run):
    async def scenario(app, pilot):
        for mode in ("1", "4"):
            await pilot.press(mode)
            groups = keys_of(app.screen)
            words = {words for keys in groups.values() for _, words in keys}
            for binding in type(app.screen).BINDINGS + type(app).BINDINGS:
                if binding.action not in ("interrupt", "app.verify", "app.cancel"):
                    assert binding.description in words
            assert not TAKEN_BY_MULTIPLEXERS & set(app.screen.active_bindings)

    await run(scenario)


async def test_the_palette_offers_what_can_be_done(run):
    async def scenario(app, pilot):
        names = [command.title for command in app.get_system_commands(app.screen)]
        assert "Build" in names and "Cancel" not in names
        assert len(names) == len(set(names))
        await pilot.press("ctrl+p")
        await pilot.press(*"plan", "enter")
        await pilot.pause()
        assert "level  compression" in re.sub(" +", "  ", text(app))

    await run(scenario)


async def test_every_theme_is_drawn_and_remembered(run, tmp_path):
    file = SettingsFile(str(tmp_path / "settings.toml"))

    async def scenario(app, pilot):
        names = {theme.name for theme in load_themes()}
        assert set(app.available_themes) == names
        for name in names:
            app.theme = name
            await pilot.press("4" if app.current_mode == "browse" else "1")
            assert "dwarfsmith" in text(app)
        assert file.load().theme == app.theme

    await run(scenario, settings=file)


async def test_a_theme_of_the_users_own(run, tmp_path):
    ours = next(theme for theme in load_themes() if theme.name == "fjord")
    lines = ['primary = "#010203"', 'foreground = "#ffffff"', 'background = "#000000"']
    lines += ["[variables]"]
    lines += [f'{name} = "{value}"' for name, value in ours.variables.items()]
    (tmp_path / "own.toml").write_text("\n".join(lines), encoding="utf-8")

    async def scenario(app, pilot):
        assert app.current_theme.primary == "#010203"

    await run(scenario, theme="own", user_themes=str(tmp_path))


async def test_a_theme_that_cannot_be_used_is_told(run, told, tmp_path):
    (tmp_path / "bad.toml").write_text("primary = 1", encoding="utf-8")

    async def scenario(app, pilot):
        assert app.theme == "forge"
        assert "theme: expected 'foreground'" in told(app)
        assert "no theme is called 'bad'" in told(app)

    await run(scenario, theme="bad", user_themes=str(tmp_path))


async def test_plain_ascii_terminals_get_plain_ascii(run, until):
    async def scenario(app, pilot):
        await pilot.press("E", "G")
        for opened, closed in (
            ((), ()),
            (("slash", "t"), ("escape",)),
            (("p",), ("escape",)),
            (("question_mark",), ("escape",)),
            (("ctrl+p",), ("escape",)),
            (("b",), ()),
        ):
            await pilot.press(*opened)
            assert text(app).isascii(), opened
            await pilot.press(*closed)
        await until(pilot, lambda: app.session.build.status == "done")
        assert text(app).isascii()

    await run(scenario, ascii=True, size=(120, 40))


def colors(app):
    """Return every colour that is on screen."""
    parts = (part for strip in app.screen._compositor.render_strips() for part in strip)
    found = {
        color for part in parts for color in (part.style.color, part.style.bgcolor)
    }
    return {color for color in found if color is not None and not color.is_default}


async def test_without_colour_none_is_sent(run, until):
    async def scenario(app, pilot):
        assert not colors(app)
        await pilot.press("b")
        await until(pilot, lambda: len(app.session.build.blocks) == 27)
        assert not colors(app)
        await pilot.press("p")
        assert not colors(app)

    await run(scenario, "running", no_color=True)


async def test_the_environment_can_say_so_too(run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def scenario(app, pilot):
        assert not colors(app)

    await run(scenario)


async def test_the_cursor_shows_without_colour(run):
    async def scenario(app, pilot):
        table = app.screen.query_one(TreeTable)
        cursor, other = table.render_line(0), table.render_line(1)
        assert all(part.style.reverse for part in cursor)
        assert not any(part.style.reverse for part in other)
        assert cursor.text.startswith("▌")

    await run(scenario, no_color=True)


async def test_without_an_input_one_is_asked_for(make_app, until, tmp_path):
    app = make_app(input=None)
    folder = tmp_path / "[some] folder"
    folder.mkdir()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OpenScreen))
        app.screen.query_one(Input).value = str(tmp_path / "none")
        await pilot.press("enter")
        assert "does not exist" in str(app.screen.query_one("#open-error").render())
        app.screen.query_one(Input).value = str(tmp_path) + "/[so"
        await pilot.press("tab")
        assert app.screen.query_one(Input).value == f"{folder}/"
        await pilot.press("enter")
        await until(pilot, lambda: scanned(app))
        assert app.session.plan.output == b"[some] folder.dwarfs"
        assert "[some] folder.dwarfs" in text(app)


async def test_folders_opened_before_are_offered(make_app, until, tmp_path):
    file = SettingsFile(str(tmp_path / "settings.toml"))
    file.save(Settings(recent=(str(tmp_path), "/gone")))
    app = make_app(input=None, settings=file)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OpenScreen))
        assert str(tmp_path) in text(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: scanned(app))
        assert app.session.plan.input == bytes(tmp_path)


async def test_keys_can_be_changed_in_the_settings(run, tmp_path):
    file = SettingsFile(str(tmp_path / "settings.toml"))
    file.save(Settings(keys={"tree.down": "x", "plan": "f2"}))

    async def scenario(app, pilot):
        table = app.screen.query_one(TreeTable)
        await pilot.press("x")
        assert table.cursor_row == 1
        await pilot.press("j")
        assert table.cursor_row == 1

    await run(scenario, settings=file)


def test_the_sample_of_keys_is_a_part_of_the_settings(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(sample(), encoding="utf-8")
    keys = SettingsFile(str(path)).load().keys
    assert keys == {binding.id: binding.key for binding in named_bindings()}
    assert len(keys) == len(named_bindings()) > 20


async def test_settings_that_cannot_be_read_are_told_and_kept(run, told, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("level = 'seven'", encoding="utf-8")

    async def scenario(app, pilot):
        assert "settings not read: Expected `int`" in told(app)
        await pilot.press("p", "1", "enter")

    await run(scenario, settings=SettingsFile(str(path)))
    assert path.read_text(encoding="utf-8") == "level = 'seven'"


async def test_idle_screens_are_not_repainted(run):
    async def scenario(app, pilot):
        painted = []
        show = app.changed.publish
        app.changed.publish = lambda data: (painted.append(data), show(data))
        app._look_at_machine()
        await pilot.pause(0.5)
        assert painted == []

    await run(scenario)


async def test_the_key_bar_keeps_help_and_quit_where_there_is_no_room(run):
    async def scenario(app, pilot):
        bar = text(app).splitlines()[-1]
        assert "/ find" in bar and "^p palette  ? keys  q quit" in bar
        await pilot.resize_terminal(26, 20)
        await pilot.pause()
        bar = text(app).splitlines()[-1]
        assert bar.split() == ["/", "find", "?", "keys", "q", "quit"]

    await run(scenario)


async def test_a_click_on_the_key_bar_presses_the_key(run):
    async def scenario(app, pilot):
        bar = text(app).splitlines()[-1]
        await pilot.click(KeyBar, offset=(bar.index("plan"), 0))
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen)

    await run(scenario)


async def test_the_key_bar_offers_only_what_can_be_done(run):
    async def scenario(app, pilot):
        await pilot.press("4")
        bar = text(app).splitlines()[-1]
        assert "build" in bar and "cancel" not in bar and "verify" not in bar

    await run(scenario)
