"""Text that must fit a number of terminal cells, and names that may hold anything."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size


def width(text: str) -> int:
    """Return how many terminal cells `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int) -> str:
    """Return `text` cut or padded on the right to exactly `cells`."""
    if text.isascii():
        return text[:cells].ljust(cells)
    return set_cell_size(text, cells)


def right(text: str, cells: int) -> str:
    """Return `text` padded on the left to `cells`; longer text stays whole."""
    return " " * (cells - width(text)) + text


def elide_end(text: str, cells: int, mark: str) -> str:
    """Return `text` in at most `cells`, its end replaced by `mark` if too long."""
    if width(text) <= cells:
        return text
    return _head(text, cells - width(mark)) + mark if cells >= width(mark) else ""


def elide_middle(text: str, cells: int, mark: str) -> str:
    """Return `text` in at most `cells`, its middle replaced by `mark` if too long.

    The end of a path says most, so it keeps the larger part.
    """
    if width(text) <= cells:
        return text
    room = cells - width(mark)
    if room < 2:
        return elide_end(text, cells, mark)
    head = _head(text, room * 2 // 5)
    tail = _head(text[::-1], room - width(head))[::-1]
    return head + mark + tail


def _head(text: str, cells: int) -> str:
    """Return the longest beginning of `text` that fits `cells`."""
    if cells <= 0 or not text:
        return ""
    if text.isascii():
        return text[:cells]
    head = set_cell_size(text, cells)
    # A wide character that is cut in half becomes a blank, which is not ours to add.
    return head if text.startswith(head) else head[:-1]


def wrap_path(path: str, cells: int, most_lines: int, mark: str) -> list[str]:
    """Return `path` folded to lines of `cells`, elided to fit `most_lines`."""
    whole = elide_middle(path, cells * most_lines, mark)
    return chop_cells(whole, cells) or [""]


def plain_ascii(text: str) -> str:
    """Return `text` with everything beyond ASCII as escapes."""
    return text.encode("ascii", "backslashreplace").decode("ascii")
