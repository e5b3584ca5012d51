"""A quiet message in place of what cannot be shown."""

from __future__ import annotations

from typing import Literal

from textual.app import RenderResult
from textual.content import Content

from dwarfsmith.tui.widgets.pane import Pane, line, lines


class Notice(Pane):
    """Says what is the matter and what to do now, in the middle of its place."""

    DEFAULT_CSS = """
    Notice {
        height: 1fr;
        content-align: center middle;
        text-align: center;
        padding: 1 4;
        display: none;
    }
    """

    words: Content = Content("")

    def show(self, level: Literal["info", "error"], message: str, advice: str) -> None:
        """Show a message and, under it, what to do."""
        sign = (f"{self.glyphs.failed} ", "$error") if level == "error" else ("", "")
        shown = [line(sign, (self.said(message), "bold"))]
        if advice:
            shown += [Content(""), line((advice, "$muted"))]
        words = lines(shown)
        if not self.display or words != self.words:
            self.words = words
            self.display = True
            self.refresh(layout=True)

    def hide(self) -> None:
        """Give the place back."""
        self.display = False

    def render(self) -> RenderResult:
        """Draw the message."""
        return self.words
