"""Helpers of the widgets that draw a few lines of text."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs

Part = tuple[str, str] | str | Content
"""A piece of a line: text alone, with a style, or ready content."""


def name_box(box: Widget, title: str, subtitle: str = "") -> None:
    """Set the titles in a widget's border; nothing in them is read as markup.

    Setting a title repaints all of the box, so what has not changed is not set.
    """
    if box.border_title != Content(title).markup:
        box.border_title = Content(title)
    if (box.border_subtitle or "") != Content(subtitle).markup:
        box.border_subtitle = Content(subtitle)


class Pane(Widget):
    """A widget of text lines that repaints only the lines that have changed.

    Subclasses draw; whoever shows something in one calls `redraw`.
    """

    DEFAULT_CSS = """
    Pane { text-wrap: nowrap; }
    """

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
        self._drawn: list[Content] = []

    def draw(self) -> list[Content]:
        """Return the lines to show at the present size."""
        raise NotImplementedError

    def render(self) -> RenderResult:
        """Draw everything."""
        self._drawn = self.draw()
        return Content("\n").join(self._drawn)

    def redraw(self) -> None:
        """Repaint the lines that are not what they were."""
        before = self._drawn
        if not self.is_on_screen:
            self.refresh()
            return
        self._drawn = self.draw()
        if len(self._drawn) != len(before):
            self.refresh(layout=True)
            return
        for row, (old, new) in enumerate(zip(before, self._drawn, strict=True)):
            if not new.is_same(old):
                self.refresh(Region(0, row, self.size.width, 1))

    def said(self, words: str) -> str:
        """Return a name or path from outside as this terminal can show it."""
        return text.plain_ascii(words) if self.glyphs.ascii else words


def line(*parts: Part) -> Content:
    """Return one line; nothing in it is read as markup."""
    return Content.assemble(*parts)


def spread(left: Content, right: Content, cells: int) -> Content:
    """Return `left` and `right` at the two ends of a line, `right` cut if need be."""
    room = cells - left.cell_length - right.cell_length
    if room >= 1:
        return line(left, " " * room, right)
    return left.truncate(cells, ellipsis=False)


def wrapped(words: str, cells: int, style: str) -> list[Content]:
    """Return `words` as lines of at most `cells`."""
    return [Content.styled(part.plain, style) for part in Content(words).wrap(cells)]
