"""The lists that `dwarfsck --list` prints."""

from __future__ import annotations

import locale
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
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
    as_stored = not sys.stdout.isatty()
    columns = _Columns(image) if verbose else None
    for entries, paths in image.entries.path_batches(walk):
        if columns is None and as_stored:
            yield _joined(paths)
            continue
        lines = paths if columns is None else columns.lines(entries, paths)
        if not as_stored:
            lines = (os.fsencode(printable(line)) for line in lines)
        yield b"".join(line + b"\n" for line in lines)


def mode_string(mode: int) -> str:
    """Return a mode as 14 characters: set-id and sticky bits, type, permissions."""
    special = (("U", stat.S_ISUID), ("G", stat.S_ISGID), ("S", stat.S_ISVTX))
    return (
        "".join(letter if mode & bit else "-" for letter, bit in special)
        + _TYPES[stat.S_IFMT(mode)]
        + "".join("rwx"[i % 3] if mode >> (8 - i) & 1 else "-" for i in range(9))
    )


class _Columns:
    """Makes the verbose lines of an image, with columns of one width."""

    def __init__(self, image: Image) -> None:
        self._image = image
        locale.setlocale(locale.LC_NUMERIC, "")  # sizes are grouped as people do
        self._uid_width = len(str(image.inodes.uid.max()))
        self._gid_width = len(str(image.inodes.gid.max()))
        self._size_width = len(f"{int(image.size.max()):n}")

    def lines(
        self, entries: npt.NDArray[np.integer], paths: Iterable[bytes]
    ) -> Iterator[bytes]:
        """Yield the lines of some entries."""
        image, table = self._image, self._image.inodes
        inodes = image.entries.inode[entries]
        seconds, _ = table.times("mtime")
        for inode, mode, uid, gid, size, minute, path in zip(
            inodes.tolist(),
            table.mode[inodes].tolist(),
            table.uid[inodes].tolist(),
            table.gid[inodes].tolist(),
            image.size[inodes].tolist(),
            (seconds[inodes] // 60).tolist(),
            paths,
            strict=True,
        ):
            attributes = (
                f"{_mode_string(mode)} {uid:>{self._uid_width}}/"
                f"{gid:>{self._gid_width}} {size:>{self._size_width}n} "
                f"{_minute(minute)} "
            )
            line = attributes.encode() + path
            if stat.S_ISLNK(mode):
                line += b" -> " + image.readlink(inode)
            yield line


_mode_string = lru_cache(256)(mode_string)


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """Return a local time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(minutes * 60))
    except (OverflowError, ValueError, OSError):
        return "????-??-?? ??:??"


def _joined(paths: Strings) -> bytes:
    """Return all paths with a line end after each, without a loop over them."""
    ends = paths.offsets[1:] + np.arange(len(paths))
    text = np.full(len(paths.text) + len(paths), ord("\n"), np.uint8)
    is_path = np.ones(len(text), np.bool_)
    is_path[ends] = False
    text[is_path] = paths.text
    return text.tobytes()
