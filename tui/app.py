"""The app: modes, keys, and the one place where jobs meet the screens."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

import msgspec
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.signal import Signal
from textual.worker import Worker, WorkerState

from dwarfsmith.engine.errors import CancelledError
from dwarfsmith.engine.events import Failed, Finished, Scanned, ScanProgress
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.themes.loader import TERMINAL
from dwarfsmith.tui.ascii_filter import AsciiFilter
from dwarfsmith.tui.colors import use_themes
from dwarfsmith.tui.flows import Flows
from dwarfsmith.tui.jobs import Jobs
from dwarfsmith.tui.messages import JobEvent, JobName, TreeArranged
from dwarfsmith.tui.model.glyphs import ASCII, UNICODE
from dwarfsmith.tui.model.plan_text import command
from dwarfsmith.tui.model.settings import Settings, SettingsError, SettingsFile
from dwarfsmith.tui.options import Options
from dwarfsmith.tui.screens.browse import BrowseScreen
from dwarfsmith.tui.session import Session

REPAINT_INTERVAL_S: Final = 0.25
"""Running jobs repaint the screen at most this often."""
TICK_S: Final = 1.0
MACHINE_INTERVAL_S: Final = 5.0
_INTERRUPTED: Final = CancelledError.exit_code
_KEY_WORDS: Final = {"enter": "enter", "escape": "esc"}
_ARROWS: Final = ("up", "down", "left", "right")


def _build_screen() -> Screen[Any]:
    # Not part of the first paint.
    from dwarfsmith.tui.screens.build import BuildScreen

    return BuildScreen()


class DwarfsmithApp(App[None]):
    """Browse a folder, choose a plan, build an image and see the result."""

    TITLE = "dwarfsmith"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "browse": BrowseScreen,
        "build": _build_screen,
    }
    DEFAULT_MODE = "browse"
    # Textual types these two so that ClassVar cannot be repeated here.
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "mode('browse')", "browse", show=False, id="mode.browse"),
        Binding("4", "mode('build')", "build screen", show=False, id="mode.build"),
        Binding("p", "plan", "plan", id="plan"),
        Binding("b", "build", "build", id="build"),
        Binding("o", "open", "open another folder", show=False, id="open"),
        Binding("w", "problems", "list problems", show=False, id="problems"),
        Binding("t", "change_theme", "choose colours", show=False, id="theme"),
        Binding("question_mark", "help", "keys", id="help"),
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "stop and leave", show=False, priority=True),
    ]

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        if self.options.no_color:
            os.environ["NO_COLOR"] = "1"
        # Without colour only the terminal's own are drawn: that is, none.
        plain = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if plain else None)
        self.animation_level = "none"
        self._notices: list[str] = []
        settings = self._load_settings()
        theme = TERMINAL if plain else self.options.theme or settings.theme
        self._notices += use_themes(self, theme, self.options.user_themes)
        self.session = Session(
            settings=settings, glyphs=ASCII if self.options.ascii else UNICODE
        )
        self.jobs = Jobs(self, self.session, self.options.launch)
        self.flows = Flows(self)
        self.changed: Signal[Session] = Signal(self, "session changed")
        self._own_filters = [AsciiFilter()] if self.options.ascii else []
        self._publish_pending = False
        self._published = 0.0

    def _load_settings(self) -> Settings:
        try:
            return self.options.settings.load()
        except SettingsError as error:
            # What someone may have edited by hand is better not overwritten.
            self.options.settings = SettingsFile(None)
            self._notices.append(str(error))
            return Settings()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters of every drawn line, ours for plain ASCII last."""
        return [*super().get_line_filters(), *self._own_filters]

    def on_mount(self) -> None:
        """Start what runs beside the screens, and the first scan."""
        self.set_class(self.options.ascii, "-ascii")
        self._ticker = self.set_interval(TICK_S, self.publish, pause=True)
        self.set_interval(MACHINE_INTERVAL_S, self._look_at_machine)
        if not self.is_headless:
            self._listen_to_signals()
        if self.session.settings.keys:
            self.set_keymap(self.session.settings.keys)
        for notice in self._notices:
            self.notify(notice, severity="warning", markup=False)
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        self._look_at_machine()
        # After the first paint: starting a process must not delay it.
        if self.options.input is not None:
            self.call_after_refresh(self.open, self.options.input)
        else:
            self.call_after_refresh(self.flows.open_folder)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._leave_at_once, 128 + number)

    def _leave_at_once(self, code: int) -> None:
        self.exit(return_code=code)

    async def on_unmount(self) -> None:
        """Leave nothing behind."""
        await self.jobs.close()

    # -- what changes, and who is told -----------------------------------------

    def publish(self) -> None:
        """Have the screens show the session now or a moment later."""
        if self._publish_pending:
            return
        wait = self._published + REPAINT_INTERVAL_S - self.session.clock()
        if wait <= 0:
            self._publish_now()
        else:
            self._publish_pending = True
            self.set_timer(wait, self._publish_now)

    def _publish_now(self) -> None:
        self._publish_pending = False
        self._published = self.session.clock()
        self.changed.publish(self.session)

    def _look_at_machine(self) -> None:
        free = self.session.memory()
        if free != self.session.free_memory:
            self.session.free_memory = free
            self.publish()

    @on(JobEvent)
    def _take_event(self, message: JobEvent) -> None:
        if not self.jobs.is_current(message):
            return
        event = message.event
        self.session.apply(message.job, event)
        if message.job == "scan" and isinstance(
            event, ScanProgress | Scanned | Failed | Finished
        ):
            self.jobs.arrange(hurry=isinstance(event, Finished))
        if isinstance(event, Failed | Finished):
            self._settle(message.job)
        self.publish()

    def _settle(self, job: JobName) -> None:
        """Act on the end of a job."""
        if not self.session.busy:
            self._ticker.pause()
        self.refresh_bindings()
        build = self.session.build
        if job == "build" and self.current_mode != "build":
            if build.status == "done":
                self.notify("the image is ready: 4 shows it", markup=False)
            elif build.failure is not None:
                self.notify(build.failure.message, severity="error", markup=False)

    @on(TreeArranged)
    def _take_tree(self, message: TreeArranged) -> None:
        self.session.tree = message.tree
        self.session.arrangement = message.arrangement
        self.publish()

    @on(Worker.StateChanged)
    def _notice_defect(self, message: Worker.StateChanged) -> None:
        if message.state is WorkerState.ERROR:
            error = message.worker.error
            self.notify(
                f"{message.worker.group}: {type(error).__name__}: {error}",
                title="Defect in dwarfsmith",
                severity="error",
                markup=False,
            )

    # -- settings -----------------------------------------------------------------

    def save_settings(self) -> None:
        """Write the settings; a file that cannot be written is said, not fatal."""
        try:
            self.options.settings.save(self.session.settings)
        except SettingsError as error:
            self.notify(str(error), severity="warning", markup=False)

    def remember_sort(self) -> None:
        """Sort the next input the same way."""
        self._remember(sort=self.session.sort)

    def _remember_theme(self, _: object) -> None:
        if not self.no_color:
            self._remember(theme=self.theme)
        self.publish()

    def _remember(self, **changes: str) -> None:
        self.session.settings = msgspec.structs.replace(
            self.session.settings, **changes
        )
        self.save_settings()

    # -- jobs ---------------------------------------------------------------------

    def open(self, folder: bytes) -> None:
        """Make `folder` the input and scan it."""
        plan = self.session.open(folder)
        if folder == self.options.input:
            if self.options.output is not None:
                plan = msgspec.structs.replace(plan, output=self.options.output)
            if self.options.level is not None:
                plan = msgspec.structs.replace(plan, level=self.options.level)
            self.session.plan = plan
        self.save_settings()
        self.scan()

    def scan(self) -> None:
        """Walk the input from the start."""
        if self.session.plan is not None:
            self.jobs.scan(self.session.plan)
            self._job_started()

    def build(self, plan: BuildPlan) -> None:
        """Make the image of `plan` and show how it goes."""
        self.jobs.build(plan)
        self.switch_mode("build")
        self._job_started()

    def _job_started(self) -> None:
        self._ticker.resume()
        self.refresh_bindings()
        self.publish()

    # -- keys -----------------------------------------------------------------------

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as the footer and the help name it."""
        if binding.key_display is None:
            if binding.key in _KEY_WORDS:
                return _KEY_WORDS[binding.key]
            if self.options.ascii and binding.key in _ARROWS:
                return binding.key
        return super().get_key_display(binding)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        build = self.session.build
        if action == "cancel":
            return build.active
        if action == "verify":
            return build.status == "done" and not build.active
        if action == "build":
            return not build.active
        return True

    def action_mode(self, mode: str) -> None:
        """Show another mode."""
        self.switch_mode(mode)

    def action_open(self) -> None:
        """Ask for another input folder."""
        self.flows.open_folder()

    def action_plan(self) -> None:
        """Show and change the plan."""
        self.flows.plan()

    def action_build(self) -> None:
        """Build the plan."""
        self.flows.build()

    def action_cancel(self) -> None:
        """Ask whether to stop the running build."""
        self.flows.cancel()

    def action_verify(self) -> None:
        """Read the finished image back."""
        build = self.session.build
        if build.plan is not None:
            self.jobs.verify(build.plan.output, build.plan.workers)
            self._job_started()

    def action_copy_command(self) -> None:
        """Copy the command that makes the same image."""
        if self.session.plan is not None:
            self.copy(command(self.session.plan), "the command")

    def copy(self, text: str, what: str) -> None:
        """Copy `text` through the terminal (OSC 52, so over ssh as well)."""
        self.copy_to_clipboard(text)
        self.notify(f"{what} is in the clipboard", markup=False)

    def action_problems(self) -> None:
        """List what went wrong with single entries."""
        from dwarfsmith.tui.screens.problems import ProblemsScreen

        self.push_screen(ProblemsScreen(self.session))

    def action_help(self) -> None:
        """List the keys of the current screen."""
        from dwarfsmith.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_change_theme(self) -> None:
        """Choose a theme in the palette."""
        self.search_themes()

    async def action_quit(self) -> None:
        """Leave; ask first if that stops a job."""
        self.flows.leave(0)

    def action_interrupt(self) -> None:
        """Leave with the exit code of an interrupt."""
        self.flows.interrupt(_INTERRUPTED)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer the app's actions in the palette."""
        from dwarfsmith.tui.palette import commands

        yield from commands(self)
