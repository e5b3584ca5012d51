"""The line above the footer: the plan in a phrase, and what is known of its result."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.engine.events import Scanned
from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.plan_text import phrase
from dwarfsmith.tui.session import Session
from dwarfsmith.tui.widgets.pane import Pane, line, spread


class Promise(Pane):
    """Always there, always true: what is not known is `·`."""

    DEFAULT_CSS = """
    Promise {
        height: 1;
        padding: 0 1;
        background: $background;
        color: $foreground;
    }
    """

    session: Session | None = None

    def show(self, session: Session) -> None:
        """Show the promise of a session."""
        self.session = session
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the line: the plan on the left, the figures on the right."""
        session = self.session
        if session is None or session.plan is None:
            return [Content.styled("no folder is open", "$muted")]
        wide = self.size.width >= 90
        plan = phrase(session.plan, self.glyphs.dot)
        if not wide:
            plan = f"{self.glyphs.dot} ".join(plan.split(f"{self.glyphs.dot} ")[:2])
        left = line((plan, "$promise"))
        return [spread(left, self._figures(session, wide), self.size.width)]

    def _figures(self, session: Session, wide: bool) -> Content:
        arrow = f" {self.glyphs.arrow} "
        counts = session.scan.counts
        if counts is None:
            words = "scan failed" if session.scan.status == "failed" else "scanning"
            return line((words, "$muted"))
        complete = isinstance(counts, Scanned)
        so_far = "" if complete else " so far"
        parts: list[tuple[str, str] | str] = []
        if wide:
            parts.append(
                (f"{units.counted(counts.entries, 'entry', 'entries')}   ", "$muted")
            )
        parts.append(f"{units.size(counts.size_bytes)} in{so_far}")
        parts.append((arrow, "$muted"))
        parts.append(self._result(session, wide))
        if session.scan.problems or session.build.problems:
            found = max(session.scan.problems, session.build.problems)
            parts.append((f"   {self.glyphs.warning} {found:,}", "$warning"))
        return line(*parts)

    def _result(self, session: Session, wide: bool) -> tuple[str, str]:
        build = session.build
        if build.built is not None and build.status == "done":
            made = build.built
            share = units.percent(made.image_bytes, made.input_bytes)
            size = units.size(made.image_bytes)
            return (f"{size}, {share} of original" if wide else size), "bold $success"
        if build.active and build.gauges is not None and build.gauges.written_bytes:
            return f"{units.size(build.gauges.written_bytes)} so far", "$promise"
        return self.glyphs.unknown, "$muted"
