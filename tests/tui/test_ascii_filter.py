"""Plain ASCII, cell for cell."""

from dataclasses import fields

from rich.segment import Segment
from rich.style import Style
from textual._border import BORDER_CHARS
from textual.color import Color

from dwarfsmith.tui.ascii_filter import AsciiFilter, to_ascii
from dwarfsmith.tui.model.glyphs import UNICODE


def test_every_sign_of_ours_has_a_likeness():
    for field in fields(UNICODE):
        sign = getattr(UNICODE, field.name)
        if isinstance(sign, str):
            assert to_ascii(sign).isascii()
            assert "?" not in to_ascii(sign), sign


def test_the_borders_in_use_have_a_likeness():
    for name in ("round", "solid", "outer", "tall"):
        for row in BORDER_CHARS[name]:
            assert "?" not in to_ascii("".join(row)), name


def test_lines_stay_as_wide_as_they_were():
    assert to_ascii("größe 日本") == "gr??e ????"


def test_styles_are_kept():
    bold = Style(bold=True)
    (segment,) = AsciiFilter().apply([Segment("─▸", bold)], Color(0, 0, 0))
    assert (segment.text, segment.style) == ("->", bold)
