"""What every mode has: the header, its body, the promise and the footer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen

from dwarfsmith.tui.session import Session
from dwarfsmith.tui.widgets.app_header import AppHeader
from dwarfsmith.tui.widgets.key_bar import KeyBar
from dwarfsmith.tui.widgets.promise import Promise

if TYPE_CHECKING:
    from dwarfsmith.tui.app import DwarfsmithApp


class ModeScreen(Screen[None]):
    """A mode of the app; subclasses fill the body and show the session in it."""

    MODE: ClassVar[str]

    @property
    def smith(self) -> DwarfsmithApp:
        """The app, by its own type."""
        return cast("DwarfsmithApp", self.app)

    @property
    def session(self) -> Session:
        """The app's session."""
        return self.smith.session

    def compose(self) -> ComposeResult:
        """Lay out the frame around the body."""
        glyphs = self.session.glyphs
        yield AppHeader(glyphs)
        yield from self.compose_body()
        yield Promise(glyphs)
        yield KeyBar(glyphs)

    def compose_body(self) -> ComposeResult:
        """Yield what the mode itself shows."""
        yield from ()

    def on_mount(self) -> None:
        """Follow the session from now on."""
        self.smith.changed.subscribe(self, self._changed)

    def on_screen_resume(self) -> None:
        """Show what has changed while another mode was on screen."""
        self._changed(self.session)

    def _changed(self, session: Session) -> None:
        if self.smith.current_mode != self.MODE:
            return
        self.query_one(AppHeader).show(session, self.MODE)
        self.query_one(Promise).show(session)
        self.show(session)

    def show(self, session: Session) -> None:
        """Show a session in the body."""
