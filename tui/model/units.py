"""Numbers as people read them: sizes, counts, spans of time, shares."""

from __future__ import annotations

from datetime import datetime

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
UNKNOWN = "·"
"""Stands for a number that is not known yet; never 0."""


def size(count: float | None) -> str:
    """Return bytes in binary units with at most three significant digits."""
    if count is None:
        return UNKNOWN
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(UNITS) - 1:
        value /= 1024
        unit += 1
    if unit == 0:
        return f"{value:.0f} B"
    return f"{_three_digits(value)} {UNITS[unit]}"


def _three_digits(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"


def power(bits: int) -> str:
    """Return 2^bits bytes without a fraction, such as `16 MiB`."""
    return f"{1 << bits % 10} {UNITS[bits // 10]}"


def exact(count: int) -> str:
    """Return bytes to the last one: `48,211,904 bytes`."""
    return f"{count:,} byte{'' if count == 1 else 's'}"


def rate(per_second: float | None) -> str:
    """Return a throughput such as `412 MiB/s`."""
    return UNKNOWN if per_second is None else f"{size(per_second)}/s"


def number(value: int | None) -> str:
    """Return a count with thousands separated."""
    return UNKNOWN if value is None else f"{value:,}"


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """Return `1 entry`, `90,274 entries`: the word in the right number."""
    word = singular if value == 1 else plural or f"{singular}s"
    return f"{value:,} {word}"


def percent(part: float, whole: float) -> str:
    """Return `part` of `whole` in percent, unit included; `·` of nothing."""
    if whole <= 0:
        return UNKNOWN
    value = 100 * part / whole
    if 0 < value < 0.1:
        return "<0.1 %"
    if value < 9.95:
        return f"{value:.1f} %" if value else "0 %"
    if 99 < value < 100:
        return f"{min(value, 99.9):.1f} %"
    return f"{value:.0f} %"


def of_original(stored: int, original: int) -> str:
    """Return `18 % of original, saved 82 %`: never a bare percentage."""
    if original <= 0:
        return UNKNOWN
    share = f"{percent(stored, original)} of original"
    if stored > original:
        return f"{share}, {percent(stored - original, original)} larger"
    return f"{share}, saved {percent(original - stored, original)}"


def clock(seconds: float | None) -> str:
    """Return a span of time as a running clock: `1:12`, `1:03:05`."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """Return a finished span of time with its unit: `4.2 s`, `3 min 05 s`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def moment(nanoseconds: int) -> str:
    """Return a file time in local time to the minute; as a number if absurd."""
    try:
        return datetime.fromtimestamp(nanoseconds // 10**9).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{nanoseconds // 10**9} s since 1970"
