"""Questions before something is stopped or replaced."""

from __future__ import annotations

import os
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.screens.dialog import Dialog
from dwarfsmith.tui.session import Session, home_relative

Question = tuple[str, str, str, str]
"""Title, what would happen, the word for yes, the word for no."""


class ConfirmScreen(Dialog[bool]):
    """Asks; the harmless answer has the focus, escape means it."""

    CSS_PATH = "confirm.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n", "answer(False)", "no", show=False),
        Binding("left,right,h,l", "app.focus_next", "other answer", show=False),
    ]

    def __init__(self, title: str, words: str, yes: str, no: str) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Lay out the question over its two answers."""
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield Static(self._words, markup=False, id="words")
            with Horizontal(id="answers"):
                yield Button(f"{self._no} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True)

    @on(Button.Pressed)
    def _answer_by_button(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Close with an answer."""
        self.dismiss(yes)


def replace_question(output: bytes) -> Question:
    """Ask whether an existing file may be replaced."""
    name = home_relative(output)
    try:
        there = os.stat(output)
        facts = f" ({units.size(there.st_size)}, {units.moment(there.st_mtime_ns)})"
    except OSError:
        facts = ""
    return (
        "Replace the file?",
        f"{name} exists already{facts}. It is replaced only when the new image is "
        "complete.",
        "Replace it",
        "Keep it",
    )


def cancel_question(build: BuildState) -> Question:
    """Ask whether a build may be stopped."""
    if build.verifying:
        return (
            "Stop reading back?",
            "The image stays as it is; it will not have been verified.",
            "Stop",
            "Go on",
        )
    gone = units.clock(build.elapsed)
    return (
        "Stop the build?",
        f"{gone} of work would be lost. No partial image is left behind.",
        "Stop it",
        "Go on building",
    )


def quit_question(session: Session) -> Question:
    """Ask whether to leave although something is running."""
    if session.build.active:
        gone = units.clock(session.build.elapsed)
        return (
            "Leave during a build?",
            f"A build has been running for {gone}. Leaving stops it; no partial "
            "image is left behind.",
            "Stop it and leave",
            "Stay",
        )
    return (
        "Leave during a scan?",
        "The folder is still being scanned.",
        "Leave",
        "Stay",
    )
