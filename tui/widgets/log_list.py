"""The newest problems and lines of narration of a job."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.build_state import Line
from dwarfsmith.tui.widgets.pane import Pane, line

_SHOWN = ("problem", "error", "warn", "info")


class LogList(Pane):
    """Shows what fits of the newest lines, newest last."""

    DEFAULT_CSS = """
    LogList { padding: 0 1; }
    """

    shown: Sequence[Line] = ()

    def show(self, shown: Sequence[Line]) -> None:
        """Show these lines."""
        self.shown = [entry for entry in shown if entry.level in _SHOWN]
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the newest lines that fit."""
        if not self.shown:
            return [Content.styled("nothing to tell so far", "$muted")]
        return [self._line(entry) for entry in self.shown[-self.size.height :]]

    def _line(self, entry: Line) -> Content:
        sign, style = {
            "problem": (self.glyphs.warning, "$warning"),
            "warn": (self.glyphs.warning, "$warning"),
            "error": (self.glyphs.failed, "$error"),
        }.get(entry.level, (self.glyphs.dot, "$muted"))
        words = self.said(entry.message)
        room = self.size.width - text.width(sign) - 1
        if not entry.path:
            return line(
                (f"{sign} ", style), text.elide_end(words, room, self.glyphs.ellipsis)
            )
        path_room = max(room - text.width(words) - 2, 12)
        path = text.elide_middle(self.said(entry.path), path_room, self.glyphs.ellipsis)
        return line((f"{sign} ", style), f"{path}: ", (words, "$muted"))
