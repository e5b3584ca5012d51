"""Mode 4: the build under a dashboard, then its result."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.screens.mode import ModeScreen
from dwarfsmith.tui.session import Session, home_relative
from dwarfsmith.tui.widgets.block_map import BlockMap
from dwarfsmith.tui.widgets.gauges import GaugePanel
from dwarfsmith.tui.widgets.lanes import WorkerLanes
from dwarfsmith.tui.widgets.log_list import LogList
from dwarfsmith.tui.widgets.pane import name_box
from dwarfsmith.tui.widgets.plan_card import PlanCard
from dwarfsmith.tui.widgets.result_card import CommandLine, ResultCard
from dwarfsmith.tui.widgets.stage_bars import StageBars


class BuildScreen(ModeScreen):
    """The plan before a build, the dashboard during it, the result after it."""

    MODE = "build"
    CSS_PATH = "build.tcss"
    HELP = (
        "A build runs in a process of its own and goes on while you browse. The "
        "image gets its name only when it is complete; a build that is stopped "
        "leaves nothing behind. The time left is that of compressing, as a range, "
        "and is shown once enough blocks are done to tell."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "app.cancel", "cancel", id="cancel"),
        Binding("v", "app.verify", "verify", id="verify"),
        Binding("y", "app.copy_command", "copy command", id="copy-command"),
    ]

    def compose_body(self) -> ComposeResult:
        """Lay out everything; classes decide what is on show."""
        glyphs = self.session.glyphs
        with Container(id="build"):
            yield PlanCard(glyphs)
            yield ResultCard(glyphs)
            with Container(id="boxes"):
                yield StageBars(glyphs)
                yield GaugePanel(glyphs)
                yield BlockMap(glyphs)
                yield WorkerLanes(glyphs)
            yield LogList(glyphs)
            yield CommandLine(glyphs)

    def on_mount(self) -> None:
        """Name the boxes."""
        super().on_mount()
        self.query_one(PlanCard).border_title = "plan"
        self.query_one(GaugePanel).border_title = "now"
        self.query_one(WorkerLanes).border_title = "workers"
        self.query_one(BlockMap).border_title = "blocks"
        self.query_one(LogList).border_title = "log"
        self.query_one(CommandLine).border_title = "the same by command"

    def show(self, session: Session) -> None:
        """Show the plan, the running build or its end."""
        build = session.build
        running = build.status in ("running", "cancelling")
        self.set_class(build.status == "idle", "-idle")
        self.set_class(running, "-running")
        self.set_class(build.status != "idle" and not running, "-ended")
        self.set_class(build.status == "done", "-done")
        self.set_class(build.status == "failed", "-lost")
        self._name_boxes(session)
        if build.status == "idle":
            self.query_one(PlanCard).show(session)
            return
        self.query_one(StageBars).show(build)
        self.query_one(GaugePanel).show(build)
        self.query_one(WorkerLanes).show(build)
        self.query_one(BlockMap).show(build)
        self.query_one(LogList).show(build.lines)
        self.query_one(ResultCard).show(build)
        self.query_one(CommandLine).show(build)

    def _name_boxes(self, session: Session) -> None:
        build, glyphs = session.build, session.glyphs
        output = ""
        if build.plan is not None:
            output = home_relative(build.plan.output)
        stages = self.query_one(StageBars)
        title = {
            "running": f"building {output}",
            "cancelling": f"stopping {output}",
        }.get(build.status, "where the time went")
        name_box(stages, title, self._times(build) if build.active else "")
        title = {
            "done": f"{glyphs.done} {output} is ready",
            "failed": f"{glyphs.failed} {output} was not built",
            "cancelled": f"{glyphs.failed} {output}: stopped",
        }.get(build.status, "")
        name_box(self.query_one(ResultCard), title)

    def _times(self, build: BuildState) -> str:
        """Return how long it has taken and, once that can be said, will take."""
        parts = [f"{units.clock(build.elapsed)} gone"]
        if left := build.seconds_left:
            dash = self.session.glyphs.dash
            soonest, latest = (units.clock(seconds) for seconds in left)
            span = soonest if soonest == latest else f"{soonest}{dash}{latest}"
            parts.append(f"{span} left")
        return f" {self.session.glyphs.dot} ".join(parts)
