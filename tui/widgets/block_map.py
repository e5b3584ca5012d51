"""The image's blocks: a skyline while they are few, a map when there are many."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.tui.model.block_map import Cell, cells
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.widgets.pane import Pane, Part, line

_MIN_SKYLINE_ROWS = 3
_MOST_CELLS_EACH = 4


class BlockMap(Pane):
    """Shows how well each block packs, and how many are still to come.

    The higher and warmer, the more of a block is left after compression.
    """

    DEFAULT_CSS = """
    BlockMap { padding: 0 1; }
    """

    build: BuildState | None = None

    def show(self, build: BuildState) -> None:
        """Show the blocks of a build."""
        self.build = build
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the blocks, then the legend in the last line."""
        build = self.build
        if build is None:
            return []
        width, height = self.size
        gauges = build.gauges
        done = gauges.blocks_done if gauges else 0
        total = gauges.blocks_total if gauges else None
        # What is busy after the end of a build is nothing.
        busy = gauges.busy_workers if gauges and build.status == "running" else 0
        count = max(total or 0, done + busy, len(build.blocks))
        if not count or not width:
            return [Content.styled("no block is full yet", "$muted")]
        rows = max(height - 1, 1)
        legend = self._legend(busy > 0)
        if count <= width and rows >= _MIN_SKYLINE_ROWS:
            shown = cells(build.blocks, done, busy, total, width)
            return [*self._skyline(shown, width, rows), legend]
        shown = cells(build.blocks, done, busy, total, width * rows)
        each = -(-count // (width * rows))
        if each > 1:
            legend = line(legend, (f"   {each} blocks a cell", "$muted"))
        drawn = self._map(shown, width)
        return [*drawn, legend] if height > 1 else drawn

    # -- many blocks: one cell each, or for several --------------------------------

    def _map(self, shown: list[Cell], width: int) -> list[Content]:
        parts = [self._sign(cell) for cell in shown]
        return [
            line(*parts[start : start + width]) for start in range(0, len(parts), width)
        ]

    def _sign(self, cell: Cell) -> tuple[str, str]:
        if cell.state == "done":
            return self.glyphs.levels[cell.level], f"$block-{cell.level + 1}"
        if cell.state == "pending":
            return self.glyphs.pending, "$promise"
        if cell.state == "unmeasured":
            return self.glyphs.track, "$muted"
        return self.glyphs.waiting[0], "$faint"

    # -- few blocks: one column each -------------------------------------------------

    def _skyline(self, shown: list[Cell], width: int, rows: int) -> list[Content]:
        each = min(_MOST_CELLS_EACH, width // len(shown))
        gap = 1 if each > 1 else 0
        return [
            line(*(self._storey(cell, row, rows, each - gap, gap) for cell in shown))
            for row in range(rows - 1, -1, -1)
        ]

    def _storey(self, cell: Cell, row: int, rows: int, wide: int, gap: int) -> Part:
        """Return the part of a column that is `row` rows above the ground."""
        if cell.state != "done":
            sign, style = self._sign(cell) if row == 0 else (" ", "")
            return sign * wide + " " * gap, style
        eighths = max(1, round(cell.ratio * rows * 8)) - row * 8
        if eighths <= 0:
            sign = " "
        elif self.glyphs.ascii:
            sign = self.glyphs.full
        else:
            sign = self.glyphs.levels[min(eighths, 8) - 1]
        return sign * wide + " " * gap, f"$block-{cell.level + 1}"

    def _legend(self, busy: bool) -> Content:
        levels = self.glyphs.levels
        parts: list[Part] = [("packs well ", "$muted")]
        parts += [(levels[step], f"$block-{step + 1}") for step in range(8)]
        parts.append((" not at all", "$muted"))
        if busy:
            parts += [(f"   {self.glyphs.pending} ", "$promise"), ("at work", "$muted")]
        return line(*parts)
