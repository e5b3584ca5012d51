"""All keys of the screen that is being used, and a word about it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from dwarfsmith.tui.screens.dialog import Dialog
from dwarfsmith.tui.widgets.pane import line

_KEY_CELLS = 18
_GROUPS = {"TreeTable": "the tree", "BrowseScreen": "browse", "BuildScreen": "build"}
_EVERYWHERE = "everywhere"
_HIDDEN = (
    "interrupt",
    "screen.copy_text",
    "page_left",
    "page_right",
    "app.focus_next",
    "app.focus_previous",
)


class HelpScreen(Dialog[None]):
    """Lists what each key does on a screen, from the bindings themselves."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "leave", "close", show=False),
        Binding("j", "scroll('down')", "down", show=False),
        Binding("k", "scroll('up')", "up", show=False),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._help = str(getattr(screen, "HELP", "") or "")
        self._keys = keys_of(screen)

    def compose(self) -> ComposeResult:
        """Lay out the words over the groups of keys."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            with VerticalScroll():
                if self._help:
                    yield Static(self._help, markup=False, classes="hint")
                for group, keys in self._keys.items():
                    yield Static(Content("\n").join(_rows(group, keys)), classes="keys")
                yield Static(
                    "ctrl+c leaves at once and tells so by its exit code. Text can "
                    "be marked with the mouse; hold shift to let the terminal do it.",
                    markup=False,
                    classes="hint",
                )

    def action_scroll(self, way: str) -> None:
        """Scroll the keys by a line."""
        scroll = self.query_one(VerticalScroll)
        if way == "down":
            scroll.scroll_down(animate=False)
        else:
            scroll.scroll_up(animate=False)


def keys_of(screen: Screen[Any]) -> dict[str, list[tuple[str, str]]]:
    """Return the keys in force on a screen and what they do, by group."""
    groups: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.action in _HIDDEN:
            continue
        if isinstance(active.node, App):
            group = _EVERYWHERE
        else:
            group = _GROUPS.get(type(active.node).__name__, "")
        if group:
            named = groups.setdefault(group, {})
            keys = named.setdefault(binding.action, (binding.description, []))[1]
            keys.append(screen.app.get_key_display(binding))
    return {
        group: [(" ".join(keys), words) for words, keys in named.values()]
        for group, named in groups.items()
    }


def _rows(group: str, keys: list[tuple[str, str]]) -> list[Content]:
    rows = [Content.styled(group, "bold $primary")]
    for names, words in keys:
        rows.append(line((f"  {names:<{_KEY_CELLS}}", "bold"), (words, "$muted")))
    return rows
