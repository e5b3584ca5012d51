"""Writes an image section by section.

In: payloads in the order in which their sections were announced. Out: the bytes of
an image, given to a `write` function that need not be able to seek.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from dwarfsmith.engine.codecs import Data
from dwarfsmith.engine.dwarfs.container import (
    HEADER_BYTES,
    SectionType,
    seal_section,
    section_index,
)

Seal = Callable[[int, Data], bytes]
"""Makes a section header from a compression id and a payload; thread-safe."""


class ImageWriter:
    """The row of sections that is an image.

    Sections are announced by `announce`, in the order in which they will stand, and
    written by `append` in that same order. Between the two, the returned function
    makes the header, on any thread.

    Args:
        write: Takes all of the bytes it is given.
    """

    def __init__(self, write: Callable[[Data], None]) -> None:
        self._write = write
        self._announced = 0
        self._waiting: deque[SectionType] = deque()
        self._lock = threading.Lock()
        self._types: list[int] = []
        self._offsets: list[int] = []
        self.size = 0
        """Bytes written so far."""
        self.stored: dict[SectionType, int] = {}
        """Bytes written per section type, headers included."""

    @property
    def announced(self) -> int:
        """How many sections have been announced."""
        return self._announced

    def announce(self, section_type: SectionType) -> Seal:
        """Reserve the next place for a section; return what makes its header."""
        with self._lock:
            number = self._announced
            self._announced += 1
            self._waiting.append(section_type)
        return lambda codec_id, payload: seal_section(
            number, section_type, codec_id, payload
        )

    def append(self, header: bytes, payload: Data) -> SectionType:
        """Write the next announced section; return its type."""
        with self._lock:
            section_type = self._waiting.popleft()
        self._types.append(section_type)
        self._offsets.append(self.size)
        self._write(header)
        self._write(payload)
        length = HEADER_BYTES + len(payload)
        self.size += length
        self.stored[section_type] = self.stored.get(section_type, 0) + length
        return section_type

    def append_index(self) -> None:
        """Write the section index; nothing may follow it."""
        index = section_index(self._types, self._offsets, self.size)
        self._write(index)
        self.size += len(index)
