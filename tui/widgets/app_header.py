"""The first line: the modes, what goes where, and what is left of the machine."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.glyphs import bar
from dwarfsmith.tui.session import Session, home_relative
from dwarfsmith.tui.widgets.pane import Pane, line, spread

MODES = (("1", "browse", "Browse"), ("4", "build", "Build"))
_BAR_CELLS = 8
_MIN_PATH_CELLS = 24
"""With less room, only the output is named."""


class AppHeader(Pane):
    """Shows the session in one line, in every mode."""

    DEFAULT_CSS = """
    AppHeader {
        dock: top;
        height: 1;
        padding: 0 1;
        background: $background;
        color: $muted;
        link-color: $muted;
        link-style: none;
        link-color-hover: $foreground;
        link-background-hover: $background;
        link-style-hover: underline;
    }
    """
    ALLOW_SELECT = False

    session: Session | None = None
    mode: str = ""

    def show(self, session: Session, mode: str) -> None:
        """Show a session as seen from a mode."""
        self.session = session
        self.mode = mode
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the line; what matters less goes first when it is narrow."""
        if self.session is None:
            return []
        width = self.size.width
        left = line(*self._modes(), *self._progress(self.session, width))
        room = width - left.cell_length - 3
        return [spread(left, self._right(self.session, room), width)]

    def _modes(self) -> list[Content | tuple[str, str] | str]:
        parts: list[Content | tuple[str, str] | str] = []
        if self.size.width >= 72:
            parts += [("dwarfsmith", "bold $primary"), "   "]
        for key, mode, title in MODES:
            chosen = mode == self.mode
            style = "bold reverse" if chosen else ""
            parts.append(
                Content.assemble((f" {key} {title} ", style)).stylize(
                    f"@click=app.mode('{mode}')"
                )
                if not chosen
                else (f" {key} {title} ", "bold $primary reverse")
            )
            parts.append(" ")
        return parts

    def _progress(self, session: Session, width: int) -> list[tuple[str, str] | str]:
        build, glyphs = session.build, self.glyphs
        if build.status == "done":
            return [(f" {glyphs.done} built", "$success")]
        if build.status == "failed":
            return [(f" {glyphs.failed} failed", "$error")]
        if not build.active:
            return []
        if build.status == "cancelling":
            return [(" stopping", "$warning")]
        parts: list[tuple[str, str] | str] = [(" building ", "$promise")]
        fraction = build.fraction
        if fraction is not None:
            if width >= 90:
                filled, track = bar(fraction, _BAR_CELLS, glyphs)
                parts += [(filled, "$promise"), (track, "$faint"), " "]
            parts.append((units.percent(fraction, 1), "$promise"))
        else:
            parts.append((units.clock(build.elapsed), "$promise"))
        return parts

    def _right(self, session: Session, room: int) -> Content:
        if session.plan is None or room < 12:
            return Content("")
        memory = ""
        if session.free_memory is not None:
            memory = f"{units.size(session.free_memory)} of RAM free"
        target = self.said(home_relative(session.plan.output))
        arrow = f" {self.glyphs.arrow} "
        if room < 40 + len(memory):
            memory = ""
        path_room = room - len(memory) - 3 - len(arrow)
        if path_room < _MIN_PATH_CELLS:
            target = text.elide_middle(target, path_room, self.glyphs.ellipsis)
            return line(arrow, (target, "$foreground"))
        target = text.elide_middle(target, path_room // 2, self.glyphs.ellipsis)
        source = text.elide_middle(
            self.said(session.input_label),
            path_room - text.width(target),
            self.glyphs.ellipsis,
        )
        parts: list[tuple[str, str] | str] = [
            (source, "$foreground"),
            arrow,
            (target, "$foreground"),
        ]
        if memory:
            parts += ["   ", memory]
        return line(*parts)
