"""String tables: names and symlink targets as columns, and as an image stores them.

DwarFS format, "String tables".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.errors import FormatError, OutputError, UnsupportedError
from dwarfsmith.engine.kernels import fsst
from dwarfsmith.engine.kernels import strings as kernel

MAX_NAME_BYTES = 512
"""Longest stored name."""
MAX_TARGET_BYTES = 4096
"""Longest stored symlink target."""

_MAX_SYMBOLS = 255
_MAX_OFFSET = 0xFFFFFFFF


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


def precedes(
    strings: Strings, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell for pairs of strings whether the left one sorts before the right one.

    Args:
        strings: The strings.
        left: Index of the left string of each pair.
        right: Index of the right string.

    Returns:
        A boolean for each pair; equal strings do not precede each other.
    """
    result = np.empty(len(left), np.bool_)
    kernel.precedes(strings.text, strings.offsets, left, right, result.view(np.uint8))
    return result


def unpack(table: StringTable, what: str, longest: int) -> Strings:
    """Return the strings of a stored table.

    Args:
        table: The table; not trusted.
        what: What the strings are, for messages.
        longest: The most bytes of one stored string.

    Raises:
        FormatError: The table contradicts itself or has a longer string.
        UnsupportedError: It is compressed in a way we do not know.
    """
    stored = Strings(
        np.frombuffer(table.buffer, np.uint8), _stored_offsets(table, what)
    )
    check_longest(stored, what, longest)
    if table.symtab is None:
        return stored
    symbols = decode_symtab(table.symtab, what)
    offsets = np.empty_like(stored.offsets)
    try:
        size = fsst.measure(symbols, stored.text, stored.offsets, offsets)
    except ValueError as error:
        raise FormatError(
            f"expected FSST codes, found that {error}, in {what}"
        ) from None
    text = np.empty(size, np.uint8)  # a code stands for 8 bytes at most
    fsst.decode(symbols, stored.text, stored.offsets, text)
    return Strings(text, offsets)


def pack(
    strings: Strings,
    *,
    compress: bool = False,
    force: bool = False,
    packed_index: bool = False,
) -> StringTable:
    """Return strings as a compact table.

    Args:
        strings: The strings.
        compress: Use FSST if it makes the table smaller.
        force: Use FSST even if it does not, unless there is nothing to compress.
        packed_index: Store sizes instead of offsets.

    Raises:
        OutputError: There are 4 GiB of strings or more.
    """
    stored, symtab = strings, None
    if (compress or force) and len(strings.text):
        symbols = _in_stored_order(fsst.train(strings.text, strings.offsets))
        compressed = _compress(symbols, strings)
        size = len(encode_symtab(symbols)) + len(compressed.text)
        if force or size < len(strings.text):
            stored, symtab = compressed, encode_symtab(symbols)
    if len(stored.text) > _MAX_OFFSET:
        raise OutputError(
            f"expected at most {_MAX_OFFSET} bytes of names or link targets, "
            f"found {len(stored.text)}"
        )
    index = stored.sizes if packed_index else stored.offsets
    return StringTable(
        buffer=stored.text.tobytes(),
        symtab=symtab,
        index=index.astype(np.uint32),
        packed_index=packed_index,
    )


def check_longest(strings: Strings, what: str, longest: int) -> None:
    """Make sure that no string is longer than the format allows.

    Raises:
        FormatError: One is.
    """
    sizes = strings.sizes
    if len(sizes) and sizes.max() > longest:
        raise FormatError(
            f"expected at most {longest} bytes, found {sizes.max()}, "
            f"at string {sizes.argmax()} of the {what}"
        )


def _stored_offsets(table: StringTable, what: str) -> npt.NDArray[np.int64]:
    index = table.index.astype(np.int64)
    if table.packed_index:
        index = offsets_of(index)
    elif not len(index):
        index = np.zeros(1, np.int64)  # a table that was never filled
    if index[0] != 0 or index[-1] != len(table.buffer) or (np.diff(index) < 0).any():
        raise FormatError(
            f"expected offsets that rise from 0 to {len(table.buffer)}, "
            f"found {index[0]} to {index[-1]}, in the {what}"
        )
    return index


def _compress(symbols: list[bytes], strings: Strings) -> Strings:
    out = np.empty(2 * len(strings.text), np.uint8)
    offsets = np.empty_like(strings.offsets)
    size = fsst.encode(symbols, strings.text, strings.offsets, out, offsets)
    return Strings(out[:size], offsets)


# The symbol table ------------------------------------------------------------------

_MARK = 1
_VERSION = bytes.fromhex("0a143401")
_HEAD = struct.Struct("<BB2x4sB8s")
"""mark, symbols, encoder's parameters, version, zero-terminated, symbols per size."""
_STORED_SIZES = (2, 3, 4, 5, 6, 7, 8, 1)
"""The order in which symbols are stored, by their size."""


def _in_stored_order(symbols: list[bytes]) -> list[bytes]:
    return sorted(
        symbols, key=lambda symbol: (_STORED_SIZES.index(len(symbol)), symbol)
    )


def encode_symtab(symbols: list[bytes]) -> bytes:
    """Return a symbol table as stored; the symbols' sizes are in stored order."""
    counts = [0] * 8
    for symbol in symbols:
        counts[len(symbol) - 1] += 1
    head = _HEAD.pack(_MARK, len(symbols), _VERSION, 0, bytes(counts))
    return head + b"".join(symbols)


def decode_symtab(symtab: bytes, what: str) -> list[bytes]:
    """Return the symbols by code.

    Raises:
        FormatError: The table contradicts itself.
        UnsupportedError: Its version or its handling of zeros is unknown.
    """
    if len(symtab) < _HEAD.size:
        raise FormatError(
            f"expected a symbol table of {_HEAD.size} bytes or more, "
            f"found {len(symtab)}, in the {what}"
        )
    mark, count, version, zero_terminated, counts = _HEAD.unpack_from(symtab)
    if mark != _MARK or version != _VERSION or zero_terminated & 1:
        raise UnsupportedError(
            f"expected a symbol table of version {_VERSION.hex()} without "
            f"terminators, found {symtab[: _HEAD.size].hex()}, in the {what}"
        )
    size = _HEAD.size + sum(times * length for length, times in enumerate(counts, 1))
    if count > _MAX_SYMBOLS or count != sum(counts) or size != len(symtab):
        raise FormatError(
            f"expected {count} symbols in {len(symtab)} bytes, found {sum(counts)} "
            f"in {size}, in the {what}"
        )
    symbols, start = [], _HEAD.size
    for length in _STORED_SIZES:
        end = start + length * counts[length - 1]
        symbols += [symtab[at : at + length] for at in range(start, end, length)]
        start = end
    return symbols
