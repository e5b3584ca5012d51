"""What leads through dialogs: opening, planning, building, stopping, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.model.output import check_output

if TYPE_CHECKING:
    from dwarfsmith.tui.app import DwarfsmithApp
    from dwarfsmith.tui.screens.plan import PlanResult

# Dialogs are imported when they are first opened: none is part of the first paint.


class Flows:
    """The questions an action asks before it is done."""

    def __init__(self, app: DwarfsmithApp) -> None:
        self._app = app

    def open_folder(self) -> None:
        """Ask for another input folder."""
        from dwarfsmith.tui.screens.open import OpenScreen

        app = self._app
        if app.session.build.active:
            app.notify("a build is running; it must end or be stopped first")
            return

        def chosen(folder: bytes | None) -> None:
            if folder is not None:
                app.open(folder)

        app.push_screen(OpenScreen(app.session.settings.recent), chosen)

    def plan(self) -> None:
        """Show and change the plan."""
        from dwarfsmith.tui.screens.plan import PlanScreen

        session = self._app.session
        if session.plan is None:
            self.open_folder()
        else:
            self._app.push_screen(PlanScreen(session.plan, session.glyphs), self._plan)

    def _plan(self, result: PlanResult | None) -> None:
        if result is None:
            return
        before = self._app.session.plan
        self._app.session.choose(result.plan)
        self._app.save_settings()
        if before is not None and _scans_otherwise(before, result.plan):
            self._app.scan()
        self._app.publish()
        if result.build:
            self.build()

    def build(self) -> None:
        """Build the plan; ask before a file is replaced."""
        session = self._app.session
        plan = session.plan
        if plan is None:
            self.open_folder()
        elif session.build.active:
            self._app.switch_mode("build")
        else:
            self._check_and_build(plan)

    def _check_and_build(self, plan: BuildPlan) -> None:
        check = check_output(plan.output, plan.input)
        if not check.usable:
            self._app.notify(
                check.message, title="Output", severity="error", markup=False
            )
            self.plan()
        elif check.verdict == "exists" and not plan.force:
            self._ask_to_replace(plan)
        else:
            self._app.build(plan)

    def _ask_to_replace(self, plan: BuildPlan) -> None:
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, replace_question

        def answered(yes: bool | None) -> None:
            if yes:
                self._app.build(msgspec.structs.replace(plan, force=True))

        self._app.push_screen(ConfirmScreen(*replace_question(plan.output)), answered)

    def cancel(self) -> None:
        """Ask whether to stop the running build."""
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, cancel_question

        build = self._app.session.build

        def answered(yes: bool | None) -> None:
            if yes:
                self._app.jobs.cancel_build()
                self._app.publish()

        if build.active:
            self._app.push_screen(ConfirmScreen(*cancel_question(build)), answered)

    def leave(self, code: int) -> None:
        """Leave with an exit code; ask first if that stops a job."""
        from dwarfsmith.tui.screens.confirm import ConfirmScreen, quit_question

        app = self._app

        def answered(yes: bool | None) -> None:
            if yes:
                app.exit(return_code=code)

        if app.session.busy:
            app.push_screen(ConfirmScreen(*quit_question(app.session)), answered)
        else:
            app.exit(return_code=code)

    def interrupt(self, code: int) -> None:
        """Leave as `leave` does, but a second time without asking."""
        from dwarfsmith.tui.screens.confirm import ConfirmScreen

        if isinstance(self._app.screen, ConfirmScreen):
            self._app.exit(return_code=code)
        else:
            self.leave(code)


def _scans_otherwise(before: BuildPlan, after: BuildPlan) -> bool:
    """Return whether two plans see different entries of the input."""
    return (before.with_devices, before.with_specials) != (
        after.with_devices,
        after.with_specials,
    )
