"""The app's actions by name, for the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import SystemCommand

if TYPE_CHECKING:
    from dwarfsmith.tui.app import DwarfsmithApp


def commands(app: DwarfsmithApp) -> Iterable[SystemCommand]:
    """Yield what can be done now, whatever the mode."""
    yield SystemCommand("Browse", "Show the input", lambda: app.action_mode("browse"))
    yield SystemCommand(
        "Build screen", "Show the plan, the build or its result",
        lambda: app.action_mode("build"),
    )  # fmt: skip
    yield SystemCommand("Open folder", "Choose another input", app.action_open)
    yield SystemCommand("Scan again", "Walk the input from the start", app.scan)
    yield SystemCommand("Plan", "Choose level, output and options", app.action_plan)
    if app.session.build.active:
        yield SystemCommand("Cancel", "Stop what is running", app.action_cancel)
    else:
        yield SystemCommand("Build", "Make the image", app.action_build)
    if app.session.build.status == "done":
        yield SystemCommand("Verify", "Read the image back", app.action_verify)
    yield SystemCommand(
        "Copy command", "Copy the mkdwarfs command of this plan",
        app.action_copy_command,
    )  # fmt: skip
    yield SystemCommand("Problems", "List what could not be read", app.action_problems)
    yield SystemCommand("Keys", "List the keys of this screen", app.action_help)
    yield SystemCommand("Theme", "Choose other colours", app.action_change_theme)
    yield SystemCommand(
        "Screenshot", "Save this screen as an SVG file", app.deliver_screenshot
    )
    yield SystemCommand("Quit", "Leave the app", app.action_quit)
