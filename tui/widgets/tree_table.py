"""A tree as a table, drawn line by line: a million rows cost what one screen costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs
from dwarfsmith.tui.widgets.tree_lines import ARROW_CELLS, MARK_CELLS, TreeLine, indent

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.tree_index import Arrangement, Bools
    from dwarfsmith.tui.model.tree_rows import TreeRows


class TreeTable(ScrollView, can_focus=True):
    """Folders that open and close, with sizes rolled up.

    The cursor is an entry, not a row: it stays where it is while rows come and go
    around it. Until it is moved, it stays on the first row.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="tree.up"),
        Binding("down,j", "move(1)", "down", show=False, id="tree.down"),
        Binding(
            "left,h",
            "close",
            "close, or go to the folder above",
            show=False,
            id="tree.close",
        ),
        Binding(
            "right,l",
            "open",
            "open, or go to the first entry",
            show=False,
            id="tree.open",
        ),
        Binding("enter,space", "turn", "open or close", show=False, id="tree.turn"),
        Binding(
            "pageup,ctrl+u", "page(-1)", "a page up", show=False, id="tree.page-up"
        ),
        Binding(
            "pagedown,ctrl+d", "page(1)", "a page down", show=False, id="tree.page-down"
        ),
        Binding("home,g", "edge(0)", "first row", show=False, id="tree.first"),
        Binding("end,G", "edge(-1)", "last row", show=False, id="tree.last"),
        Binding(
            "E", "open_below(True)", "open all below", show=False, id="tree.open-all"
        ),
        Binding(
            "C", "open_below(False)", "close all below", show=False, id="tree.close-all"
        ),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tree-table--cursor",
        "tree-table--mark",
        "tree-table--folder",
        "tree-table--file",
        "tree-table--link",
        "tree-table--quiet",
        "tree-table--bar",
        "tree-table--track",
    }
    DEFAULT_CSS = """
    TreeTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;

        & > .tree-table--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .tree-table--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        &:nocolor > .tree-table--cursor { text-style: underline; }
        &:nocolor:focus > .tree-table--cursor { text-style: reverse; }
        & > .tree-table--mark { color: $primary; }
        & > .tree-table--folder { color: $foreground; text-style: bold; }
        & > .tree-table--file { color: $foreground; }
        & > .tree-table--link { color: $secondary; }
        & > .tree-table--quiet { color: $muted; }
        & > .tree-table--bar { color: $packed; }
        & > .tree-table--track { color: $faint; }
    }
    """

    class Highlighted(Message):
        """The cursor is on another entry."""

        def __init__(self, table: TreeTable, entry: int) -> None:
            self.table = table
            self.entry = entry
            super().__init__()

        @property
        def control(self) -> TreeTable:
            """The table."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the newest place matters."""
            return isinstance(message, TreeTable.Highlighted)

    def __init__(
        self,
        glyphs: Glyphs = UNICODE,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.glyphs = glyphs
        self.rows: TreeRows | None = None
        self._tree: Tree | None = None
        self._cursor_row = 0
        self._moved = False
        self._styles_used: dict[str, Style] = {}

    # -- what is shown -----------------------------------------------------------

    def show(self, tree: Tree, arrangement: Arrangement) -> None:
        """Show a tree, or the same one grown or sorted anew."""
        from dwarfsmith.tui.model.tree_rows import TreeRows

        entry = self.entry
        offset = self._cursor_row - round(self.scroll_y)
        if self.rows is None or tree is not self._tree:
            self.rows = TreeRows(arrangement)
            self._tree = tree
            self._moved = False
            self.clear_cursor()
        else:
            self.rows.adopt(arrangement)
        self._cursor_row = (
            self.rows.row(entry) if self._moved and entry is not None else 0
        )
        self._fit()
        self.scroll_row(max(0, self._cursor_row - offset) if self._moved else 0)
        self._tell()

    def clear(self) -> None:
        """Show nothing."""
        self.rows = self._tree = None
        self._moved = False
        self.clear_cursor()
        self._fit()

    def clear_cursor(self) -> None:
        """Put the cursor back on the first row."""
        self._cursor_row = 0
        self.scroll_row(0)

    @property
    def entry(self) -> int | None:
        """The entry under the cursor; None in an empty table."""
        if self.rows is None or not len(self.rows):
            return None
        return self.rows.entry(min(self._cursor_row, len(self.rows) - 1))

    @property
    def cursor_row(self) -> int:
        """The row under the cursor."""
        return self._cursor_row

    def select(self, entry: int, opened: Bools | None = None) -> None:
        """Put the cursor on `entry`, opening the folders above it.

        Args:
            entry: Where to go.
            opened: What else is to be open; None: what is open now.
        """
        if self.rows is not None:
            if opened is not None:
                self.rows.reopen(opened)
            self.rows.reveal(entry)
            self._fit()
            self._go(self.rows.row(entry))

    def _fit(self) -> None:
        count = 0 if self.rows is None else len(self.rows)
        self._cursor_row = max(0, min(self._cursor_row, count - 1))
        self.virtual_size = Size(self.scrollable_content_region.width, count)
        self.refresh()

    def scroll_row(self, row: int) -> None:
        """Scroll at once so that `row` is the first on screen, as far as possible."""
        self.scroll_to(y=row, animate=False, force=True)

    def _tell(self) -> None:
        entry = self.entry
        if entry is not None:
            self.post_message(self.Highlighted(self, entry))

    # -- moving ------------------------------------------------------------------

    def _go(self, row: int) -> None:
        if self.rows is None or not len(self.rows):
            return
        before, self._cursor_row = (
            self._cursor_row,
            max(0, min(row, len(self.rows) - 1)),
        )
        self._moved = True
        self.refresh_line(before)
        self.refresh_line(self._cursor_row)
        self._keep_in_view()
        self._tell()

    def _keep_in_view(self) -> None:
        height = self.scrollable_content_region.height
        top = round(self.scroll_y)
        if self._cursor_row < top:
            self.scroll_row(self._cursor_row)
        elif height and self._cursor_row >= top + height:
            self.scroll_row(self._cursor_row - height + 1)

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._go(self._cursor_row + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by a screenful, keeping one row of context."""
        self._go(self._cursor_row + pages * max(1, self.size.height - 1))

    def action_edge(self, row: int) -> None:
        """Move the cursor to the first row, or to the last if -1."""
        if self.rows is not None:
            self._go(len(self.rows) - 1 if row < 0 else 0)

    def action_open(self) -> None:
        """Open the folder under the cursor; if it is open, go inside."""
        entry = self.entry
        if entry is None or self.rows is None or not self.rows.is_folder(entry):
            return
        if self.rows.is_open(entry):
            self._go(self._cursor_row + 1)
        else:
            self._set_open(entry, True)

    def action_close(self) -> None:
        """Close the folder under the cursor, or go to the one it lies in."""
        entry = self.entry
        if entry is None or self.rows is None:
            return
        if self.rows.is_folder(entry) and self.rows.is_open(entry):
            self._set_open(entry, False)
        elif parent := int(self.rows.arrangement.shape.parent[entry]):
            self._go(self.rows.row(parent))

    def action_turn(self) -> None:
        """Open or close the folder under the cursor."""
        entry = self.entry
        if entry is not None and self.rows is not None:
            self._set_open(entry, not self.rows.is_open(entry))

    def action_open_below(self, opened: bool) -> None:
        """Open or close everything below the cursor; from a file, below its folder."""
        entry = self.entry
        if entry is None or self.rows is None:
            return
        if not self.rows.is_folder(entry):
            entry = int(self.rows.arrangement.shape.parent[entry])
        self.rows.set_open_below(entry, opened)
        self._moved = True
        self._cursor_row = self.rows.row(entry) if entry else self._cursor_row
        self._fit()
        self._keep_in_view()
        self._tell()

    def _set_open(self, entry: int, opened: bool) -> None:
        if self.rows is not None:
            self.rows.set_open(entry, opened)
            self._moved = True
            self._fit()

    def on_click(self, event: events.Click) -> None:
        """Move to a row; open or close it by its arrow or a second click."""
        if self.rows is None:
            return
        offset = event.get_content_offset(self)
        if offset is None:
            return
        row = offset.y + round(self.scroll_y)
        if row >= len(self.rows):
            return
        on_arrow = row < len(self.rows) and self._is_arrow(row, offset.x)
        self._go(row)
        if on_arrow or event.chain == 2:
            self.action_turn()

    def _is_arrow(self, row: int, x: int) -> bool:
        assert self.rows is not None
        width = self.scrollable_content_region.width
        start = MARK_CELLS + indent(self.rows, self.rows.entry(row), width)
        return start <= x < start + ARROW_CELLS

    def on_resize(self) -> None:
        """Keep the cursor on screen."""
        self._fit()
        self.call_after_refresh(self._keep_in_view)

    # -- drawing -------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Forget the styles of the former theme or focus."""
        super().notify_style_update()
        self._styles_used.clear()

    def _style(self, name: str) -> Style:
        if name not in self._styles_used:
            style = self.get_component_rich_style(f"tree-table--{name}", partial=True)
            self._styles_used[name] = style
        return self._styles_used[name]

    def _cursor_style(self, name: str) -> Style:
        """Return a style on the cursor's line: its colours, but bars keep theirs."""
        key = f"cursor {name}"
        if key not in self._styles_used:
            style = self.get_component_rich_style("tree-table--cursor", partial=True)
            if name in ("bar", "track", "mark") and not self.app.native_ansi_color:
                style += Style(color=self._style(name).color)
            self._styles_used[key] = style
        return self._styles_used[key]

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        width = self.scrollable_content_region.width
        row = y + round(self.scroll_y)
        if self.rows is None or self._tree is None or row >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        marked = row == self._cursor_row
        line = TreeLine(
            self.rows,
            self._tree,
            self.rows.entry(row),
            marked,
            width,
            self.glyphs,
            self._cursor_style if marked else self._style,
        )
        return Strip(line.segments(), width).apply_style(self.rich_style)
