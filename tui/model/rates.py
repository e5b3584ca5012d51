"""Throughput from running totals: a present figure and its recent past."""

from __future__ import annotations

from collections import deque

from dwarfsmith.engine.events import Gauges

HISTORY_S = 60
"""One value a second is kept for this long."""
_WINDOW_S = 2.0


class Rates:
    """Reading and writing speed, from the samples of a running build."""

    def __init__(self) -> None:
        self._samples: deque[Gauges] = deque()
        self._second = -1
        self._at_second: Gauges | None = None
        self.read_history: deque[float] = deque(maxlen=HISTORY_S)
        self.write_history: deque[float] = deque(maxlen=HISTORY_S)
        self.ratio_history: deque[float] = deque(maxlen=HISTORY_S)

    def add(self, gauges: Gauges, ratio: float | None) -> None:
        """Take a sample in, with the blocks' ratio so far."""
        self._samples.append(gauges)
        while gauges.seconds - self._samples[0].seconds > _WINDOW_S:
            self._samples.popleft()
        if int(gauges.seconds) > self._second:
            self._close_second(gauges, ratio)

    def _close_second(self, gauges: Gauges, ratio: float | None) -> None:
        before, self._at_second = self._at_second, gauges
        self._second = int(gauges.seconds)
        if before is None:
            return
        took = gauges.seconds - before.seconds
        self.read_history.append((gauges.read_bytes - before.read_bytes) / took)
        self.write_history.append((gauges.written_bytes - before.written_bytes) / took)
        if ratio is not None:
            self.ratio_history.append(ratio)

    @property
    def read(self) -> float | None:
        """Bytes read a second over the last moments, None before two samples."""
        return self._rate("read_bytes")

    @property
    def written(self) -> float | None:
        """Bytes written a second over the last moments, None before two samples."""
        return self._rate("written_bytes")

    def _rate(self, name: str) -> float | None:
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        took = last.seconds - first.seconds
        if took <= 0:
            return None
        rate: float = (getattr(last, name) - getattr(first, name)) / took
        return rate
