"""A choice between yes and no that also reads without colour."""

from __future__ import annotations

from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from dwarfsmith.tui.widgets.pane import line


class Toggle(Widget, can_focus=True):
    """Draws `[x] words`; space, enter or a click turns it around."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "turn", "turn on or off", show=False),
    ]
    DEFAULT_CSS = """
    Toggle { height: 1; width: 1fr; color: $muted; }
    Toggle.-on { color: $foreground; }
    Toggle:focus {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: $block-cursor-text-style;
    }
    Toggle:nocolor:focus { text-style: reverse; }
    """
    ALLOW_SELECT = False

    value: reactive[bool] = reactive(False, toggle_class="-on")
    """Whether it is on."""

    class Changed(Message):
        """It was turned on or off."""

        def __init__(self, toggle: Toggle) -> None:
            self.toggle = toggle
            super().__init__()

        @property
        def control(self) -> Toggle:
            """The toggle."""
            return self.toggle

    def __init__(self, words: str, value: bool, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = words
        self.set_reactive(Toggle.value, value)
        self.set_class(value, "-on")

    def render(self) -> RenderResult:
        """Draw the box and the words."""
        return line("[x] " if self.value else "[ ] ", self._words)

    def action_turn(self) -> None:
        """Turn it around."""
        self.value = not self.value
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Turn it around."""
        self.action_turn()
