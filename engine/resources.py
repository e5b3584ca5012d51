"""What the machine has and what this process uses of it."""

from __future__ import annotations

import os
import resource
import sys

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIN_SYSTEM_BYTES = 256 << 20


def available_processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no such call on macOS
        return os.cpu_count() or 1


def total_memory_bytes() -> int:
    """Return the machine's physical memory."""
    return _PAGE_BYTES * os.sysconf("SC_PHYS_PAGES")


def resident_bytes() -> int:
    """Return the memory this process occupies; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def peak_memory_bytes() -> int:
    """Return the most memory this process has occupied at a time."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def cpu_seconds() -> float:
    """Return the processor time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def default_memory_limit_bytes(workers: int, block_bytes: int) -> int:
    """Return the default bound of the blocks in flight.

    The rule of mkdwarfs' `--memory-limit=auto`: a block per worker and as many again
    (at most eight) in the queue, or 1/64 of the machine's memory if that is more,
    but never more than 1/8 of it.
    """
    system = max(total_memory_bytes(), _MIN_SYSTEM_BYTES)
    wanted = workers * block_bytes
    if wanted < system // 64:
        wanted = system // 64
    else:
        wanted += min(workers, 8) * block_bytes
    return min(wanted, system // 8)
