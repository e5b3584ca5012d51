"""One bar for each stage of a build."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.engine.events import Stage
from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.build_state import BuildState, StageView
from dwarfsmith.tui.model.glyphs import bar
from dwarfsmith.tui.model.stage_notes import note
from dwarfsmith.tui.widgets.pane import Pane, line

_NAME_CELLS = 10
_STATE_CELLS = 11
_MOST_BAR_CELLS = 28


class StageBars(Pane):
    """Shows how far each stage is; what cannot be known has no bar at all."""

    DEFAULT_CSS = """
    StageBars { height: auto; padding: 0 1; }
    """

    build: BuildState | None = None

    def show(self, build: BuildState) -> None:
        """Show the stages of a build."""
        self.build = build
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw a line for each stage: sign, name, bar, what it found."""
        if self.build is None:
            return []
        return [
            self._line(self.build, name, view)
            for name, view in self.build.stages.items()
        ]

    def _line(self, build: BuildState, name: Stage, view: StageView) -> Content:
        width, glyphs = self.size.width, self.glyphs
        sign, style = {
            "waiting": (glyphs.waiting, "$muted"),
            "running": (glyphs.running, "$promise"),
            "done": (glyphs.done, "$success"),
        }[view.status]
        if view.status == "running" and not build.active:
            sign, style = glyphs.failed, "$error"
        head = line(
            (f"{text.fit(sign, 2)} ", style),
            (f"{name:<{_NAME_CELLS}}", "$muted" if view.status == "waiting" else ""),
        )
        body = self._body(view, max(8, min(_MOST_BAR_CELLS, width - 57)))
        room = max(width - head.cell_length - body.cell_length - 2, 0)
        words = text.elide_end(self.said(note(build, name)), room, glyphs.ellipsis)
        return line(head, body, "  ", (words, "$muted"))

    def _body(self, view: StageView, cells: int) -> Content:
        """Return the bar with its percentage or time."""
        pad = " " * _STATE_CELLS
        if view.status == "waiting":
            return line(" " * cells, pad)
        if view.status == "done":
            return self._finished(view, cells)
        fraction = view.fraction
        if fraction is None:
            # Of an unknown total no part can be filled.
            return line((self.glyphs.waiting * cells, "$faint"), pad)
        filled, track = bar(fraction, cells, self.glyphs)
        about = self.glyphs.about if view.total is None else ""
        share = f"{about}{units.percent(fraction, 1)}".rjust(_STATE_CELLS)
        style = "$promise" if self.build and self.build.active else "$muted"
        return line((filled, style), (track, "$faint"), share)

    def _finished(self, view: StageView, cells: int) -> Content:
        """Return a full bar; once all is over, the stage's share of the time."""
        assert self.build is not None
        share = 1.0
        if not self.build.active:
            longest = max(stage.seconds for stage in self.build.stages.values())
            share = view.seconds / longest if longest else 0.0
        filled, _ = bar(share, cells, self.glyphs)
        blank = " " * (cells - len(filled))
        took = f"{units.span(view.seconds):>{_STATE_CELLS}}"
        return line((filled, "$packed"), blank, took)
