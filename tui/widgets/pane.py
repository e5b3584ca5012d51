"""Helpers of the widgets that draw a few lines of text."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs

Part = tuple[str, str] | str | Content
"""A piece of a line: text alone, with a style, or ready content."""


class Pane(Widget):
    """A widget that draws what it was last given; knows its glyphs."""

    def __init__(
        self,
        glyphs: Glyphs = UNICODE,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.glyphs = glyphs

    def said(self, words: str) -> str:
        """Return a name or path from outside as this terminal can show it."""
        return text.plain_ascii(words) if self.glyphs.ascii else words


def line(*parts: Part) -> Content:
    """Return one line; nothing in it is read as markup."""
    return Content.assemble(*parts)


def lines(contents: Iterable[Content]) -> Content:
    """Return several lines."""
    return Content("\n").join(contents)


def spread(left: Content, right: Content, cells: int) -> Content:
    """Return `left` and `right` at the two ends of a line, `right` cut if need be."""
    room = cells - left.cell_length - right.cell_length
    if room >= 1:
        return line(left, " " * room, right)
    return left.truncate(cells, ellipsis=False)
