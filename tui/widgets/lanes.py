"""What each compression worker did last."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.build_state import BuildState, Lane
from dwarfsmith.tui.widgets.pane import Pane, line


class WorkerLanes(Pane):
    """One line for each worker: its last block and how many it has done."""

    DEFAULT_CSS = """
    WorkerLanes { padding: 0 1; text-overflow: ellipsis; }
    """

    build: BuildState | None = None

    def show(self, build: BuildState) -> None:
        """Show the workers of a build."""
        self.build = build
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw as many lanes as fit, then how many more there are."""
        if self.build is None:
            return []
        lanes = sorted(self.build.lanes.items())
        if not lanes:
            return [Content.styled("no worker has finished a block yet", "$muted")]
        room = max(self.size.height, 1)
        fitting = lanes if len(lanes) <= room else lanes[: room - 1]
        shown = [self._lane(number, lane) for number, lane in fitting]
        if len(lanes) > room:
            shown.append(Content.styled(f"and {len(lanes) - room + 1} more", "$muted"))
        return shown

    def _lane(self, number: int, lane: Lane) -> Content:
        last = lane.last
        assert last is not None
        ratio = last.stored_bytes / max(last.full_bytes, 1)
        step = min(7, int(ratio * 8))
        return line(
            (f"{number + 1:>2}  ", "$muted"),
            f"block {last.number:<5,}",
            (self.glyphs.levels[step], f"$block-{step + 1}"),
            f" {units.percent(ratio, 1):>6}",
            (f"  {last.codec.lower()} {units.span(last.seconds)}", "$muted"),
        )
