"""What all codecs share: ids, options, and the shape of a codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol, TypeAlias

from dwarfsmith.engine.errors import CodecError, UsageError

Data: TypeAlias = bytes | bytearray | memoryview
"""A contiguous, one-dimensional buffer of bytes."""

Options: TypeAlias = Mapping[str, int | str]
"""Options as given; a flag that is set has the value 1."""

Metadata: TypeAlias = Mapping[str, object]
"""What a category knows of its data, as in the JSON an image stores."""

Requirement: TypeAlias = range | tuple[str, ...]
"""The numbers, or the words, that a value of the metadata may be."""


class CodecId(IntEnum):
    """How a section's payload is stored (DwarFS format, compression ids)."""

    NONE = 0
    LZMA = 1
    ZSTD = 2
    LZ4 = 3
    LZ4HC = 4
    """Never written; decodes as `LZ4`."""
    BROTLI = 5
    FLAC = 6
    RICEPP = 7


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a compressor: a number, one of a few words, or a flag."""

    name: str
    numbers: range | None = None
    """Allowed numbers."""
    words: Sequence[str] = ()
    """Allowed words; neither numbers nor words: a flag."""

    def parse(self, algorithm: str, value: str | None) -> int | str:
        """Return the value of `value`, the text after `=`, None if there is none.

        Raises:
            UsageError: A value that is missing, superfluous or out of range.
        """
        where = f"option '{self.name}' of compressor '{algorithm}'"
        if self.numbers is None and not self.words:
            if value is not None:
                raise UsageError(f"{where} takes no value, found '{value}'")
            return 1
        if value is None:
            raise UsageError(f"{where} needs a value")
        if self.words:
            if value not in self.words:
                raise UsageError(
                    f"{where} expects one of {', '.join(self.words)}, found '{value}'"
                )
            return value
        return self._number(where, value)

    def _number(self, where: str, value: str) -> int:
        assert self.numbers is not None
        digits = value.removeprefix("-")
        number = int(value) if digits.isascii() and digits.isdigit() else None
        if number is None or number not in self.numbers:
            raise UsageError(
                f"{where} expects a number from {self.numbers.start} to "
                f"{self.numbers.stop - 1}, found '{value}'"
            )
        return number


class Codec(ABC):
    """A compressor with its options; one object serves any number of threads."""

    name: ClassVar[str]
    """As on the command line."""
    codec_id: ClassVar[CodecId]
    """The compression id of sections it makes."""
    granularity = 1
    """Block sizes are multiples of this many bytes."""
    requirements: ClassVar[Mapping[str, Requirement]] = {}
    """What `bind` wants to know, by key of the metadata."""
    shown: Mapping[str, int | str]
    """The options `describe` names, in order; flags have the value True."""

    def __init__(self, shown: Mapping[str, int | str] | None = None) -> None:
        self.shown = shown or {}

    def describe(self) -> str:
        """Return the codec for a log line, such as `zstd [level=22]`."""
        if not self.shown:
            return self.name
        words = (
            name if value is True else f"{name}={value}"
            for name, value in self.shown.items()
        )
        return f"{self.name} [{', '.join(words)}]"

    def bind(self, metadata: Metadata) -> Codec:
        """Return the codec for data of which `metadata` is known, `{}` if nothing is.

        Most codecs know no data better than other, and return themselves.

        Raises:
            UsageError: The metadata does not meet the requirements.
        """
        return self

    @abstractmethod
    def compress(self, data: Data) -> bytes | None:
        """Return the payload for `data`; None: no gain, store it as it is.

        Raises:
            CodecError: The library refuses.
        """


class CategoryCodec(Codec):
    """A codec that must be bound to the metadata of a category to compress."""

    def check(self, metadata: Metadata) -> None:
        """Check `metadata` against the requirements.

        Raises:
            UsageError: There is none, or a value is missing or not allowed.
        """
        if not metadata:
            raise self._no_category()
        for key, allowed in self.requirements.items():
            value = metadata.get(key)
            kind = int if isinstance(allowed, range) else str
            if type(value) is not kind or value not in allowed:
                found = "none" if value is None else repr(value)
                raise UsageError(
                    f"compressor '{self.describe()}' needs data with '{key}' "
                    f"{_allowed(allowed)}, found {found}"
                )

    def compress(self, data: Data) -> bytes | None:
        """Refuse: nothing is known of the data."""
        raise self._no_category()

    def _no_category(self) -> UsageError:
        return UsageError(
            f"compressor '{self.describe()}' cannot be used without a category "
            f"that knows the form of its data"
        )


def _allowed(requirement: Requirement) -> str:
    if isinstance(requirement, range):
        first, last = requirement[0], requirement[-1]
        return f"from {first} to {last}" if first < last else f"of {first}"
    return f"of {' or '.join(requirement)}"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A compressor as the command line knows it."""

    options: tuple[Option, ...]
    make: Callable[[Options], Codec]


class CodecModule(Protocol):
    """What a module of this room offers."""

    ALGORITHMS: Mapping[str, Algorithm]

    def decompress(self, payload: Data, max_size: int) -> bytes:
        """Return the data of `payload`, at most `max_size` bytes."""
        ...

    def uncompressed_size(self, payload: Data) -> int | None:
        """Return what the payload says about its size; None if it says nothing."""
        ...


class CategoryCodecModule(CodecModule, Protocol):
    """What a module with a `CategoryCodec` offers."""

    def metadata(self, payload: Data) -> dict[str, int | str]:
        """Return what the payload says about the form of its data."""
        ...


def check_size(size: int, max_size: int, codec: str) -> int:
    """Return `size` if it is allowed.

    Raises:
        CodecError: It is more than `max_size`.
    """
    if size > max_size:
        raise CodecError(
            f"expected at most {max_size} bytes of {codec} data, found {size}"
        )
    return size


def split_varint(payload: Data, codec: str) -> tuple[int, memoryview]:
    """Split a leading unsigned LEB128 size from `payload`.

    Raises:
        CodecError: It does not end within ten bytes.
    """
    size = 0
    for index, byte in enumerate(payload[:10]):
        size |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return size, memoryview(payload)[index + 1 :]
    raise CodecError(f"expected a size before the {codec} data, found none")


def varint(number: int) -> bytes:
    """Return `number` as unsigned LEB128."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
