"""The line to type in what to find, and how many there are."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs


class FindBar(Horizontal):
    """Hidden until it is opened; the screen does the finding."""

    DEFAULT_CSS = """
    FindBar { height: 1; display: none; padding: 0 1; background: $panel; }
    FindBar #find-sign { width: 2; color: $primary; text-style: bold; }
    FindBar Input { width: 1fr; background: $panel; }
    FindBar #find-count { width: auto; color: $muted; padding: 0 0 0 2; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Lay out the sign, the input and the count."""
        yield Static("/", id="find-sign")
        field = Input(compact=True, placeholder="part of a name", id="find-input")
        field.cursor_blink = False
        yield field
        yield Static("", id="find-count", markup=False)

    @property
    def value(self) -> str:
        """What to find."""
        return self.query_one(Input).value

    @property
    def typing(self) -> bool:
        """Whether keys go into the line."""
        return self.query_one(Input).has_focus

    def open(self) -> None:
        """Show the line, empty, ready to type in."""
        self.display = True
        field = self.query_one(Input)
        field.value = ""
        self.tell(None, 0)
        field.focus()

    def close(self) -> None:
        """Hide the line."""
        self.query_one(Input).value = ""
        self.display = False

    def tell(self, number: int | None, count: int) -> None:
        """Say which match the cursor is on, of how many."""
        if not self.value:
            words = ""
        elif not count:
            words = "no match"
        elif number is None:
            words = f"{count:,} found"
        else:
            words = f"{number:,} of {count:,}"
        if words and not self.typing:
            words += "  n next  N before  esc done"
        self.query_one("#find-count", Static).update(words)
