"""What an image is read from: a file, a file object, or memory.

None of them maps the file: one that is cut short while it is read gives fewer bytes
and not a dead process.
"""

# ruff: noqa: D102 -- what the methods do is said once, in `Source`.

from __future__ import annotations

import io
import os
import threading
from typing import BinaryIO, Protocol, TypeAlias

from dwarfsmith.engine.errors import InputError
from dwarfsmith.engine.events import printable

Bytes: TypeAlias = bytes | bytearray | memoryview


class Source(Protocol):
    """Something an image is read from; `read_at` may be called by several threads."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes there; fewer only where the source ends."""

    def next_data(self, offset: int) -> int:
        """Return the first position from `offset` on that is not in a hole."""

    def close(self) -> None:
        """Let go of what was opened."""


class FileSource:
    """A file or block device read by position, without a shared file position."""

    def __init__(self, path: bytes) -> None:
        """Open a file.

        Raises:
            InputError: It cannot be opened, or has no positions to read from.
        """
        self._descriptor = -1
        try:
            # A pipe must not make us wait for a writer.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError as error:
            self.close()
            raise InputError(
                f"cannot open image {printable(path)}: {error.strerror}"
            ) from error

    def read_at(self, offset: int, length: int) -> bytes:
        parts = []
        while length:  # the system returns 2 GiB at most, and may be interrupted
            try:
                data = os.pread(self._descriptor, length, offset)
            except OSError as error:
                raise InputError(
                    f"cannot read image at byte {offset}: {error.strerror}"
                ) from error
            if not data:
                break
            parts.append(data)
            offset += len(data)
            length -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def next_data(self, offset: int) -> int:
        if not hasattr(os, "SEEK_DATA"):
            return offset
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError:
            return self.size if self._is_hole_to_end(offset) else offset

    def _is_hole_to_end(self, offset: int) -> bool:
        # A file system without holes fails both ways; a trailing hole only one.
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_HOLE) == offset
        except OSError:
            return False

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class StreamSource:
    """A seekable binary file object."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)

    def next_data(self, offset: int) -> int:
        return offset

    def close(self) -> None:
        """Leave the file open: it is the caller's."""


class MemorySource:
    """Bytes in memory."""

    def __init__(self, data: Bytes) -> None:
        self._view = memoryview(data).cast("B")
        self.size = len(self._view)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self._view[offset : offset + length])

    def next_data(self, offset: int) -> int:
        return offset

    def close(self) -> None:
        self._view.release()
