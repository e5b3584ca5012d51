"""Draws single lines of the tree table."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from dwarfsmith.engine.events import printable
from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.entry import suffix
from dwarfsmith.tui.model.glyphs import Glyphs, bar
from dwarfsmith.tui.widgets.columns import Column, columns

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.tree_rows import TreeRows

MARK_CELLS = 2
ARROW_CELLS = 2
_INDENT_CELLS = 2

Styles = Callable[[str], Style]
"""Looks up the style of a part of a line by its name."""


def indent(rows: TreeRows, entry: int, width: int) -> int:
    """Return the cells before an entry's arrow; deep trees stop moving right."""
    most = columns(width)[0].cells // 2
    parent = rows.arrangement.shape.parent
    cells = -_INDENT_CELLS
    while entry and cells < most:
        entry = int(parent[entry])
        cells += _INDENT_CELLS
    return min(cells, most)


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One entry as segments of exactly `width` cells."""

    rows: TreeRows
    tree: Tree
    entry: int
    marked: bool
    """The cursor is here."""
    width: int
    glyphs: Glyphs
    styles: Styles

    def segments(self) -> list[Segment]:
        """Draw all columns."""
        blank = Segment(" ", self.styles("quiet"))
        drawn: list[Segment] = []
        for column in columns(self.width):
            if column.name == "name":
                drawn += self._name(column)
                continue
            drawn.append(blank)
            drawn += (
                self._bar(column) if column.name == "share" else self._value(column)
            )
        drawn.append(blank)
        return drawn

    def _name(self, column: Column) -> list[Segment]:
        glyphs = self.glyphs
        mode = int(self.tree.mode[self.entry])
        before = indent(self.rows, self.entry, self.width)
        room = max(column.cells - MARK_CELLS - before - ARROW_CELLS, 1)
        label = printable(self.tree.name(self.entry))
        if glyphs.ascii:
            label = text.plain_ascii(label)
        end = suffix(mode)
        label = text.elide_middle(label, room - len(end), glyphs.ellipsis) + end
        mark = text.fit(glyphs.cursor if self.marked else "", MARK_CELLS + before)
        return [
            Segment(mark, self.styles("mark")),
            Segment(text.fit(self._arrow(), ARROW_CELLS), self.styles("quiet")),
            Segment(text.fit(label, room), self.styles(_kind(mode))),
        ]

    def _arrow(self) -> str:
        if not self.rows.is_folder(self.entry):
            return ""
        opened = self.rows.is_open(self.entry)
        return self.glyphs.opened if opened else self.glyphs.closed

    def _bar(self, column: Column) -> list[Segment]:
        size = self.rows.arrangement.shape.size
        share = int(size[self.entry]) / max(int(size[0]), 1)
        filled, track = bar(share, column.cells, self.glyphs)
        return [
            Segment(filled, self.styles("bar")),
            Segment(track, self.styles("track")),
        ]

    def _value(self, column: Column) -> list[Segment]:
        known, entry = self.rows.arrangement.shape, self.entry
        words, style = "", "quiet"
        if column.name == "files":
            words = units.number(int(known.files[entry]))
            words = words if known.children[entry] else ""
        elif column.name == "percent":
            words = units.percent(int(known.size[entry]), int(known.size[0]))
        elif _kind(int(self.tree.mode[entry])) != "link":
            words, style = units.size(int(known.size[entry])), "file"
        return [Segment(text.right(words, column.cells), self.styles(style))]


def _kind(mode: int) -> str:
    """Return the name of the style for a file type."""
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "link"
