"""What the machine has to give: free memory and free disk space."""

from __future__ import annotations

import os
import shutil


def free_memory() -> int | None:
    """Return the bytes of memory that can be had without swapping, if known."""
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return None


def free_disk(path: bytes) -> int | None:
    """Return the free bytes where `path` is or would be made, if that exists."""
    folder = os.path.realpath(path)
    while not os.path.isdir(folder):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
