"""The plan before it is built, in words."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.engine.events import Scanned
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.engine.resources import available_processors
from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.output import check_output
from dwarfsmith.tui.model.plan_text import command, level_row
from dwarfsmith.tui.session import Session, home_relative
from dwarfsmith.tui.widgets.pane import Pane, line, wrapped

_LABEL_CELLS = 10


class PlanCard(Pane):
    """Says what b would do, and how to change it."""

    DEFAULT_CSS = """
    PlanCard { height: auto; padding: 1 1; }
    """

    session: Session | None = None

    def show(self, session: Session) -> None:
        """Show the plan of a session."""
        self.session = session
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw one line for each part of the plan."""
        session = self.session
        if session is None or session.plan is None:
            return [
                line("No folder is open."),
                Content(""),
                self._keys(("o", "open one")),
            ]
        plan = session.plan
        return [
            self._row("input", self.said(session.input_label), self._input(session)),
            self._row(
                "output",
                self.said(home_relative(plan.output)),
                check_output(plan.output, plan.input).message,
            ),
            Content(""),
            *self._level(plan),
            Content(""),
            self._row("workers", *self._workers(plan)),
            self._row("options", ", ".join(self._options(plan)), ""),
            Content(""),
            *wrapped(
                f"$ {self.said(command(plan))}", max(self.size.width, 9), "$muted"
            ),
            Content(""),
            self._keys(("b", "build"), ("p", "change the plan"), ("y", "copy command")),
        ]

    def _input(self, session: Session) -> str:
        counts = session.scan.counts
        if counts is None:
            return ""
        found = (
            f"{units.size(counts.size_bytes)} in "
            f"{units.counted(counts.entries, 'entry', 'entries')}"
        )
        return found if isinstance(counts, Scanned) else f"{found} so far"

    def _level(self, plan: BuildPlan) -> list[Content]:
        codec, block, order, purpose = level_row(plan.level)
        return [
            self._row("level", str(plan.level), purpose),
            self._row("", codec, "compression"),
            self._row("", block, "blocks"),
            self._row("", order, "order of contents"),
        ]

    def _workers(self, plan: BuildPlan) -> tuple[str, str]:
        if plan.workers is not None:
            return str(plan.workers), ""
        return str(available_processors()), "one for each processor"

    def _options(self, plan: BuildPlan) -> list[str]:
        chosen = [
            ("verified after building", plan.verify),
            ("with devices", plan.with_devices),
            ("with pipes and sockets", plan.with_specials),
            ("all times kept", plan.keep_all_times),
            ("reproducible", not (plan.create_timestamp or plan.history)),
        ]
        return [words for words, on in chosen if on] or ["none"]

    def _row(self, label: str, value: str, note: str) -> Content:
        room = max(self.size.width - _LABEL_CELLS - text.width(value) - 2, 0)
        return line(
            (f"{label:<{_LABEL_CELLS}}", "$muted"),
            (value, "bold"),
            (f"  {text.elide_end(note, room, self.glyphs.ellipsis)}", "$muted"),
        )

    def _keys(self, *keys: tuple[str, str]) -> Content:
        parts: list[tuple[str, str] | str] = []
        for key, words in keys:
            parts += [(f" {key} ", "bold $primary"), (f"{words}   ", "$muted")]
        return line(*parts)
