"""The headings above the tree table; a click sorts by one."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from dwarfsmith.tui.model import text
from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs
from dwarfsmith.tui.model.sort import SortKey
from dwarfsmith.tui.widgets.columns import ColumnName, columns

_SORTS: Final[dict[ColumnName, SortKey]] = {
    "name": "name",
    "size": "size",
    "share": "size",
    "percent": "size",
    "files": "files",
}
_TITLES: Final[dict[ColumnName, str]] = {
    "name": "name",
    "size": "size",
    "share": "share",
    "percent": "",
    "files": "files",
}


class TreeHeader(Widget):
    """One line of column headings, the sorted one marked."""

    DEFAULT_CSS = """
    TreeHeader {
        height: 1;
        color: $muted;
        background: $background;
    }
    """
    ALLOW_SELECT = False

    sort: reactive[SortKey] = reactive[SortKey]("size")
    """What the table is sorted by."""
    descending: reactive[bool] = reactive(True)
    """Largest first."""

    class Clicked(Message):
        """A heading was clicked."""

        def __init__(self, key: SortKey) -> None:
            self.key = key
            super().__init__()

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs

    def render(self) -> Content:
        """Draw the headings over their columns."""
        parts: list[Content | tuple[str, str]] = []
        for column in columns(self._table_width):
            title = _TITLES[column.name]
            chosen = bool(title) and _SORTS[column.name] == self.sort
            chosen = chosen and column.name != "share"
            sign = self.glyphs.down if self.descending else self.glyphs.up
            label = f"{title} {sign}" if chosen else title
            if column.name == "name":
                cell = text.fit(f"    {label}", column.cells)
            elif column.name == "share":
                cell = " " + text.fit(label, column.cells)
            else:
                cell = " " + text.right(label, column.cells)
            parts.append((cell, "$foreground" if chosen else ""))
        return Content.assemble(*parts)

    @property
    def _table_width(self) -> int:
        return self.size.width - 1  # the table's scrollbar

    def on_click(self, event: events.Click) -> None:
        """Ask for the column under the pointer."""
        for column in columns(self._table_width):
            if event.x < column.stop:
                self.post_message(self.Clicked(_SORTS[column.name]))
                return
