"""The walk, said plainly: no columns, one object for each entry."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple


class Entry(NamedTuple):
    """What the walk has to find out about one entry."""

    path: bytes
    target: bytes
    status: os.stat_result


def walk(root: bytes) -> list[Entry]:
    """All entries: each directory completely, then its subdirectories in order."""
    found = [Entry(b"", b"", os.stat(root))]
    pending = [b""]
    while pending:
        below = pending.pop(0)
        inside = []
        for name in os.listdir(os.path.join(root, below)):
            path = os.path.join(below, name)
            full = os.path.join(root, path)
            status = os.lstat(full)
            link = stat.S_ISLNK(status.st_mode)
            found.append(Entry(path, os.readlink(full) if link else b"", status))
            if stat.S_ISDIR(status.st_mode):
                inside.append(path)
        pending[:0] = inside
    return found
