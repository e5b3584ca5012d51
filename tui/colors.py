"""Which themes the app offers, and which it starts with."""

from __future__ import annotations

from typing import Any

from textual.app import App

from dwarfsmith.themes.loader import DEFAULT, ThemeError, load_themes


def use_themes(app: App[Any], wanted: str, folder: str | None) -> list[str]:
    """Offer our themes and those of `folder`, and show `wanted`.

    Args:
        app: The app; Textual's own themes, which lack our colours, go.
        wanted: A theme's name, empty for the default.
        folder: The user's own themes, if any.

    Returns:
        What went wrong, one line each.
    """
    notices: list[str] = []
    themes = load_themes()
    if folder is not None:
        try:
            themes += load_themes(folder)
        except ThemeError as error:
            notices.append(str(error))
    former = set(app.available_themes)
    for theme in themes:
        app.register_theme(theme)
    names = {theme.name for theme in themes}
    if wanted and wanted not in names:
        notices.append(f"no theme is called '{wanted}'")
        wanted = DEFAULT
    app.theme = wanted or DEFAULT
    for name in former - names:
        app.unregister_theme(name)
    return notices
