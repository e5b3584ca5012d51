"""The container: sections one after the other, an index, an optional header.

DwarFS format, "Container". An image is a row of sections; anything may stand before
the first one (a "header", such as a script that mounts the rest of the file). Offsets
inside the image count from the first section.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Literal, overload

import numpy as np
import numpy.typing as npt
import xxhash

from dwarfsmith.engine.dwarfs.image_source import (
    Bytes,
    FileSource,
    MemorySource,
    Source,
    StreamSource,
)
from dwarfsmith.engine.dwarfs.search import find_image
from dwarfsmith.engine.dwarfs.section import (
    CODEC_NONE,
    DIGEST_FROM,
    FILE_HEADER_V1_BYTES,
    FIRST_INDEX_MINOR,
    FIRST_V2_MINOR,
    HEADER_BYTES,
    HEADER_V1_BYTES,
    INDEX_OFFSET_BITS,
    MAGIC,
    MAJOR,
    NEWEST_MINOR,
    XXH3_FROM,
    Section,
    SectionType,
    seal_section,
    section_index,
    section_type_name,
    sha512_256,
)
from dwarfsmith.engine.errors import ChecksumError, FormatError, UnsupportedError

__all__ = [
    "CODEC_NONE",
    "HEADER_BYTES",
    "Bytes",
    "ImageFile",
    "Section",
    "SectionTable",
    "SectionType",
    "seal_section",
    "section_index",
    "section_type_name",
]

MAX_STORED_BYTES: dict[int, int] = {
    # Codecs that never fall back to storing may exceed the largest block a little.
    SectionType.BLOCK: (1 << 30) + (1 << 26),
    SectionType.METADATA_V2_SCHEMA: 1 << 20,
    SectionType.HISTORY: 1 << 26,
}
"""Longest stored payload read into memory; other types: `DEFAULT_MAX_STORED_BYTES`."""
DEFAULT_MAX_STORED_BYTES = 1 << 32

_OFFSET_MASK = (1 << INDEX_OFFSET_BITS) - 1
_MIN_INDEX_ENTRIES = 3
_CHECK_BYTES = 1 << 22


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
        self.offset = find_image(source) if offset == "auto" else offset
        self.end = source.size
        if image_size is not None:
            self.end = min(self.end, self.offset + image_size)
        self.major, self.minor = self._read_version()
        table = self._read_index() if self.minor >= FIRST_INDEX_MINOR else None
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
        source = FileSource(os.fsencode(path))
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
            source = MemorySource(data)
        else:
            source = StreamSource(data)
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
        if self.minor < FIRST_V2_MINOR:
            header = self._read_header(position, offset, HEADER_V1_BYTES)
            section = Section.from_header_v1(header, position, offset)
        else:
            header = self._read_header(position, offset, HEADER_BYTES)
            section = Section.from_header(header, offset)
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
            _compare_xxh3(section, xxhash.xxh3_64_intdigest(stored[XXH3_FROM:]))
        return stored[section.header_bytes :]

    def check_xxh3(self, section: Section) -> None:
        """Check a section's XXH3 checksum without holding its payload.

        Sections before version 2.2 have none and always pass.

        Raises:
            ChecksumError: The section does not match.
        """
        if section.xxh3 is not None:
            checksum = xxhash.xxh3_64()
            for part in self._parts(section.offset + XXH3_FROM, section.end):
                checksum.update(part)
            _compare_xxh3(section, checksum.intdigest())

    def check_digest(self, section: Section) -> None:
        """Check a section's SHA-512/256 digest without holding its payload.

        Sections before version 2.2 have none and always pass.

        Raises:
            ChecksumError: The section does not match.
        """
        if section.digest is not None:
            digest = sha512_256()
            for part in self._parts(section.offset + DIGEST_FROM, section.end):
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
        data = self._source.read_at(self.offset, FILE_HEADER_V1_BYTES)
        if len(data) < FILE_HEADER_V1_BYTES or not data.startswith(MAGIC):
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
        offset = FILE_HEADER_V1_BYTES if self.minor < FIRST_V2_MINOR else 0
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
        start = last & _OFFSET_MASK
        if last >> INDEX_OFFSET_BITS != SectionType.SECTION_INDEX:
            return None
        try:
            section = self.read_section(0, start)
            if not _is_index(section, size):
                return None
            entries = np.frombuffer(self.payload(section), "<u8")
        except FormatError:
            return None
        types = (entries >> np.uint64(INDEX_OFFSET_BITS)).astype(np.uint16)
        offsets = (entries & np.uint64(_OFFSET_MASK)).astype(np.int64)
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
