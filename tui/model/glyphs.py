"""The signs beside every colour: one set for UTF-8 terminals, one in plain ASCII."""

from __future__ import annotations

import codecs
import locale
import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One sign for each thing worth saying without a word."""

    ascii: bool
    opened: str
    closed: str
    cursor: str
    done: str
    failed: str
    warning: str
    unknown: str
    waiting: str
    running: str
    dash: str
    """Between the ends of a range."""
    dot: str
    """Between phrases of a line."""
    arrow: str
    about: str
    ellipsis: str
    up: str
    down: str
    times: str
    full: str
    """A cell of a bar that is filled."""
    half: str
    """The last cell of a bar if it is half filled; empty: there are no halves."""
    track: str
    """The empty part of a bar."""
    levels: str
    """Eight heights for sparklines and the block map, lowest first."""
    pending: str
    """A block that is being worked on."""
    rule: str


UNICODE: Final = Glyphs(
    ascii=False,
    opened="▾",
    closed="▸",
    cursor="▌",
    done="✔",
    failed="✘",
    warning="⚠",
    unknown="·",
    waiting="·",
    running="▸",
    dash="–",
    dot="·",
    arrow="→",
    about="≈",
    ellipsis="…",
    up="▲",
    down="▼",
    times="×",
    full="━",
    half="╸",
    track="─",
    levels="▁▂▃▄▅▆▇█",
    pending="▒",
    rule="─",
)

ASCII: Final = Glyphs(
    ascii=True,
    opened="v",
    closed=">",
    cursor=">",
    done="ok",
    failed="x",
    warning="!",
    unknown="?",
    waiting="-",
    running=">",
    dash="-",
    dot="|",
    arrow="->",
    about="~",
    ellipsis="~",
    up="^",
    down="v",
    times="x",
    full="#",
    half="",
    track=".",
    levels="12345678",
    pending="%",
    rule="-",
)


def bar(fraction: float, cells: int, glyphs: Glyphs) -> tuple[str, str]:
    """Return a bar of `cells` as its filled part and the rest.

    What is not nothing is drawn as something.
    """
    steps = 2 if glyphs.half else 1
    filled = round(min(max(fraction, 0.0), 1.0) * cells * steps)
    if fraction > 0 and cells and not filled:
        filled = 1
    full, half = divmod(filled, steps)
    drawn = glyphs.full * full + glyphs.half * half
    return drawn, glyphs.track * (cells - len(drawn))


def sparkline(values: list[float], cells: int, glyphs: Glyphs) -> str:
    """Return the newest `cells` values as heights relative to the largest of them."""
    shown = values[-cells:]
    top = max(shown, default=0.0)
    if top <= 0:
        return glyphs.levels[0] * len(shown)
    return "".join(
        glyphs.levels[min(7, int(8 * max(value, 0) / top))] for value in shown
    )


def terminal_speaks_utf8() -> bool:
    """Return whether the locale's encoding is UTF-8."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := os.environ.get(name):
            encoding = value.partition(".")[2].partition("@")[0]
            break
    else:
        # Nothing set: Python coerces the C locale to UTF-8, terminals do not.
        encoding = locale.getpreferredencoding(False)
    try:
        return codecs.lookup(encoding or "ascii").name == "utf-8"
    except LookupError:
        return False
