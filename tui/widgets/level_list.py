"""The levels 0 to 9 to choose from, each in words."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from dwarfsmith.engine.levels import DEFAULT_LEVEL
from dwarfsmith.engine.plan import LEVELS
from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.plan_text import level_row
from dwarfsmith.tui.widgets.pane import Pane, line

_CELLS = (16, 9, 12)
"""Codec, block size and order."""
_ORDER = 2
_MIN_PURPOSE_CELLS = 22


class LevelList(Pane, can_focus=True):
    """One line a level; arrows, hjkl or the digit itself choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "level below", show=False),
        Binding("down,j", "step(1)", "level above", show=False),
        Binding("home,g", "set(0)", "first level", show=False),
        Binding("end,G", "set(9)", "last level", show=False),
        *(Binding(str(level), f"set({level})", show=False) for level in LEVELS),
    ]
    DEFAULT_CSS = """
    LevelList { height: 11; color: $foreground; }
    """
    ALLOW_SELECT = False

    level: reactive[int] = reactive(DEFAULT_LEVEL)
    """The chosen level."""

    class Chosen(Message):
        """Another level was chosen."""

        def __init__(self, level: int) -> None:
            self.level = level
            super().__init__()

    def draw(self) -> list[Content]:
        """Draw the headings and the ten levels."""
        heading = self._columns(
            "    level", "compression", "blocks", "order", "good for"
        )
        return [Content.styled(heading, "$muted"), *map(self._row, LEVELS)]

    def _row(self, level: int) -> Content:
        chosen = level == self.level
        mark = self.glyphs.closed if chosen else " "
        words = self._columns(f"  {mark} {level}", *level_row(level))
        if not chosen:
            return line((words, "$muted"))
        style = "bold $block-cursor-foreground on $block-cursor-background"
        if self.app.no_color:
            style = "reverse" if self.has_focus else "bold"
        elif not self.has_focus:
            style = "bold $foreground"
        return line((words, style))

    def _columns(self, level: str, *cells: str) -> str:
        shown = f"{level:<10}"
        narrow = self.size.width < len(shown) + sum(_CELLS) + _MIN_PURPOSE_CELLS
        for column, width in enumerate(_CELLS):
            if column != _ORDER or not narrow:
                shown += text.fit(cells[column], width)
        room = max(self.size.width - len(shown), 0)
        return shown + text.fit(
            text.elide_end(cells[3], room, self.glyphs.ellipsis), room
        )

    def on_focus(self) -> None:
        """Draw the chosen level as focused."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the chosen level as blurred."""
        self.refresh()

    def action_step(self, by: int) -> None:
        """Choose a level next to the present one."""
        self.action_set(self.level + by)

    def action_set(self, level: int) -> None:
        """Choose a level."""
        if level in LEVELS and level != self.level:
            self.level = level
            self.post_message(self.Chosen(level))

    def on_click(self, event: events.Click) -> None:
        """Choose the level under the pointer."""
        self.action_set(event.y - 1)
