"""The actions that can have other keys, by the names the settings file uses."""

from __future__ import annotations

from textual.binding import Binding

from dwarfsmith.tui.app import DwarfsmithApp
from dwarfsmith.tui.screens.browse import BrowseScreen
from dwarfsmith.tui.screens.build import BuildScreen
from dwarfsmith.tui.widgets.tree_table import TreeTable

_OWNERS = (DwarfsmithApp, BrowseScreen, BuildScreen, TreeTable)


def named_bindings() -> list[Binding]:
    """Return every binding that has a name, in the order of their owners."""
    bindings = (
        binding
        for owner in _OWNERS
        for binding in owner.BINDINGS
        if isinstance(binding, Binding)
    )
    return [binding for binding in bindings if binding.id]


def sample() -> str:
    """Return a `[keys]` table with every name, its present key and what it does."""
    rows = (
        f'"{binding.id}" = "{binding.key}"  # {binding.description}\n'
        for binding in named_bindings()
    )
    head = "# Add to the settings file what you want to change.\n[keys]\n"
    return head + "".join(rows)
