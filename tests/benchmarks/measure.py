"""Runs programs and says what they took; describes the machine.

Imports nothing large: what this process holds in memory when it starts a program counts
as that program's peak on Linux.
"""

from __future__ import annotations

import fcntl
import os
import platform
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

_MIB = 1 << 20
_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)


class ProgramError(Exception):
    """A measured program ended with an error; the text is its last words."""


@dataclass(frozen=True)
class Usage:
    """What one run of a program took."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processors, in the program and in the system on its behalf."""
    peak: float
    """Largest resident memory in MiB, of the largest process if it has several."""


def run(command: Sequence[str]) -> Usage:
    """Run a program to its end.

    Raises:
        ProgramError: It cannot be started or its exit code is not 0.
    """
    with tempfile.TemporaryFile() as words:
        started = time.perf_counter()
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=words, stderr=words
            )
        except OSError as error:
            raise ProgramError(f"{command[0]}: {error.strerror}") from error
        _, status, taken = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        # It is waited for already, which Popen cannot know.
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            words.seek(0)
            last = words.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ProgramError(f"{command[0]}: exit code {child.returncode}: {last}")
    peak = taken.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Usage(wall, taken.ru_utime + taken.ru_stime, peak / _MIB)


def output_of(command: Sequence[str]) -> str:
    """Return what a program prints, on either output, whatever its exit code."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT
        )
    except OSError:
        return ""
    return done.stdout.decode(errors="replace")


def first_paint(
    command: Sequence[str], quit_keys: bytes, patience: float = 20
) -> float:
    """Return the seconds until a program shows text on a terminal of 120 × 40.

    The program is sent `quit_keys` after that.

    Raises:
        ProgramError: It shows nothing, or does not end.
    """
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
            environment = os.environ | {"TERM": "xterm-256color"}
            os.execvpe(command[0], list(command), environment)
        finally:
            os._exit(127)
    try:
        painted = _wait_for_text(terminal, started + patience) - started
        os.write(terminal, quit_keys)
        _wait_for_end(terminal, time.perf_counter() + patience)
        return painted
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def _wait_for_text(terminal: int, until: float) -> float:
    shown = b""
    while data := _read(terminal, until):
        shown += data
        if len(_ESCAPE.sub(b"", shown).split()) >= 5:
            return time.perf_counter()
    raise ProgramError("expected text on the terminal, found none")


def _wait_for_end(terminal: int, until: float) -> None:
    while _read(terminal, until):
        pass


def _read(terminal: int, until: float) -> bytes:
    """Return what the program writes next; nothing if it ended.

    Raises:
        ProgramError: It neither wrote nor ended in time.
    """
    left = until - time.perf_counter()
    if left <= 0 or not select.select([terminal], [], [], left)[0]:
        raise ProgramError("the program neither wrote to the terminal nor ended")
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that the other side is closed
        return b""


def machine() -> str:
    """Return one line on the machine: processor, cores, memory, system."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # no such call on macOS
        cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    system = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {cores} cores, {memory:.1f} GiB memory, {system}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
