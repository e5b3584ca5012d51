"""The full list of what went wrong with single entries."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.build_state import Line
from dwarfsmith.tui.screens.dialog import Dialog
from dwarfsmith.tui.session import Session
from dwarfsmith.tui.widgets.pane import line


class ProblemsScreen(Dialog[None]):
    """Every problem of the scan and the build, with its path."""

    CSS_PATH = "problems.tcss"
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,q", "leave", "close", show=False),
        Binding("j", "scroll('down')", "down", show=False),
        Binding("k", "scroll('up')", "up", show=False),
        Binding("y", "copy", "copy all", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def compose(self) -> ComposeResult:
        """Lay out the list under its count."""
        scan, build = self._session.scan, self._session.build
        shown = [*scan.lines, *build.lines]
        found = [entry for entry in shown if entry.level != "info"]
        with Vertical(classes="dialog") as box:
            count = scan.problems + build.problems
            box.border_title = units.counted(count, "problem")
            box.border_subtitle = "y copies all, esc closes"
            with VerticalScroll():
                if not found:
                    yield Static("Nothing went wrong so far.", id="none")
                else:
                    yield Static(Content("\n").join(map(self._row, found)))

    def _row(self, entry: Line) -> Content:
        glyphs = self._session.glyphs
        words = f"{entry.path}: {entry.message}" if entry.path else entry.message
        if glyphs.ascii:
            words = text.plain_ascii(words)
        return line((f"{glyphs.warning} ", "$warning"), words)

    def action_scroll(self, way: str) -> None:
        """Scroll the list by a line."""
        scroll = self.query_one(VerticalScroll)
        if way == "down":
            scroll.scroll_down(animate=False)
        else:
            scroll.scroll_up(animate=False)

    def action_copy(self) -> None:
        """Copy the whole list."""
        shown = [*self._session.scan.lines, *self._session.build.lines]
        self.app.copy_to_clipboard(
            "\n".join(f"{entry.path}: {entry.message}" for entry in shown)
        )
        self.notify("the problems are in the clipboard")
