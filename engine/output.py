"""Output files that are either complete under their name or not there at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
import threading
from types import TracebackType
from typing import BinaryIO

from dwarfsmith.engine.errors import OutputError, OutputExistsError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.plan import STDOUT

_UNNAMED_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


_unpublished: set[bytes] = set()


def discard_unpublished() -> None:
    """Remove the temporary files of this process, which is about to end."""
    for path in tuple(_unpublished):
        with contextlib.suppress(OSError):
            os.unlink(path)


class Output:
    """A file being made: written aside, synced, then put under its name at once.

    Where the system can (Linux, most file systems) the file has no name until it is
    complete, so that even a killed process leaves nothing behind; elsewhere it has a
    temporary name beside the target. Standard output, devices and pipes are written
    directly.

    Use as a context manager: leaving it without `publish()` discards everything.

    Args:
        target: Path as bytes, or `-` for standard output.
        force: Replace an existing file.

    Raises:
        OutputExistsError: It exists and `force` is not given.
        OutputError: Its folder is missing or cannot be written.
    """

    def __init__(self, target: bytes, *, force: bool = False) -> None:
        self.target = target
        self._temporary: bytes | None = None
        self._direct = False
        self._mode: int | None = None
        # A writing thread may outlive the build by a moment; the descriptor must not
        # be closed, and perhaps given to another file, in the middle of its write.
        self._closing = threading.Lock()
        self.stream = self._open(force)

    def _open(self, force: bool) -> BinaryIO:
        if self.target == STDOUT:
            self._direct = True
            return os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        check_target(self.target, force=force)
        self.target = os.path.realpath(self.target)
        try:
            present = os.stat(self.target)
        except FileNotFoundError:
            pass
        else:
            if not stat.S_ISREG(present.st_mode):
                self._direct = True
                return open(self.target, "wb", buffering=0)
            self._mode = stat.S_IMODE(present.st_mode)
        folder = os.path.dirname(self.target)
        try:
            return os.fdopen(self._open_aside(folder), "w+b", buffering=0)
        except OSError as error:
            raise OutputError(_cannot(self.target, error)) from None

    def _open_aside(self, folder: bytes) -> int:
        if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
            try:
                return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
            except OSError as error:
                if error.errno not in _UNNAMED_UNSUPPORTED:
                    raise
        handle, self._temporary = tempfile.mkstemp(
            prefix=b".dwarfsmith-", suffix=b".tmp", dir=folder
        )
        _unpublished.add(self._temporary)
        if self._mode is None:
            umask = os.umask(0)
            os.umask(umask)
            self._mode = 0o666 & ~umask
        return handle

    @property
    def reading_path(self) -> bytes | None:
        """Where this process can read back what it wrote; None: nowhere."""
        if self._direct:
            return None
        return self._temporary or b"/proc/self/fd/%d" % self.stream.fileno()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of `data`.

        Raises:
            OutputError: The disk is full, or another write error.
        """
        view = memoryview(data)
        try:
            with self._closing:
                while len(view):
                    view = view[self.stream.write(view) :]
        except (OSError, ValueError) as error:
            raise OutputError(_cannot(self.target, error)) from None

    def publish(self) -> None:
        """Sync, then put the file under its name, replacing what is there.

        Raises:
            OutputError: The disk is full, or the name cannot be taken.
        """
        try:
            if not self._direct:
                self._publish()
            self._close()
        except OSError as error:
            raise OutputError(_cannot(self.target, error)) from None

    def _publish(self) -> None:
        handle = self.stream.fileno()
        if self._mode is not None:
            os.fchmod(handle, self._mode)
        os.fsync(handle)
        folder = os.path.dirname(self.target)
        directory = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._temporary is None:
                self._temporary = _name_file(handle, folder, directory)
            os.replace(self._temporary, self.target)
            _unpublished.discard(self._temporary)
            self._temporary = None
            os.fsync(directory)
        finally:
            os.close(directory)

    def _close(self) -> None:
        with self._closing:
            self.stream.close()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)


def check_target(target: bytes, *, force: bool) -> None:
    """Check early what can be known about a target before anything is written.

    Raises:
        OutputExistsError: It exists and `force` is not given.
        OutputError: It is a folder, or its folder is missing.
    """
    if target == STDOUT:
        return
    if os.path.isdir(target):
        raise OutputError(
            f"output: expected a file, found the directory '{printable(target)}'"
        )
    if os.path.lexists(target) and not force:
        raise OutputExistsError("output file already exists, use --force to overwrite")
    folder = os.path.dirname(os.path.realpath(target))
    if not os.path.isdir(folder):
        raise OutputError(f"output: no such directory '{printable(folder)}'")


def _cannot(target: bytes, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or error
    return f"cannot write '{printable(target)}': {reason}"


def _name_file(handle: int, folder: bytes, directory: int) -> bytes:
    """Give the unnamed file `handle` a temporary name in `folder`; return its path."""
    source = b"/proc/self/fd/%d" % handle
    while True:
        name = b".dwarfsmith-" + os.urandom(6).hex().encode() + b".tmp"
        with contextlib.suppress(FileExistsError):
            # Linking needs the symbolic link in /proc followed, which Python asks
            # for only in the call that takes a directory handle.
            os.link(source, name, dst_dir_fd=directory, follow_symlinks=True)
            return os.path.join(folder, name)
