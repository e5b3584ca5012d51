"""The lists that `dwarfsck --list` prints."""

from __future__ import annotations

import locale
import os
import stat
import sys
import time
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.entries import ROOT
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.events import printable

_TYPES = {
    stat.S_IFREG: "-",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFBLK: "b",
    stat.S_IFCHR: "c",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
}


def listing(image: Image, *, verbose: bool) -> Iterator[bytes]:
    """Yield a line for each entry, many lines at a time, in the order of a walk.

    A line is a path relative to the root, which itself is left out. `verbose` puts
    mode, owners, size and time before it and a link's target after it, and keeps the
    root. On a terminal control characters are escaped.
    """
    walk = image.entries.walk
    if not verbose:
        walk = walk[walk != ROOT]
    safe = not sys.stdout.isatty()
    line = _Line(image) if verbose else None
    for entries, paths in image.entries.path_batches(walk):
        if line is not None:
            yield b"".join(
                _shown(line.of(int(entry), path), safe) + b"\n"
                for entry, path in zip(entries, paths, strict=True)
            )
        elif safe:
            yield _joined(paths)
        else:
            yield b"".join(_shown(path, safe) + b"\n" for path in paths)


def mode_string(mode: int) -> str:
    """Return a mode as 14 characters: set-id and sticky bits, type, permissions."""
    special = (("U", stat.S_ISUID), ("G", stat.S_ISGID), ("S", stat.S_ISVTX))
    return (
        "".join(letter if mode & bit else "-" for letter, bit in special)
        + _TYPES[stat.S_IFMT(mode)]
        + "".join("rwx"[i % 3] if mode >> (8 - i) & 1 else "-" for i in range(9))
    )


class _Line:
    """Makes the verbose lines of an image, with columns of one width."""

    def __init__(self, image: Image) -> None:
        self._image = image
        locale.setlocale(locale.LC_NUMERIC, "")
        table = image.inodes
        self._uid_width = _width(table.uid)
        self._gid_width = _width(table.gid)
        self._size_width = len(_grouped(int(image.size.max())))
        self._seconds = table.times("mtime")[0]

    def of(self, entry: int, path: bytes) -> bytes:
        image = self._image
        inode = int(image.entries.inode[entry])
        table = image.inodes
        mode = int(table.mode[inode])
        head = (
            f"{_mode_string(mode)} "
            f"{int(table.uid[inode]):>{self._uid_width}}/"
            f"{int(table.gid[inode]):>{self._gid_width}} "
            f"{_grouped(int(image.size[inode])):>{self._size_width}} "
            f"{_minute(int(self._seconds[inode]) // 60)} "
        )
        line = head.encode() + path
        if stat.S_ISLNK(mode):
            line += b" -> " + image.readlink(inode)
        return line


_mode_string = lru_cache(256)(mode_string)


def _width(column: npt.NDArray[np.int64]) -> int:
    return len(str(column.max()))


def _grouped(number: int) -> str:
    return locale.format_string("%d", number, grouping=True)


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """Return a local time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(minutes * 60))
    except (OverflowError, ValueError, OSError):
        return "????-??-?? ??:??"


def _shown(line: bytes, safe: bool) -> bytes:
    return line if safe else os.fsencode(printable(line))


def _joined(paths: Strings) -> bytes:
    """Return all paths with a line end after each, without a loop over them."""
    ends = paths.offsets[1:] + np.arange(len(paths))
    text = np.full(len(paths.text) + len(paths), ord("\n"), np.uint8)
    is_path = np.ones(len(text), np.bool_)
    is_path[ends] = False
    text[is_path] = paths.text
    return text.tobytes()
