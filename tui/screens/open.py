"""The dialog that asks for an input folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dwarfsmith.engine.events import printable
from dwarfsmith.tui.screens.dialog import Dialog


class FolderSuggester(Suggester):
    """Completes the last part of a path to a folder that exists."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return `value` completed, or None."""
        return completed(value)


def completed(value: str) -> str | None:
    """Return a path with its last part completed, or None if there is no folder."""
    head, _, start = value.rpartition("/")
    folder = os.path.expanduser(f"{head}/" if head or value[:1] == "/" else ".")
    try:
        names = sorted(
            entry.name
            for entry in os.scandir(folder)
            if entry.name.startswith(start) and entry.is_dir()
        )
    except OSError:
        return None
    if not start:
        names = [name for name in names if not name.startswith(".")]
    return value + names[0][len(start) :] + "/" if names else None


class OpenScreen(Dialog[bytes]):
    """Takes a folder by name, or one of those opened before."""

    CSS_PATH = "open.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", show=False, priority=True),
    ]

    def __init__(self, recent: Iterable[str]) -> None:
        super().__init__()
        self._recent = list(recent)

    def compose(self) -> ComposeResult:
        """Lay out the field over the recent folders."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Open a folder"
            field = Input(
                placeholder="path of a folder",
                suggester=FolderSuggester(),
                compact=True,
            )
            field.cursor_blink = False
            yield field
            yield Static("", id="open-error", markup=False)
            if self._recent:
                yield Static("opened before", classes="hint")
                yield OptionList(
                    *(
                        Option(printable(os.fsencode(path)), id=str(number))
                        for number, path in enumerate(self._recent)
                    ),
                    markup=False,
                    compact=True,
                )
            yield Static(
                "enter opens, tab completes, down for folders opened before, "
                "esc closes",
                classes="hint",
                id="open-hint",
            )

    def action_complete(self) -> None:
        """Take the suggestion, or go to the recent folders."""
        field = self.query_one(Input)
        longer = completed(field.value) if field.has_focus else None
        if longer is not None:
            field.value = longer
            field.cursor_position = len(longer)
        else:
            self.app.action_focus_next()

    @on(Input.Changed)
    def _forget_error(self) -> None:
        self.query_one("#open-error", Static).update("")

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self._take(os.fsencode(os.path.expanduser(event.value.strip())))

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self._take(os.fsencode(self._recent[event.option_index]))

    def _take(self, folder: bytes) -> None:
        if not folder:
            return
        if os.path.isdir(folder):
            self.dismiss(folder)
            return
        there = os.path.lexists(folder)
        words = "is not a folder" if there else "does not exist"
        self.query_one("#open-error", Static).update(f"{printable(folder)} {words}")
