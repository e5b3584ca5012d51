"""Themes from files."""

import re

import pytest
from textual.theme import Theme

from dwarfsmith.themes.loader import (
    DEFAULT,
    OWN_VARIABLES,
    TERMINAL,
    ThemeError,
    load_theme,
    load_themes,
)

GOOD = """
primary = "#abcdef"
foreground = "#ffffff"
background = "#000000"
[variables]
""" + "\n".join(f'{name} = "#123456"' for name in OWN_VARIABLES)


@pytest.fixture
def write(tmp_path):
    def make(text, name="mine"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return make


def test_ours_load_and_have_every_colour():
    themes = {theme.name: theme for theme in load_themes()}
    assert len(themes) >= 4 and {DEFAULT, TERMINAL} <= set(themes)
    assert themes[TERMINAL].ansi
    for theme in themes.values():
        assert set(OWN_VARIABLES) <= set(theme.variables)
        theme.to_color_system().generate()


@pytest.mark.parametrize("name", [theme.name for theme in load_themes()])
def test_text_can_be_read_on_every_background(name):
    """Contrast by the WCAG formula: 4.5 for text, 3 for what is muted."""
    theme = next(theme for theme in load_themes() if theme.name == name)
    if theme.ansi:
        pytest.skip("the terminal's own colours are the user's choice")
    generated = theme.to_color_system().generate() | theme.variables
    background = generated["background"]
    assert contrast(generated["foreground"], background) >= 7
    cursor = generated["block-cursor-background"]
    assert contrast(generated["block-cursor-foreground"], cursor) >= 4.5
    for variable in ("muted", "primary", "success", "warning", "error"):
        assert contrast(generated[variable], background) >= 4.5, variable
    for variable in ("packed", "promise", *(f"block-{step}" for step in range(1, 9))):
        assert contrast(generated[variable], background) >= 3, variable


def contrast(one, other):
    def light(color):
        parts = [
            int(part, 16) / 255 for part in re.findall("..", color.lstrip("#")[:6])
        ]
        linear = [
            p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_theme_is_named_like_its_file(write):
    theme = load_theme(write(GOOD))
    assert isinstance(theme, Theme)
    assert (theme.name, theme.primary) == ("mine", "#abcdef")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("primary = ", "theme not read: Invalid value"),
        (GOOD.replace("primary", "primry"), "expected a known setting, found 'primry'"),
        (GOOD.replace('background = "#000000"', ""), "expected 'background'"),
        (GOOD.replace("block-8", "block-9"), "expected 'block-8' under [variables]"),
        (GOOD.replace("#abcdef", "reddish"), "a colour for 'primary', found 'reddish'"),
        (
            GOOD.replace('promise = "#123456"', 'promise = "#12345"'),
            "a colour for 'promise', found '#12345'",
        ),
        ("ansi = true\n" + GOOD, "expected 'ansi-background' under [variables]"),
    ],
)
def test_a_bad_theme_is_told_in_one_line_with_its_place(write, text, said):
    path = write(text)
    with pytest.raises(ThemeError) as told:
        load_theme(path)
    assert said in str(told.value) and path in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_that_is_not_there_has_no_themes(tmp_path):
    assert load_themes(str(tmp_path / "none")) == []
