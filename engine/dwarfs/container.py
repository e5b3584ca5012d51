"""The container: sections one after the other, an index, an optional header.

DwarFS format, "Container". An image is a row of sections; anything may stand before
the first one (a "header", such as a script that mounts the rest of the file). Offsets
inside the image count from the first section.

Reading goes through `ImageFile`: it never maps the file, so an image that is cut short
while it is read gives an error and not a dead process.
"""

from __future__ import annotations

import enum
import hashlib
import io
import os
import struct
import threading
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import xxhash

from dwarfsmith.engine.errors import (
    ChecksumError,
    FormatError,
    InputError,
    NotAvailableError,
    UnsupportedError,
)
from dwarfsmith.engine.events import printable

Bytes: TypeAlias = bytes | bytearray | memoryview

MAGIC = b"DWARFS"
MAJOR = 2
MINOR = 5
"""The minor version we write."""
NEWEST_MINOR = 6
"""The newest minor version we read."""

_FIRST_V2_MINOR = 2
_FIRST_INDEX_MINOR = 4

HEADER_BYTES = 64
"""Size of a section header with checksums (version 2)."""
_HEADER = struct.Struct("<6sBB32sQIHHQ")
"""magic, major, minor, sha2_512_256, xxh3_64, number, type, compression, length."""
_DIGEST_FROM = 40
"""SHA-512/256 covers the section from here on."""
_XXH3_FROM = 48
"""XXH3 covers the section from here on."""
_COVERED_HEAD = struct.Struct("<IHHQ")

_FILE_HEADER_V1_BYTES = 8
_HEADER_V1 = struct.Struct("<HBxI")
"""type, compression, length."""

_INDEX_OFFSET_BITS = 48
_INDEX_OFFSET_MASK = (1 << _INDEX_OFFSET_BITS) - 1
_MIN_INDEX_ENTRIES = 3

_SEARCH_BYTES = 1 << 20
_CHECK_BYTES = 1 << 22


class SectionType(enum.IntEnum):
    """What a section holds; readers ignore sections of any other type."""

    BLOCK = 0
    METADATA_V2_SCHEMA = 7
    METADATA_V2 = 8
    SECTION_INDEX = 9
    HISTORY = 10


_KNOWN_TYPES = frozenset(SectionType)

CODEC_NONE = 0
_CODECS_V1 = range(5)
"""Compressions that existed before section headers had checksums."""

MAX_STORED_BYTES: dict[int, int] = {
    # Codecs that never fall back to storing may exceed the largest block a little.
    SectionType.BLOCK: (1 << 30) + (1 << 26),
    SectionType.METADATA_V2_SCHEMA: 1 << 20,
    SectionType.HISTORY: 1 << 26,
}
"""Longest stored payload read into memory; other types: `DEFAULT_MAX_STORED_BYTES`."""
DEFAULT_MAX_STORED_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class Section:
    """One section as its header describes it.

    `offset` is the position of the header relative to the first section, `length` the
    size of the stored payload. The checksums are None before version 2.2.
    """

    number: int
    type: int
    codec_id: int
    offset: int
    length: int
    header_bytes: int = HEADER_BYTES
    xxh3: int | None = None
    digest: bytes | None = None

    @property
    def type_name(self) -> str:
        """The type as the format calls it."""
        return section_type_name(self.type)

    @property
    def payload_offset(self) -> int:
        """Position of the payload relative to the first section."""
        return self.offset + self.header_bytes

    @property
    def end(self) -> int:
        """Position after the payload relative to the first section."""
        return self.payload_offset + self.length


def section_type_name(section_type: int) -> str:
    """Return the format's name of a section type, known or not."""
    if section_type in _KNOWN_TYPES:
        return SectionType(section_type).name
    return f"UNKNOWN ({section_type})"


# Writing ---------------------------------------------------------------------------


def _sha512_256() -> hashlib._Hash:
    try:
        return hashlib.new("sha512_256")
    except ValueError as error:
        raise NotAvailableError(
            "expected SHA-512/256, which every section needs, found a Python whose "
            "OpenSSL does not have it"
        ) from error


def seal_section(
    number: int, section_type: int, codec_id: int, payload: Bytes
) -> bytes:
    """Return the 64-byte header of a section with both checksums.

    Thread-safe; the payload is only read.

    Args:
        number: Position of the section in the image, the index included.
        section_type: A `SectionType`, or an unknown type that is copied on.
        codec_id: Compression of the payload.
        payload: The payload as stored.
    """
    view = memoryview(payload).cast("B")
    covered = _COVERED_HEAD.pack(number, section_type, codec_id, len(view))
    checksum = xxhash.xxh3_64(covered)
    checksum.update(view)
    xxh3 = checksum.intdigest()
    digest = _sha512_256()
    digest.update(xxh3.to_bytes(8, "little"))
    digest.update(covered)
    digest.update(view)
    return _HEADER.pack(
        MAGIC,
        MAJOR,
        MINOR,
        digest.digest(),
        xxh3,
        number,
        section_type,
        codec_id,
        len(view),
    )


def section_index(types: Sequence[int], offsets: Sequence[int], end: int) -> bytes:
    """Return the whole index section, header and payload.

    Args:
        types: Type of each section before the index, in order.
        offsets: Position of each of their headers, relative to the first section.
        end: Where they end, and the index begins.
    """
    entries = np.empty(len(types) + 1, "<u8")
    entries[:-1] = types
    entries[-1] = SectionType.SECTION_INDEX
    entries <<= np.uint64(_INDEX_OFFSET_BITS)
    entries[:-1] |= np.asarray(offsets, np.uint64)
    entries[-1] |= np.uint64(end)
    payload = entries.tobytes()
    header = seal_section(len(types), SectionType.SECTION_INDEX, CODEC_NONE, payload)
    return header + payload


# Reading ---------------------------------------------------------------------------


class Source(Protocol):
    """Something an image is read from; `read_at` may be called by several threads."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes there; fewer only where the source ends."""

    def next_data(self, offset: int) -> int:
        """Return the first position from `offset` on that is not in a hole."""

    def close(self) -> None:
        """Let go of what was opened."""


class _Descriptor:
    """A file or block device read by position, without a shared file position."""

    def __init__(self, path: bytes) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            self.close()
            raise

    def read_at(self, offset: int, length: int) -> bytes:
        data = os.pread(self._descriptor, length, offset)
        if len(data) in (0, length):
            return data
        parts = [data]  # the kernel returns at most 2 GiB, and may be interrupted
        done = len(data)
        while done < length:
            data = os.pread(self._descriptor, length - done, offset + done)
            if not data:
                break
            parts.append(data)
            done += len(data)
        return b"".join(parts)

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


class _Stream:
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


class _Memory:
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


class SectionTable(Sequence[Section]):
    """All sections of an image as columns; a section's header is read when asked for.

    `types` u2, `offsets` and `lengths` i8 have one element per section. They come from
    the index, if there is a valid one, so that opening an image of any size touches
    little of it.
    """

    def __init__(
        self,
        image: ImageFile,
        types: npt.NDArray[np.uint16],
        offsets: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int64],
    ) -> None:
        self.types = types
        self.offsets = offsets
        self.lengths = lengths
        self._image = image

    def __len__(self) -> int:
        return len(self.types)

    @overload
    def __getitem__(self, index: int) -> Section: ...
    @overload
    def __getitem__(self, index: slice) -> list[Section]: ...
    def __getitem__(self, index: int | slice) -> Section | list[Section]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        section = self._image.read_section(position, int(self.offsets[position]))
        listed = int(self.types[position]), int(self.lengths[position])
        if listed != (section.type, section.length):
            raise FormatError(
                f"expected a section of type {listed[0]} with {listed[1]} bytes as "
                f"listed, found type {section.type} with {section.length} bytes, at "
                f"section {position}"
            )
        return section


class ImageFile:
    """An opened image: its version and its sections.

    Attributes:
        offset: Size of the header; where the first section is in the file.
        end: Where the image ends in the file.
        major: Major version, from the first section.
        minor: Minor version, from the first section.
        sections: The sections in file order, a valid index included.
        has_index: Whether the sections come from a valid section index.
    """

    def __init__(
        self,
        source: Source,
        *,
        offset: int | Literal["auto"] = "auto",
        image_size: int | None = None,
    ) -> None:
        """Find the image in `source` and list its sections.

        Args:
            source: What to read from; closed by `close`.
            offset: Where the image begins, or "auto" to search for it.
            image_size: Size of the image, if the file goes on after it.

        Raises:
            FormatError: There is no image, or its sections do not fit the file.
            UnsupportedError: Its version is unknown.
        """
        self._source = source
        self.offset = _find_image(source) if offset == "auto" else offset
        self.end = source.size
        if image_size is not None:
            self.end = min(self.end, self.offset + image_size)
        self.major, self.minor = self._read_version()
        table = self._read_index() if self.minor >= _FIRST_INDEX_MINOR else None
        self.has_index = table is not None
        self.sections = table if table is not None else self._scan()

    @classmethod
    def open(
        cls,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        offset: int | Literal["auto"] = "auto",
        image_size: int | None = None,
    ) -> ImageFile:
        """Open an image file or a block device; see `ImageFile` for the arguments.

        Raises:
            InputError: It cannot be opened.
            FormatError: It is no image we can read.
        """
        name = os.fsencode(path)
        try:
            source = _Descriptor(name)
        except OSError as error:
            raise InputError(
                f"cannot open image {printable(name)}: {error.strerror}"
            ) from error
        try:
            return cls(source, offset=offset, image_size=image_size)
        except BaseException:
            source.close()
            raise

    @classmethod
    def over(
        cls,
        data: Bytes | BinaryIO,
        *,
        offset: int | Literal["auto"] = "auto",
        image_size: int | None = None,
    ) -> ImageFile:
        """Open an image in memory or in a seekable file object that stays open."""
        source: Source
        if isinstance(data, bytes | bytearray | memoryview):
            source = _Memory(data)
        else:
            source = _Stream(data)
        return cls(source, offset=offset, image_size=image_size)

    def close(self) -> None:
        """Close the file; sections can no longer be read."""
        self._source.close()

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Sections

    def of_type(self, section_type: int) -> list[Section]:
        """Return the sections of one type, in file order."""
        found = np.flatnonzero(self.sections.types == section_type)
        return [self.sections[int(position)] for position in found]

    def only(self, section_type: int) -> Section:
        """Return the one section of a type that must be there exactly once.

        Raises:
            FormatError: There is none, or more than one.
        """
        count = int(np.count_nonzero(self.sections.types == section_type))
        if count != 1:
            raise FormatError(
                f"expected one section {section_type_name(section_type)}, "
                f"found {count}, among {len(self.sections)} sections"
            )
        return self.of_type(section_type)[0]

    def read_section(self, position: int, offset: int) -> Section:
        """Read a section's header.

        Args:
            position: Its place in file order, which v1 sections do not store.
            offset: Where its header is, relative to the first section.

        Raises:
            FormatError: There is no section there that fits the image.
        """
        if self.minor < _FIRST_V2_MINOR:
            section = self._read_section_v1(position, offset)
        else:
            section = self._read_section_v2(position, offset)
        if self.offset + section.end > self.end:
            raise FormatError(
                f"expected {section.length} bytes in section {position} "
                f"({section.type_name}), found "
                f"{self.end - self.offset - section.payload_offset}, at the end of "
                "the image"
            )
        return section

    def payload(self, section: Section, *, verify: bool = True) -> memoryview:
        """Return a section's stored payload.

        Args:
            section: One of this image's sections.
            verify: Check the XXH3 checksum; without effect before version 2.2.

        Raises:
            ChecksumError: The payload does not match.
            FormatError: The payload is implausibly long or the file became shorter.
        """
        limit = _max_stored_bytes(section.type)
        if section.length > limit:
            raise FormatError(
                f"expected at most {limit} bytes, found {section.length}, "
                f"at section {section.number} ({section.type_name})"
            )
        size = section.header_bytes + section.length
        stored = memoryview(self._read(section.offset, size))
        if verify and section.xxh3 is not None:
            _compare_xxh3(section, xxhash.xxh3_64_intdigest(stored[_XXH3_FROM:]))
        return stored[section.header_bytes :]

    def check_xxh3(self, section: Section) -> None:
        """Check a section's XXH3 checksum without holding its payload.

        Sections before version 2.2 have none and always pass.

        Raises:
            ChecksumError: The section does not match.
        """
        if section.xxh3 is not None:
            checksum = xxhash.xxh3_64()
            for part in self._parts(section.offset + _XXH3_FROM, section.end):
                checksum.update(part)
            _compare_xxh3(section, checksum.intdigest())

    def check_digest(self, section: Section) -> None:
        """Check a section's SHA-512/256 digest without holding its payload.

        Sections before version 2.2 have none and always pass.

        Raises:
            ChecksumError: The section does not match.
        """
        if section.digest is not None:
            digest = _sha512_256()
            for part in self._parts(section.offset + _DIGEST_FROM, section.end):
                digest.update(part)
            if digest.digest() != section.digest:
                raise ChecksumError(
                    f"expected SHA-512/256 {section.digest.hex()}, found "
                    f"{digest.hexdigest()}, at section {section.number} "
                    f"({section.type_name})"
                )

    def header_parts(self) -> Iterator[bytes]:
        """Yield the bytes before the image, in pieces."""
        yield from self._parts(-self.offset, 0)

    # Internals

    def _read(self, offset: int, length: int) -> bytes:
        data = self._source.read_at(self.offset + offset, length)
        if len(data) != length:
            raise FormatError(
                f"expected {length} bytes, found {len(data)}, "
                f"at offset {offset} of the image"
            )
        return data

    def _parts(self, start: int, end: int) -> Iterator[bytes]:
        for offset in range(start, end, _CHECK_BYTES):
            yield self._read(offset, min(_CHECK_BYTES, end - offset))

    def _read_version(self) -> tuple[int, int]:
        data = self._source.read_at(self.offset, _FILE_HEADER_V1_BYTES)
        if len(data) < _FILE_HEADER_V1_BYTES or not data.startswith(MAGIC):
            raise FormatError(
                f"expected {MAGIC!r}, found {data[: len(MAGIC)]!r}, "
                f"at offset {self.offset} of the file"
            )
        major, minor = data[6], data[7]
        if major != MAJOR:
            raise UnsupportedError(
                f"expected major version {MAJOR}, found {major}, "
                f"at offset {self.offset} of the file"
            )
        if minor > NEWEST_MINOR:
            raise UnsupportedError(
                f"expected a minor version up to {NEWEST_MINOR}, found {minor}, "
                f"at offset {self.offset} of the file"
            )
        return major, minor

    def _read_section_v1(self, position: int, offset: int) -> Section:
        data = self._read_header(position, offset, _HEADER_V1.size)
        section_type, codec_id, length = _HEADER_V1.unpack(data)
        if section_type not in _KNOWN_TYPES or codec_id not in _CODECS_V1:
            raise FormatError(
                "expected a known section type and compression, found "
                f"{section_type} and {codec_id}, at section {position}"
            )
        return Section(
            number=position,
            type=section_type,
            codec_id=codec_id,
            offset=offset,
            length=length,
            header_bytes=_HEADER_V1.size,
        )

    def _read_section_v2(self, position: int, offset: int) -> Section:
        data = self._read_header(position, offset, HEADER_BYTES)
        magic, _, _, digest, xxh3, number, section_type, codec_id, length = (
            _HEADER.unpack(data)
        )
        if magic != MAGIC:
            raise FormatError(
                f"expected {MAGIC!r}, found {magic!r}, at section {position}"
            )
        return Section(
            number=number,
            type=section_type,
            codec_id=codec_id,
            offset=offset,
            length=length,
            xxh3=xxh3,
            digest=digest,
        )

    def _read_header(self, position: int, offset: int, size: int) -> bytes:
        room = self.end - self.offset - offset
        if room < size:
            raise FormatError(
                f"expected a section header of {size} bytes, found {max(room, 0)} "
                f"bytes, at section {position}"
            )
        return self._read(offset, size)

    def _scan(self) -> SectionTable:
        """List the sections by going from header to header."""
        types, offsets, lengths = array("H"), array("q"), array("q")
        offset = _FILE_HEADER_V1_BYTES if self.minor < _FIRST_V2_MINOR else 0
        size = self.end - self.offset
        while offset < size:
            section = self.read_section(len(types), offset)
            types.append(section.type)
            offsets.append(offset)
            lengths.append(section.length)
            offset = section.end
        return SectionTable(
            self,
            np.array(types, np.uint16),
            np.array(offsets, np.int64),
            np.array(lengths, np.int64),
        )

    def _read_index(self) -> SectionTable | None:
        """Return the sections as the index lists them, None without a valid index."""
        size = self.end - self.offset
        if size < HEADER_BYTES + 8 * _MIN_INDEX_ENTRIES:
            return None
        last = int.from_bytes(self._read(size - 8, 8), "little")
        start = last & _INDEX_OFFSET_MASK
        if last >> _INDEX_OFFSET_BITS != SectionType.SECTION_INDEX:
            return None
        try:
            section = self._read_section_v2(0, start)
            if not _is_index(section, size):
                return None
            entries = np.frombuffer(self.payload(section), "<u8")
        except FormatError:
            return None
        types = (entries >> np.uint64(_INDEX_OFFSET_BITS)).astype(np.uint16)
        offsets = (entries & np.uint64(_INDEX_OFFSET_MASK)).astype(np.int64)
        lengths = np.diff(offsets, append=size) - HEADER_BYTES
        if offsets[0] != 0 or (lengths < 0).any():
            return None
        return SectionTable(self, types, offsets, lengths)


def _is_index(section: Section, size: int) -> bool:
    return (
        section.type == SectionType.SECTION_INDEX
        and section.codec_id == CODEC_NONE
        and section.length % 8 == 0
        and section.length >= 8 * _MIN_INDEX_ENTRIES
        and section.end == size
    )


def _max_stored_bytes(section_type: int) -> int:
    return MAX_STORED_BYTES.get(section_type, DEFAULT_MAX_STORED_BYTES)


def _compare_xxh3(section: Section, found: int) -> None:
    if found != section.xxh3:
        raise ChecksumError(
            f"expected XXH3 {section.xxh3:016x}, found {found:016x}, "
            f"at section {section.number} ({section.type_name})"
        )


# Searching -------------------------------------------------------------------------

_NEEDLE = MAGIC + bytes([MAJOR])


def _find_image(source: Source) -> int:
    """Return where the image begins, after a header of any size.

    Raises:
        FormatError: There is no image.
    """
    offset = 0
    while (offset := source.next_data(offset)) < source.size:
        data = source.read_at(offset, _SEARCH_BYTES)
        hit = data.find(_NEEDLE)
        while hit >= 0:
            if _is_image(source, offset + hit):
                return offset + hit
            hit = data.find(_NEEDLE, hit + len(_NEEDLE))
        if len(data) < _SEARCH_BYTES:
            break
        offset += len(data) - len(_NEEDLE) + 1
    raise FormatError(
        f"expected a DwarFS image, found none, in {source.size} bytes searched"
    )


def _is_image(source: Source, position: int) -> bool:
    """Tell whether two sections in a row begin at `position`."""
    minor = source.read_at(position + len(_NEEDLE), 1)
    if not minor:
        return False
    if minor[0] < _FIRST_V2_MINOR:
        return _is_image_v1(source, position + _FILE_HEADER_V1_BYTES)
    first = source.read_at(position, HEADER_BYTES)
    if len(first) < HEADER_BYTES:
        return False
    number, _, _, length = _COVERED_HEAD.unpack_from(first, _XXH3_FROM)
    after = position + HEADER_BYTES + length
    if number != 0 or after + HEADER_BYTES > source.size:
        return False
    second = source.read_at(after, HEADER_BYTES)
    return (
        len(second) == HEADER_BYTES
        and second.startswith(_NEEDLE)
        and _COVERED_HEAD.unpack_from(second, _XXH3_FROM)[0] == 1
    )


def _is_image_v1(source: Source, position: int) -> bool:
    opening = (SectionType.BLOCK, SectionType.METADATA_V2_SCHEMA)
    first = source.read_at(position, _HEADER_V1.size)
    if len(first) < _HEADER_V1.size:
        return False
    section_type, codec_id, length = _HEADER_V1.unpack(first)
    if section_type not in opening or codec_id not in _CODECS_V1 or not length:
        return False
    second = source.read_at(position + _HEADER_V1.size + length, _HEADER_V1.size)
    if len(second) < _HEADER_V1.size:
        return False
    next_type, codec_id, length = _HEADER_V1.unpack(second)
    expected: tuple[SectionType, ...] = opening
    if section_type == SectionType.METADATA_V2_SCHEMA:
        expected = (SectionType.METADATA_V2,)
    return next_type in expected and codec_id in _CODECS_V1 and length > 0
