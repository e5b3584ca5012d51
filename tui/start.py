"""From command-line options to a running app."""

from __future__ import annotations

import argparse
import os

from dwarfsmith.tui.app import DwarfsmithApp
from dwarfsmith.tui.model.glyphs import terminal_speaks_utf8
from dwarfsmith.tui.model.settings import SettingsFile, default_path
from dwarfsmith.tui.options import Options


def start(options: argparse.Namespace) -> int:
    """Run the app with these options; return its exit code."""
    app = DwarfsmithApp(app_options(options))
    app.run(mouse=not options.no_mouse)
    return app.return_code or 0


def app_options(options: argparse.Namespace) -> Options:
    """Return what the command line says, in the app's terms."""
    if options.config == "none":
        settings, themes = SettingsFile(None), None
    else:
        settings = SettingsFile(options.config or default_path())
        folder = os.path.dirname(os.path.abspath(settings.path or ""))
        themes = os.path.join(folder, "themes")
    return Options(
        input=None if options.input is None else os.fsencode(options.input),
        output=None if options.output is None else os.fsencode(options.output),
        level=options.level,
        theme=options.theme,
        ascii=options.ascii or not terminal_speaks_utf8(),
        no_color=options.no_color,
        settings=settings,
        user_themes=themes,
    )
