"""The last line of defence for terminals that do not speak UTF-8."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LIKE = {
    "-": "─━┄┅┈┉╌╍═╸╺▔▁▂▃–—",
    "|": "│┃┆┇┊┋╎╏║▏▎▍▌▐▕",
    "+": "┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╭╮╰╯╔╗╚╝╠╣╦╩╬",
    "#": "█▉▊▋▄▅▆▇▀■▓▛▜▙▟▖▗▘▝",
    "%": "▒░",
    ".": "·•…",
    ">": "▶▸→❯",
    "<": "◀◂←",
    "v": "▼▾↓",
    "^": "▲▴↑",
    "x": "✘✗✕×",
    "!": "⚠",
    "~": "≈",
    "*": "✔✓●○◆★",
}
_TABLE = {ord(char): plain for plain, chars in _LIKE.items() for char in chars}


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """Return `text` in ASCII, cell by cell: what has no likeness becomes `?`."""
    if text.isascii():
        return text
    return "".join(
        char if char.isascii() else "?" * cell_len(char)
        for char in text.translate(_TABLE)
    )


class AsciiFilter(LineFilter):
    """Replaces every sign beyond ASCII, whichever widget drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in plain ASCII, as wide as they were."""
        return [
            Segment(to_ascii(text), style, control) for text, style, control in segments
        ]
