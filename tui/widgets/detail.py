"""Everything about the entry under the cursor."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.entry import Entry
from dwarfsmith.tui.model.glyphs import bar
from dwarfsmith.tui.widgets.pane import Pane, line

_PATH_LINES = 4


class DetailPane(Pane):
    """Describes one entry in a column beside the tree."""

    DEFAULT_CSS = """
    DetailPane { padding: 0 1; color: $foreground; }
    """

    entry: Entry | None = None

    def show(self, entry: Entry | None) -> None:
        """Describe an entry, or nothing."""
        self.entry = entry
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the path, the size, then one fact a line."""
        entry = self.entry
        if entry is None:
            return []
        width = max(self.size.width, 1)
        mark = self.glyphs.ellipsis
        path = self.said(entry.path) or "(the input itself)"
        shown = [
            Content.styled(part, "bold")
            for part in text.wrap_path(path, width, _PATH_LINES, mark)
        ]
        shown += [line((self.said(entry.kind), "$muted")), Content("")]
        shown += self._size_lines(entry, width)
        for label, value in self._facts(entry):
            room = width - 10
            for number, part in enumerate(text.wrap_path(value, room, 3, mark)):
                shown.append(line((f"{'' if number else label:<10}", "$muted"), part))
        return shown

    def _size_lines(self, entry: Entry, width: int) -> list[Content]:
        filled, track = bar(
            entry.size_bytes / max(entry.total_bytes, 1), min(width, 28), self.glyphs
        )
        shown = [
            line((units.size(entry.size_bytes), "bold")),
            line((units.exact(entry.size_bytes), "$muted")),
        ]
        if entry.total_bytes:
            share = units.percent(entry.size_bytes, entry.total_bytes)
            shown.append(line((filled, "$packed"), (track, "$faint")))
            shown.append(line((f"{share} of the input", "$muted")))
        return [*shown, Content("")]

    def _facts(self, entry: Entry) -> list[tuple[str, str]]:
        facts = []
        if entry.target:
            facts.append(("points to", self.said(entry.target)))
        if entry.kind == "folder":
            facts.append(("holds", units.counted(entry.files, "file")))
            facts.append(("", units.counted(entry.entries, "entry", "entries")))
        facts += [
            ("mode", entry.mode),
            ("owner", self.said(entry.owner)),
            ("modified", entry.modified),
        ]
        if entry.links > 1 and entry.kind != "folder":
            facts.append(("links", f"{entry.links:,}"))
        return facts


class DetailLine(Pane):
    """The same in two lines, where there is no room for a pane."""

    DEFAULT_CSS = """
    DetailLine { height: 2; padding: 0 1; color: $muted; }
    """

    entry: Entry | None = None

    def show(self, entry: Entry | None) -> None:
        """Describe an entry, or nothing."""
        self.entry = entry
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the path over the facts."""
        entry = self.entry
        if entry is None:
            return []
        width = max(self.size.width, 1)
        path = self.said(entry.path)
        if entry.target:
            path += f" {self.glyphs.arrow} {self.said(entry.target)}"
        facts = [units.exact(entry.size_bytes), entry.mode, self.said(entry.owner)]
        facts.append(entry.modified)
        if entry.links > 1 and entry.kind != "folder":
            facts.append(units.counted(entry.links, "link"))
        second = f" {self.glyphs.dot} ".join(facts)
        mark = self.glyphs.ellipsis
        return [
            line((text.elide_middle(path, width, mark), "$foreground")),
            line(text.elide_end(second, width, mark)),
        ]
