"""Bars, sparklines, and when signs must be plain."""

from dataclasses import fields

import pytest

from dwarfsmith.tui.model.glyphs import (
    ASCII,
    UNICODE,
    bar,
    sparkline,
    terminal_speaks_utf8,
)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("fraction", [-1, 0, 0.001, 0.3, 0.5, 0.999, 1, 7])
def test_a_bar_is_as_wide_as_asked(glyphs, fraction):
    filled, track = bar(fraction, 10, glyphs)
    assert len(filled + track) == 10
    assert (len(filled) == 0) == (fraction <= 0)
    assert (len(track) == 0) == (fraction > 0.95)


def test_a_bar_counts_in_half_cells():
    assert bar(0.25, 10, UNICODE) == ("━━╸", "───────")
    assert bar(0.25, 10, ASCII) == ("##", "........")


def test_a_bar_without_room_is_nothing():
    assert bar(0.5, 0, UNICODE) == ("", "")


def test_a_sparkline_shows_the_newest_values():
    assert sparkline([9, 0, 4, 8], 3, UNICODE) == "▁▅█"
    assert sparkline([0, 0], 5, UNICODE) == "▁▁"
    assert sparkline([], 5, UNICODE) == ""


def test_every_ascii_sign_is_ascii_and_none_is_missing():
    for field in fields(ASCII):
        sign = getattr(ASCII, field.name)
        if isinstance(sign, str):
            assert sign.isascii()
            assert sign or field.name == "half"
    assert len(ASCII.levels) == len(UNICODE.levels) == 8


@pytest.mark.parametrize(
    ("locale", "utf8"),
    [
        ({"LC_ALL": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LC_CTYPE": "en_US.UTF-8@euro", "LANG": "C"}, True),
        ({"LANG": "xx.no-such-encoding"}, False),
    ],
)
def test_the_locale_decides(monkeypatch, locale, utf8):
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert terminal_speaks_utf8() is utf8
