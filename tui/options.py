"""How the app is started."""

from __future__ import annotations

from dataclasses import dataclass, field

from dwarfsmith.tui.model.settings import SettingsFile
from dwarfsmith.tui.runner import Launch, WorkerProcess


@dataclass
class Options:
    """What the command line says, in the app's terms."""

    input: bytes | None = None
    output: bytes | None = None
    level: int | None = None
    theme: str | None = None
    ascii: bool = False
    no_color: bool = False
    settings: SettingsFile = field(default_factory=lambda: SettingsFile(None))
    user_themes: str | None = None
    """A folder with more themes."""
    launch: Launch = WorkerProcess
    """Starts jobs."""
