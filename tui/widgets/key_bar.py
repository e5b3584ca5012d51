"""The last line: the keys that matter most now. A click does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.content import Content
from textual.screen import Screen

from dwarfsmith.tui.model import text
from dwarfsmith.tui.widgets.pane import Pane, Part, line

_GAP: Final = 2
_PALETTE: Final = "command_palette"
ALWAYS: Final = ("help", "quit")
"""Actions that stay where the others do not fit."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the bar."""

    key: str
    shown: str
    words: str
    action: str

    @property
    def cells(self) -> int:
        """How wide it is, with the gap after it."""
        return text.width(self.shown) + 1 + text.width(self.words) + _GAP


class KeyBar(Pane):
    """Shows the bindings in force, as many as fit, in one widget."""

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $footer-background;
        color: $footer-description-foreground;
    }
    """
    ALLOW_SELECT: ClassVar[bool] = False

    def on_mount(self) -> None:
        """Follow the bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.redraw()

    def draw(self) -> list[Content]:
        """Draw the keys that fit."""
        parts: list[Part] = []
        for key in self._fitting():
            parts.append((key.shown, "bold $footer-key-foreground"))
            parts.append(f" {key.words}{' ' * _GAP}")
        return [line(*parts)]

    def on_click(self, event: events.Click) -> None:
        """Press the key under the pointer."""
        offset = event.get_content_offset(self)
        start = 0
        for key in self._fitting():
            if offset is not None and start <= offset.x < start + key.cells - _GAP:
                self.app.simulate_key(key.key)
            start += key.cells

    def _fitting(self) -> list[Key]:
        keys = self._keys()
        room = self.size.width + _GAP
        room -= sum(key.cells for key in keys if key.action in ALWAYS)
        fitting = []
        for key in keys:
            if key.action not in ALWAYS:
                room -= key.cells
                if room < 0:
                    continue
            fitting.append(key)
        return fitting

    def _keys(self) -> list[Key]:
        """Return all keys worth showing, each action once, help and quit last."""
        found: dict[str, Key] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not active.enabled or binding.action in found:
                continue
            shown = self.app.get_key_display(binding)
            if binding.action == _PALETTE:
                found[_PALETTE] = Key(binding.key, shown, "palette", _PALETTE)
            elif binding.show:
                found[binding.action] = Key(
                    binding.key, shown, binding.description, binding.action
                )
        last = [found.pop(name) for name in (_PALETTE, *ALWAYS) if name in found]
        return [*found.values(), *last]
