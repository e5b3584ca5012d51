"""The running figures of a build: speed, ratio, memory, bottleneck."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.engine.events import Gauges
from dwarfsmith.tui.model import units
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.model.glyphs import bar, sparkline
from dwarfsmith.tui.widgets.pane import Pane, line

_LABEL_CELLS = 11
_VALUE_CELLS = 10


class GaugePanel(Pane):
    """One line for each figure, with its recent past where that says something."""

    DEFAULT_CSS = """
    GaugePanel { height: auto; padding: 0 1; }
    """

    build: BuildState | None = None

    def show(self, build: BuildState) -> None:
        """Show the figures of a build."""
        self.build = build
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the lines; a figure that is not known yet is a dot."""
        if self.build is None:
            return []
        build, gauges = self.build, self.build.present
        ratio = None if build.ratio is None else units.percent(build.ratio, 1)
        rates = build.rates
        read, written = (rates.read, rates.written) if gauges else (None, None)
        shown = [
            self._past("read", units.rate(read), list(rates.read_history)),
            self._past("written", units.rate(written), list(rates.write_history)),
            self._past("packs to", ratio or units.UNKNOWN, list(rates.ratio_history)),
        ]
        return shown + self._memory(gauges)

    def _past(self, label: str, value: str, history: list[float]) -> Content:
        cells = max(self.size.width - _LABEL_CELLS - _VALUE_CELLS - 1, 0)
        past = sparkline(history, cells, self.glyphs) if history else ""
        return self._figure(label, value, (past, "$packed"))

    def _memory(self, gauges: Gauges | None) -> list[Content]:
        if gauges is None:
            unknown = units.UNKNOWN
            return [
                self._figure("buffers", unknown, ("", "")),
                self._figure("memory", unknown, ("", "")),
                self._figure("workers", unknown, ("", "")),
                self._figure("bottleneck", unknown, ("", "")),
            ]
        cells = max(self.size.width - _LABEL_CELLS - _VALUE_CELLS - 1, 0)
        limit = units.size(gauges.limit_bytes)
        room = max(cells - len(limit) - 4, 0)
        filled, track = bar(
            gauges.in_flight_bytes / max(gauges.limit_bytes, 1), room, self.glyphs
        )
        busy = f"{gauges.busy_workers} of {gauges.workers}"
        return [
            self._figure(
                "buffers",
                units.size(gauges.in_flight_bytes),
                (filled, "$packed"),
                (track, "$faint"),
                (f" of {limit}", "$muted"),
            ),
            self._figure("memory", units.size(gauges.resident_bytes), ("", "")),
            self._figure("workers", busy, (" busy", "$muted")),
            self._figure("bottleneck", gauges.bottleneck or units.UNKNOWN, ("", "")),
        ]

    def _figure(self, label: str, value: str, *rest: tuple[str, str]) -> Content:
        return line(
            (f"{label:<{_LABEL_CELLS}}", "$muted"),
            f"{value:>{_VALUE_CELLS}} ",
            *rest,
        )
