"""The app: modes, dialogs, themes, and the one place where jobs meet the screens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

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
from dwarfsmith.themes.loader import DEFAULT, TERMINAL, ThemeError, load_themes
from dwarfsmith.tui.ascii_filter import AsciiFilter
from dwarfsmith.tui.jobs import Jobs
from dwarfsmith.tui.messages import JobEvent, TreeArranged
from dwarfsmith.tui.model.glyphs import ASCII, UNICODE
from dwarfsmith.tui.model.output import check_output
from dwarfsmith.tui.model.plan_text import command
from dwarfsmith.tui.model.settings import Settings, SettingsError, SettingsFile
from dwarfsmith.tui.runner import WORKER
from dwarfsmith.tui.screens.browse import BrowseScreen
from dwarfsmith.tui.screens.build import BuildScreen
from dwarfsmith.tui.session import Session

if TYPE_CHECKING:
    from dwarfsmith.engine.plan import BuildPlan

REPAINT_INTERVAL_S: Final = 0.15
"""Running jobs repaint the screen at most this often."""
TICK_S: Final = 1.0
MACHINE_INTERVAL_S: Final = 5.0
INTERRUPTED: Final = CancelledError.exit_code


@dataclass
class Options:
    """How the app is started."""

    input: bytes | None = None
    output: bytes | None = None
    level: int | None = None
    theme: str | None = None
    ascii: bool = False
    no_color: bool = False
    settings: SettingsFile = field(default_factory=lambda: SettingsFile(None))
    user_themes: str | None = None
    """A folder with more themes."""
    worker: Sequence[str] = WORKER


class DwarfsmithApp(App[None]):
    """Browse a folder, choose a plan, build an image and see the result."""

    TITLE = "dwarfsmith"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "browse": BrowseScreen,
        "build": BuildScreen,
    }
    DEFAULT_MODE = "browse"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [
        (0, "-tiny"),
        (70, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [
        (0, "-short"),
        (30, "-tall"),
    ]
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "mode('browse')", "Browse", show=False, id="mode.browse"),
        Binding("4", "mode('build')", "Build", show=False, id="mode.build"),
        Binding("p", "plan", "plan", id="plan"),
        Binding("b", "build", "build", id="build"),
        Binding("o", "open", "open folder", show=False, id="open"),
        Binding("w", "problems", "problems", show=False, id="problems"),
        Binding("t", "change_theme", "theme", show=False, id="theme"),
        Binding("question_mark", "help", "keys", id="help"),
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+c", "interrupt", "stop and leave", show=False, priority=True),
    ]

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        if self.options.no_color:
            os.environ["NO_COLOR"] = "1"
        # Without colour, only the terminal's own are drawn: that is, none.
        plain = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if plain else None)
        self.animation_level = "none"
        self.notices: list[str] = []
        settings = self._load_settings()
        self.session = Session(
            settings=settings, glyphs=ASCII if self.options.ascii else UNICODE
        )
        self.jobs = Jobs(self, self.session, self.options.worker)
        self.changed: Signal[Session] = Signal(self, "session changed")
        self._ascii_filters = [AsciiFilter()] if self.options.ascii else []
        self._register_themes(TERMINAL if plain else self.options.theme)
        self._publish_pending = False
        self._published = 0.0

    def _load_settings(self) -> Settings:
        try:
            return self.options.settings.load()
        except SettingsError as error:
            # Better not to overwrite what someone may have edited by hand.
            self.options.settings = SettingsFile(None)
            self.notices.append(str(error))
            return Settings()

    def _register_themes(self, wanted: str | None) -> None:
        themes = load_themes()
        if self.options.user_themes:
            try:
                themes += load_themes(self.options.user_themes)
            except ThemeError as error:
                self.notices.append(str(error))
        former = set(self.available_themes)
        for theme in themes:
            self.register_theme(theme)
        names = {theme.name for theme in themes}
        chosen = wanted or self.session.settings.theme or DEFAULT
        if chosen not in names:
            self.notices.append(f"no theme is called '{chosen}'")
            chosen = DEFAULT
        self.theme = chosen
        for name in former - names:
            self.unregister_theme(name)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters of every drawn line, ours for plain ASCII last."""
        return [*super().get_line_filters(), *self._ascii_filters]

    def on_mount(self) -> None:
        """Start what runs beside the screens, and the first scan."""
        self.set_class(self.options.ascii, "-ascii")
        self._ticker = self.set_interval(TICK_S, self.publish, pause=True)
        self.set_interval(MACHINE_INTERVAL_S, self._look_at_machine)
        if not self.is_headless:
            self._listen_to_signals()
        if self.session.settings.keys:
            self.set_keymap(self.session.settings.keys)
        for notice in self.notices:
            self.notify(notice, severity="warning", markup=False)
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        self._look_at_machine()
        if self.options.input is not None:
            # After the first paint: starting a process must not delay it.
            self.call_after_refresh(self.open, self.options.input)
        else:
            self.call_after_refresh(self.action_open)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._leave, 128 + number)

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    # -- what changes, and who is told ----------------------------------------

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

    def _settle(self, job: str) -> None:
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

    # -- settings --------------------------------------------------------------

    def save_settings(self) -> None:
        """Write the settings; a file that cannot be written is said, not fatal."""
        try:
            self.options.settings.save(self.session.settings)
        except SettingsError as error:
            self.notify(str(error), severity="warning", markup=False)

    def remember_sort(self) -> None:
        """Sort the next input the same way."""
        self.session.settings = msgspec.structs.replace(
            self.session.settings, sort=self.session.sort
        )
        self.save_settings()

    def _remember_theme(self, _: object) -> None:
        if not self.no_color:
            self.session.settings = msgspec.structs.replace(
                self.session.settings, theme=self.theme
            )
            self.save_settings()
        self.publish()

    # -- actions -----------------------------------------------------------------

    def open(self, folder: bytes) -> None:
        """Make `folder` the input and scan it."""
        first = folder == self.options.input
        plan = self.session.open(folder, self.options.output if first else None)
        if first and self.options.level is not None:
            plan = msgspec.structs.replace(plan, level=self.options.level)
            self.session.plan = plan
        self.save_settings()
        self.scan()

    def scan(self) -> None:
        """Walk the input from the start."""
        if self.session.plan is not None:
            self.jobs.scan(self.session.plan)
            self._ticker.resume()
            self.refresh_bindings()
            self.publish()

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
        from dwarfsmith.tui.screens.open import OpenScreen

        if self.session.build.active:
            self.notify("a build is running; it must end or be stopped first")
            return

        def chosen(folder: bytes | None) -> None:
            if folder is not None:
                self.open(folder)

        self.push_screen(OpenScreen(self.session.settings.recent), chosen)

    def action_plan(self) -> None:
        """Show and change the plan."""
        from dwarfsmith.tui.screens.plan import PlanResult, PlanScreen

        plan = self.session.plan
        if plan is None:
            self.action_open()
            return

        def chosen(result: PlanResult | None) -> None:
            if result is None:
                return
            self._choose(result.plan)
            if result.build:
                self.action_build()

        self.push_screen(PlanScreen(plan, self.session.glyphs), chosen)

    def _choose(self, plan: BuildPlan) -> None:
        before = self.session.plan
        self.session.choose(plan)
        self.save_settings()
        if before is not None and (
            before.with_devices != plan.with_devices
            or before.with_specials != plan.with_specials
        ):
            self.scan()
        self.publish()

    def action_build(self) -> None:
        """Build the plan, after the questions that must be asked."""
        plan = self.session.plan
        if plan is None:
            self.action_open()
            return
        if self.session.build.active:
            self.switch_mode("build")
            return
        check = check_output(plan.output, plan.input)
        if not check.usable:
            self.notify(check.message, title="Output", severity="error", markup=False)
            self.action_plan()
        elif check.verdict == "exists" and not plan.force:
            self._ask_to_replace(plan)
        else:
            self._build(plan)

    def _ask_to_replace(self, plan: BuildPlan) -> None:
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, replace_question

        def answered(yes: bool | None) -> None:
            if yes:
                self._build(msgspec.structs.replace(plan, force=True))

        self.push_screen(ConfirmScreen(*replace_question(plan.output)), answered)

    def _build(self, plan: BuildPlan) -> None:
        self.jobs.build(plan)
        self._ticker.resume()
        self.switch_mode("build")
        self.refresh_bindings()
        self.publish()

    def action_cancel(self) -> None:
        """Ask whether to stop the running build."""
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, cancel_question

        def answered(yes: bool | None) -> None:
            if yes:
                self.jobs.cancel_build()
                self.publish()

        if self.session.build.active:
            question = cancel_question(self.session.build)
            self.push_screen(ConfirmScreen(*question), answered)

    def action_verify(self) -> None:
        """Read the finished image back."""
        build = self.session.build
        if build.status == "done" and build.plan is not None and not build.active:
            self.jobs.verify(build.plan.output, build.plan.workers)
            self._ticker.resume()
            self.refresh_bindings()
            self.publish()

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
        await self._quit(0)

    async def action_interrupt(self) -> None:
        """Leave with the exit code of an interrupt; a second time without asking."""
        from dwarfsmith.tui.screens.confirm import ConfirmScreen

        if isinstance(self.screen, ConfirmScreen):
            self.exit(return_code=INTERRUPTED)
        else:
            await self._quit(INTERRUPTED)

    async def _quit(self, code: int) -> None:
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, quit_question

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit(return_code=code)

        if self.session.busy:
            self.push_screen(ConfirmScreen(*quit_question(self.session)), answered)
        else:
            self.exit(return_code=code)

    def on_unmount(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self.jobs.close()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer the app's actions in the palette."""
        from dwarfsmith.tui.palette import commands

        yield from commands(self, screen)
