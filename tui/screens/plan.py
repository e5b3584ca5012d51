"""The dialog in which a plan is made: level, output, workers, options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.engine.resources import available_processors
from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.glyphs import Glyphs
from dwarfsmith.tui.model.output import check_output
from dwarfsmith.tui.model.plan_text import command
from dwarfsmith.tui.screens.dialog import Dialog
from dwarfsmith.tui.widgets.level_list import LevelList
from dwarfsmith.tui.widgets.pane import line
from dwarfsmith.tui.widgets.toggle import Toggle

_MOST_WORKERS = 4096


@dataclass(frozen=True)
class PlanResult:
    """What the dialog was closed with."""

    plan: BuildPlan
    build: bool
    """Build it now, rather than only keep it."""


class PlanScreen(Dialog[PlanResult]):
    """Every change is checked at once and shown as a command."""

    CSS_PATH = "plan.tcss"
    AUTO_FOCUS = "LevelList"
    HELP = "What to make of the input. Escape leaves everything as it was."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "keep the plan", show=False),
        Binding("b", "build", "build now", show=False),
        Binding("y", "copy", "copy the command", show=False),
    ]

    def __init__(self, plan: BuildPlan, glyphs: Glyphs) -> None:
        super().__init__()
        self.plan = plan
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Lay out the fields in the order of their weight."""
        plan = self.plan
        with Vertical(classes="dialog") as box:
            box.border_title = "Plan"
            with VerticalScroll(can_focus=False):
                levels = LevelList(self._glyphs)
                levels.set_reactive(LevelList.level, plan.level)
                yield levels
                yield from self._field("output", os.fsdecode(plan.output), "", None)
                yield Static("", id="verdict", classes="note")
                workers = "" if plan.workers is None else str(plan.workers)
                yield from self._field(
                    "workers",
                    workers,
                    f"one for each processor: {available_processors()}",
                    r"\d*",
                )
                with Grid(id="toggles"):
                    yield from self._toggles(plan)
                yield Static("", id="command", classes="note")
            with Horizontal(id="answers"):
                yield Button("Cancel (esc)", id="leave", compact=True)
                yield Button("Keep (enter)", id="keep", compact=True)
                yield Button("Build (b)", id="build-now", compact=True)

    def _field(
        self, name: str, value: str, placeholder: str, restrict: str | None
    ) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(name, classes="label")
            field = Input(
                value,
                placeholder=placeholder,
                restrict=restrict,
                id=name,
                compact=True,
                select_on_focus=False,
            )
            field.cursor_blink = False
            yield field

    def _toggles(self, plan: BuildPlan) -> ComposeResult:
        reproducible = not (plan.create_timestamp or plan.history)
        yield Toggle("verify the image", plan.verify, id="verify")
        yield Toggle("devices", plan.with_devices, id="with-devices")
        yield Toggle("reproducible", reproducible, id="reproducible")
        yield Toggle("pipes and sockets", plan.with_specials, id="with-specials")
        yield Toggle("keep all times", plan.keep_all_times, id="keep-all-times")

    def on_mount(self) -> None:
        """Check what the dialog starts with."""
        self._update()

    @on(LevelList.Chosen)
    @on(Toggle.Changed)
    @on(Input.Changed)
    def _update(self) -> None:
        """Take the fields in, and say what comes of it."""
        reproducible = self._is_on("reproducible")
        self.plan = msgspec.structs.replace(
            self.plan,
            level=self.query_one(LevelList).level,
            output=os.fsencode(os.path.expanduser(self._typed("output"))),
            workers=self._workers(),
            verify=self._is_on("verify"),
            with_devices=self._is_on("with-devices"),
            with_specials=self._is_on("with-specials"),
            keep_all_times=self._is_on("keep-all-times"),
            create_timestamp=not reproducible,
            history=not reproducible,
        )
        self._judge()
        words = command(self.plan)
        if self._glyphs.ascii:
            words = text.plain_ascii(words)
        self.query_one("#command", Static).update(line(("$ ", "$primary"), words))

    def _typed(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    def _is_on(self, toggle: str) -> bool:
        return self.query_one(f"#{toggle}", Toggle).value

    def _workers(self) -> int | None:
        value = self._typed("workers")
        return min(max(int(value), 1), _MOST_WORKERS) if value else None

    def _judge(self) -> None:
        check = check_output(self.plan.output, self.plan.input)
        sign, style = {
            "ok": (self._glyphs.done, "$success"),
            "exists": (self._glyphs.warning, "$warning"),
            "error": (self._glyphs.failed, "$error"),
        }[check.verdict]
        words = line((f"{sign} ", style), check.message)
        self.query_one("#verdict", Static).update(words)
        for button in ("#keep", "#build-now"):
            self.query_one(button, Button).disabled = not check.usable

    @on(Input.Submitted)
    def action_keep(self) -> None:
        """Keep the plan and close."""
        self._close(build=False)

    def action_build(self) -> None:
        """Keep the plan, close and build."""
        self._close(build=True)

    def _close(self, build: bool) -> None:
        if check_output(self.plan.output, self.plan.input).usable:
            self.dismiss(PlanResult(self.plan, build))
        else:
            self.query_one("#output", Input).focus()

    def action_copy(self) -> None:
        """Copy the command."""
        self.app.copy_to_clipboard(command(self.plan))
        self.notify("the command is in the clipboard")

    @on(Button.Pressed, "#leave")
    def _leave_by_button(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#keep")
    def _keep_by_button(self) -> None:
        self.action_keep()

    @on(Button.Pressed, "#build-now")
    def _build_by_button(self) -> None:
        self.action_build()
