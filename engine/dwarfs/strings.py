"""String tables: names and symlink targets as columns, and as an image stores them.

DwarFS format, "String tables".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Strings(Sequence[bytes]):
    """Byte strings as two columns.

    `text` (u1) holds all strings one after the other, `offsets` (i8, one element more
    than there are strings) where each begins; string i is
    `text[offsets[i]:offsets[i + 1]]`. The first offset is 0, the last `len(text)`.
    """

    text: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, items: Sequence[bytes]) -> Strings:
        """Return a few strings as columns."""
        sizes = np.fromiter(map(len, items), np.int64, len(items))
        text = np.frombuffer(b"".join(items), np.uint8)
        return cls(text, offsets_of(sizes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        return self.text[self.offsets[position] : self.offsets[position + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        text = self.text.tobytes()
        start = 0
        for end in self.offsets[1:].tolist():
            yield text[start:end]
            start = end

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Length of each string in bytes."""
        return np.diff(self.offsets)


def offsets_of(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where pieces of these sizes begin, and after them where they end."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


@dataclass(frozen=True, slots=True, eq=False)
class StringTable:
    """A compact string table as stored; `unpack` gives its strings.

    `index` (u4) holds offsets, or sizes if `packed_index`, of the strings in
    `buffer`. With a `symtab` each of them is FSST-compressed.
    """

    buffer: bytes = b""
    symtab: bytes | None = None
    index: npt.NDArray[np.uint32] = field(
        default_factory=lambda: np.zeros(1, np.uint32)
    )
    packed_index: bool = False
