"""What the app remembers between runs, in one small TOML file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tomllib
from typing import Any

import msgspec

from dwarfsmith.engine.levels import DEFAULT_LEVEL
from dwarfsmith.tui.model.sort import SortKey

MOST_RECENT = 8


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The user's choices that outlive a run."""

    theme: str = ""
    """Empty: decided by the terminal."""
    sort: SortKey = "size"
    level: int = DEFAULT_LEVEL
    workers: int | None = None
    with_devices: bool = False
    with_specials: bool = False
    keep_all_times: bool = False
    reproducible: bool = False
    verify: bool = True
    recent: tuple[str, ...] = ()
    """Input folders, newest first."""
    keys: dict[str, str] = {}
    """Other keys for actions, by the names `dwarfsmith keys` lists."""

    def with_recent(self, folder: str) -> Settings:
        """Return the settings with `folder` as the newest input."""
        try:
            folder.encode()
        except UnicodeEncodeError:
            return self  # a name that TOML cannot hold
        others = tuple(known for known in self.recent if known != folder)
        return msgspec.structs.replace(self, recent=(folder, *others)[:MOST_RECENT])


class SettingsError(Exception):
    """A settings file that cannot be used; says what and where in one line."""


class SettingsFile:
    """Where settings are kept; with no path, they are only held in memory."""

    def __init__(self, path: str | None) -> None:
        self.path = path

    def load(self) -> Settings:
        """Return what was saved, or the defaults if nothing was.

        Raises:
            SettingsError: The file cannot be read or says something unexpected.
        """
        if self.path is None:
            return Settings()
        try:
            with open(self.path, "rb") as file:
                return msgspec.convert(tomllib.load(file), Settings)
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise SettingsError(f"settings not read: {error} in {self.path}") from None

    def save(self, settings: Settings) -> None:
        """Write `settings` so that a reader sees all of them or the former ones.

        Raises:
            SettingsError: The file cannot be written.
        """
        if self.path is None:
            return
        folder = os.path.dirname(os.path.abspath(self.path))
        temporary = None
        try:
            os.makedirs(folder, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(to_toml(settings))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            raise SettingsError(
                f"settings not saved: {error.strerror} ({self.path})"
            ) from None


def to_toml(settings: Settings) -> str:
    """Return the settings as TOML; what is not chosen is left out."""
    lines = ["# Written by dwarfsmith when a choice changes."]
    values: dict[str, Any] = msgspec.to_builtins(settings)
    keys = values.pop("keys")
    for name, value in values.items():
        if value is not None:
            # A JSON string, number, boolean or list of them is the same in TOML.
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    if keys:
        lines += ["", "[keys]"]
        # Quoted: a dot in a name would otherwise open a table.
        lines += [
            f"{json.dumps(name)} = {json.dumps(key)}" for name, key in keys.items()
        ]
    return "\n".join(lines) + "\n"


def default_path() -> str:
    """Return the settings file in the folder this system has for it."""
    import platformdirs

    return os.path.join(platformdirs.user_config_dir("dwarfsmith"), "settings.toml")
