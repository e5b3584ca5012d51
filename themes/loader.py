"""Reads themes from TOML files: ours beside this module, the user's from a folder.

A theme names its base colours at the top and the app's own colours under
`[variables]`. Every theme must name all of `OWN_VARIABLES`; the rest of Textual's
design variables may be set there too.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import fields
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

FOLDER: Final = os.path.dirname(os.path.abspath(__file__))
DEFAULT: Final = "forge"
TERMINAL: Final = "terminal"
"""The theme that uses only the terminal's own colours."""

OWN_VARIABLES: Final = (
    "muted",
    "faint",
    "packed",
    "excluded",
    "duplicate",
    "warning-soft",
    "promise",
    *(f"block-{step}" for step in range(1, 9)),
)
_COLORS: Final = (
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
)
_ANSI_VARIABLES: Final = ("ansi-background", "ansi-foreground")
"""What Textual needs besides in a theme of the terminal's own colours."""
_REQUIRED: Final = ("primary", "foreground", "background")


class ThemeError(Exception):
    """A theme file that cannot be used; says what and where in one line."""


def load_themes(folder: str = FOLDER) -> list[Theme]:
    """Return the themes of a folder sorted by name; none if it does not exist.

    Raises:
        ThemeError: One of the files cannot be used.
    """
    if not os.path.isdir(folder):
        return []
    names = sorted(name for name in os.listdir(folder) if name.endswith(".toml"))
    return [load_theme(os.path.join(folder, name)) for name in names]


def load_theme(path: str) -> Theme:
    """Return the theme in the file `path`, named like the file.

    Raises:
        ThemeError: The file cannot be read, or is no complete theme.
    """
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ThemeError(f"theme not read: {error} in {path}") from None
    name = os.path.basename(path).removesuffix(".toml")
    _check(values, path)
    return Theme(name=name, **values)


def _check(values: dict[str, Any], path: str) -> None:
    known = {field.name for field in fields(Theme)} - {"name"}
    for key in values:
        if key not in known:
            raise ThemeError(
                f"theme: expected a known setting, found '{key}' in {path}"
            )
    for key in _REQUIRED:
        if key not in values:
            raise ThemeError(f"theme: expected '{key}', found none in {path}")
    variables = values.get("variables", {})
    needed = OWN_VARIABLES + (_ANSI_VARIABLES if values.get("ansi") else ())
    for key in needed:
        if key not in variables:
            raise ThemeError(
                f"theme: expected '{key}' under [variables], found none in {path}"
            )
    for key in _COLORS:
        if key in values:
            _check_color(key, values[key], path)
    for key in needed:
        _check_color(key, variables[key], path)


def _check_color(key: str, value: object, path: str) -> None:
    try:
        Color.parse(str(value))
    except ColorParseError:
        raise ThemeError(
            f"theme: expected a colour for '{key}', found '{value}' in {path}"
        ) from None
