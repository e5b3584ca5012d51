"""A quiet message in place of what cannot be shown."""

from __future__ import annotations

from typing import Literal

from textual.content import Content

from dwarfsmith.tui.widgets.pane import Pane, line


class Notice(Pane):
    """Says what is the matter and what to do now, in the middle of its place."""

    DEFAULT_CSS = """
    Notice {
        height: 1fr;
        content-align: center middle;
        text-align: center;
        text-wrap: wrap;
        padding: 1 4;
        display: none;
    }
    """

    _words: tuple[str, str, str] = ("info", "", "")

    def show(self, level: Literal["info", "error"], message: str, advice: str) -> None:
        """Show a message and, under it, what to do."""
        if not self.display or self._words != (level, message, advice):
            self._words = level, message, advice
            self.display = True
            self.refresh(layout=True)

    def hide(self) -> None:
        """Give the place back."""
        self.display = False

    def draw(self) -> list[Content]:
        """Draw the message over the advice."""
        level, message, advice = self._words
        sign = (f"{self.glyphs.failed} ", "$error") if level == "error" else ""
        shown = [line(sign, (self.said(message), "bold"))]
        if advice:
            shown += [Content(""), line((advice, "$muted"))]
        return shown
