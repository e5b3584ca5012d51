"""How long it will still take: a range, once that means something.

The rate is looked at over a short and a long window; the range between the two ends
is what the estimate is worth. Both ends are smoothed as points in time, so that they
count down instead of jumping, and are rounded to steps a person would say.
"""

from __future__ import annotations

from collections import deque

MIN_SECONDS = 5.0
MIN_FRACTION = 0.02
SHORT_WINDOW_S = 15.0
LONG_WINDOW_S = 120.0
SAMPLE_S = 1.0
_WEIGHT = 0.25
_MARGIN = 0.1


class Eta:
    """An estimate from `(seconds, done, total)` samples, in any unit of work."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()
        self._soonest: float | None = None
        self._latest: float | None = None
        self._steps = 0

    def update(self, now: float, done: float, total: float | None) -> None:
        """Take a sample in; more than one a second are ignored."""
        if self._samples and now - self._samples[-1][0] < SAMPLE_S:
            return
        if self._samples and done > self._samples[-1][1]:
            self._steps += 1
        self._samples.append((now, done))
        while now - self._samples[0][0] > LONG_WINDOW_S:
            self._samples.popleft()
        self._estimate(now, done, total)

    def _estimate(self, now: float, done: float, total: float | None) -> None:
        rates = [self._rate(window) for window in (SHORT_WINDOW_S, LONG_WINDOW_S)]
        known = [rate for rate in rates if rate > 0]
        if total is None or len(known) < 2 or not self._meaningful(now, done, total):
            self._soonest = self._latest = None
            return
        left = max(total - done, 0.0)
        self._soonest = _smooth(self._soonest, now + left / max(known) * (1 - _MARGIN))
        self._latest = _smooth(self._latest, now + left / min(known) * (1 + _MARGIN))

    def _meaningful(self, now: float, done: float, total: float) -> bool:
        seen = now - self._samples[0][0]
        return seen >= MIN_SECONDS and self._steps >= 3 and done >= total * MIN_FRACTION

    def _rate(self, window: float) -> float:
        last, done = self._samples[-1]
        for then, before in self._samples:
            if last - then <= window:
                return (done - before) / (last - then) if last > then else 0.0
        return 0.0

    def range(self, now: float) -> tuple[float, float] | None:
        """Return the seconds left, soonest and latest, or None if not known."""
        if self._soonest is None or self._latest is None:
            return None
        soonest = rounded(max(self._soonest - now, 0.0))
        return soonest, max(rounded(max(self._latest - now, 0.0)), soonest)


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)


def rounded(seconds: float) -> float:
    """Return `seconds` in steps that do not pretend to know more than they do."""
    for limit, step in ((30, 1), (120, 5), (600, 15), (3600, 60)):
        if seconds < limit:
            return step * round(seconds / step)
    return 300 * round(seconds / 300)
