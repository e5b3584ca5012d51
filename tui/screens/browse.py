"""Mode 1: the input as a tree, with everything rolled up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from dwarfsmith.engine.events import printable
from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.entry import describe
from dwarfsmith.tui.model.sort import SORT_KEYS
from dwarfsmith.tui.screens.mode import ModeScreen
from dwarfsmith.tui.session import Session
from dwarfsmith.tui.widgets.detail import DetailLine, DetailPane
from dwarfsmith.tui.widgets.find_bar import FindBar
from dwarfsmith.tui.widgets.notice import Notice
from dwarfsmith.tui.widgets.pane import name_box
from dwarfsmith.tui.widgets.tree_header import TreeHeader
from dwarfsmith.tui.widgets.tree_table import TreeTable

if TYPE_CHECKING:
    from dwarfsmith.tui.model.find import Found
    from dwarfsmith.tui.model.tree_index import Bools


class BrowseScreen(ModeScreen):
    """The tree, what is known of the entry under the cursor, and finding."""

    MODE = "browse"
    CSS_PATH = "browse.tcss"
    AUTO_FOCUS = "TreeTable"
    HELP = (
        "The input folder with sizes rolled up. Nothing in it is ever changed. "
        "Sizes count every regular file; the share is of the whole input."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "find", id="find"),
        Binding("n", "found(1)", "next match", show=False, id="find.next"),
        Binding("N", "found(-1)", "match before", show=False, id="find.previous"),
        Binding("s", "sort", "sort", id="sort"),
        Binding("S", "turn", "turn the order around", show=False, id="sort.turn"),
        Binding("r", "rescan", "scan again", show=False, id="rescan"),
        Binding("y", "copy_path", "copy path", show=False, id="copy"),
        Binding("i", "details", "details", show=False, id="details"),
        Binding("escape", "leave_find", "stop finding", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None
        self._found: Found | None = None
        self._origin: int | None = None
        self._opened: Bools | None = None

    def compose_body(self) -> ComposeResult:
        """Lay out the tree beside the details."""
        glyphs = self.session.glyphs
        with Horizontal(id="browse"):
            with Vertical(id="tree"):
                yield TreeHeader(glyphs)
                yield TreeTable(glyphs)
                yield Notice(glyphs)
                yield DetailLine(glyphs)
                yield FindBar(glyphs)
            yield DetailPane(glyphs)

    # -- the session ---------------------------------------------------------------

    def show(self, session: Session) -> None:
        """Show the tree as far as it is known."""
        table = self.query_one(TreeTable)
        if session.arrangement is None or session.tree is None:
            table.clear()
            self._shown = self._found = None
            self._describe(None)
        elif session.arrangement is not self._shown:
            self._shown = session.arrangement
            table.show(session.tree, session.arrangement)
            self._find_again()
        header = self.query_one(TreeHeader)
        header.sort, header.descending = session.sort, session.descending
        name_box(self.query_one("#tree"), self._title(session))
        self._notice(session, empty=table.rows is None or not len(table.rows))

    def _title(self, session: Session) -> str:
        if session.plan is None:
            return ""
        parts = [session.input_label]
        if (counts := session.scan.counts) is not None:
            parts.append(units.counted(counts.entries, "entry", "entries"))
        if session.scan.active:
            parts.append("scanning")
        return f" {session.glyphs.dot} ".join(parts)

    def _notice(self, session: Session, empty: bool) -> None:
        """Say in words why there is nothing to see."""
        notice = self.query_one(Notice)
        if session.scan.failure is not None:
            notice.show(
                "error",
                session.scan.failure.message,
                "See that the folder is there and may be read: r scans it again, "
                "o opens another one.",
            )
        elif session.plan is None:
            notice.show("info", "No folder is open.", "o opens one.")
        elif empty and session.arrangement is not None and not session.scan.active:
            notice.show("info", "The folder is empty.", "o opens another one.")
        elif empty:
            notice.show("info", f"Scanning {session.input_label}", "")
        else:
            notice.hide()
        table = self.query_one(TreeTable)
        if table.display is notice.display:
            table.display = not notice.display
            self.query_one(TreeHeader).display = not notice.display
            self.set_class(notice.display, "-nothing")
            if self.focused is None:
                table.focus()

    # -- the cursor ------------------------------------------------------------------

    @on(TreeTable.Highlighted)
    def _describe_entry(self, message: TreeTable.Highlighted) -> None:
        self._describe(message.entry)

    def _describe(self, entry: int | None) -> None:
        described = None
        session = self.session
        if entry is not None and session.tree is not None and session.arrangement:
            described = describe(session.tree, session.arrangement.shape, entry)
        self.query_one(DetailPane).show(described)
        self.query_one(DetailLine).show(described)

    def action_details(self) -> None:
        """Show or hide the details."""
        self.toggle_class("-no-details")

    def action_copy_path(self) -> None:
        """Copy the full path of the entry under the cursor."""
        entry = self.query_one(TreeTable).entry
        if entry is not None and self.session.tree is not None:
            path = self.session.tree.full_path(entry)
            self.smith.copy(printable(path), "the path")

    # -- sorting ---------------------------------------------------------------------

    @on(TreeHeader.Clicked)
    def _sort_by_click(self, message: TreeHeader.Clicked) -> None:
        self.session.sort_by(message.key)
        self._sorted()

    def action_sort(self) -> None:
        """Sort by the next thing: size, name, files."""
        now = SORT_KEYS.index(self.session.sort)
        self.session.sort_by(SORT_KEYS[(now + 1) % len(SORT_KEYS)])
        self._sorted()

    def action_turn(self) -> None:
        """Turn the order around."""
        self.session.sort_by(self.session.sort)
        self._sorted()

    def _sorted(self) -> None:
        self.smith.remember_sort()
        self.smith.jobs.arrange(hurry=True)
        self.smith.publish()

    def action_rescan(self) -> None:
        """Walk the input again."""
        self.smith.scan()

    # -- finding ---------------------------------------------------------------------

    def action_find(self) -> None:
        """Open the line to type what to find in."""
        table = self.query_one(TreeTable)
        self._origin = table.entry
        # What a match opens on the way is closed again if the search goes on.
        self._opened = table.rows.opened if table.rows is not None else None
        self.query_one(FindBar).open()

    @on(Input.Changed)
    def _find_typed(self, message: Input.Changed) -> None:
        if not self.query_one(FindBar).display:
            return  # emptied because it was closed
        self._find(message.value)
        if self._origin is not None:
            entry = self._origin
            if self._found:
                entry = self._found.at_or_after(self._position(entry))
            self.query_one(TreeTable).select(entry, self._opened)
        self._tell_found()

    @on(Input.Submitted)
    def _keep_found(self) -> None:
        self.query_one(TreeTable).focus()

    def _find(self, wanted: str) -> None:
        from dwarfsmith.tui.model.find import Found

        arrangement = self.session.arrangement
        self._found = None
        if wanted and arrangement is not None:
            found = Found(arrangement, wanted.encode("utf-8", "surrogateescape"))
            self._found = found if len(found) else None

    def _find_again(self) -> None:
        """Look again in a tree that has changed, without moving."""
        bar = self.query_one(FindBar)
        if bar.display:
            self._find(bar.value)
            self._tell_found()

    def action_found(self, step: int) -> None:
        """Go to the next match, or the one before."""
        entry = self.query_one(TreeTable).entry
        if self._found and entry is not None:
            here = self._position(entry)
            go = self._found.next if step > 0 else self._found.previous
            self.query_one(TreeTable).select(go(here))
            self._tell_found()

    def action_leave_find(self) -> None:
        """Close the find line; while typing, go back to where it was opened."""
        bar = self.query_one(FindBar)
        if not bar.display:
            return
        if bar.typing and self._origin is not None:
            self.query_one(TreeTable).select(self._origin, self._opened)
        self._found = None
        bar.close()
        self.query_one(TreeTable).focus()

    def _position(self, entry: int) -> int:
        arrangement = self.session.arrangement
        return int(arrangement.position[entry]) if arrangement is not None else 0

    def _tell_found(self) -> None:
        bar = self.query_one(FindBar)
        entry = self.query_one(TreeTable).entry
        number = None
        if self._found and entry is not None:
            number = self._found.number(self._position(entry))
        bar.tell(number, len(self._found) if self._found else 0)
