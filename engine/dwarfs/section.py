"""Sections: the typed, checksummed parts of an image, and their headers.

DwarFS format, "Section header v2", "Section header v1", "Section index".
"""

from __future__ import annotations

import enum
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xxhash

from dwarfsmith.engine.dwarfs.image_source import Bytes
from dwarfsmith.engine.errors import FormatError, NotAvailableError

MAGIC = b"DWARFS"
MAJOR = 2
MINOR = 5
"""The minor version we write."""
NEWEST_MINOR = 6
"""The newest minor version we read."""

FIRST_V2_MINOR = 2
"""Images before this have section headers without checksums (version 1)."""
FIRST_INDEX_MINOR = 4
"""Images before this have no section index."""

HEADER_BYTES = 64
"""Size of a section header with checksums (version 2)."""
HEADER_V1_BYTES = 8
FILE_HEADER_V1_BYTES = 8
"""Size of what stands before the first section of images with such headers."""

_HEADER = struct.Struct("<6sBB32sQIHHQ")
"""magic, major, minor, sha2_512_256, xxh3_64, number, type, compression, length."""
_COVERED_HEAD = struct.Struct("<IHHQ")
"""The last four of these."""
_HEADER_V1 = struct.Struct("<HBxI")
"""type, compression, length."""

DIGEST_FROM = 40
"""SHA-512/256 covers a section from this byte on."""
XXH3_FROM = 48
"""XXH3 covers a section from this byte on."""

INDEX_OFFSET_BITS = 48
"""The bits of an index entry that are an offset; those above are a type."""


class SectionType(enum.IntEnum):
    """What a section holds; readers ignore sections of any other type."""

    BLOCK = 0
    METADATA_V2_SCHEMA = 7
    METADATA_V2 = 8
    SECTION_INDEX = 9
    HISTORY = 10


_KNOWN_TYPES = frozenset(SectionType)

CODEC_NONE = 0
CODECS_V1 = range(5)
"""Compressions that existed before section headers had checksums."""


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

    @classmethod
    def from_header(cls, data: bytes, offset: int) -> Section:
        """Return the section that a header of version 2 describes.

        Args:
            data: The header, `HEADER_BYTES` long.
            offset: Where it is, relative to the first section.

        Raises:
            FormatError: It is no such header.
        """
        magic, _, _, digest, xxh3, number, section_type, codec_id, length = (
            _HEADER.unpack(data)
        )
        if magic != MAGIC:
            raise FormatError(
                f"expected {MAGIC!r}, found {magic!r}, at offset {offset} of the image"
            )
        return cls(
            number=number,
            type=section_type,
            codec_id=codec_id,
            offset=offset,
            length=length,
            xxh3=xxh3,
            digest=digest,
        )

    @classmethod
    def from_header_v1(cls, data: bytes, number: int, offset: int) -> Section:
        """Return the section that a header of version 1 describes.

        Args:
            data: The header, `HEADER_V1_BYTES` long.
            number: Position of the section, which is not stored.
            offset: Where it is, relative to the first section.

        Raises:
            FormatError: It is no such header.
        """
        section_type, codec_id, length = _HEADER_V1.unpack(data)
        if section_type not in _KNOWN_TYPES or codec_id not in CODECS_V1 or not length:
            raise FormatError(
                "expected a known section type, a known compression and a payload, "
                f"found {section_type}, {codec_id} and {length} bytes, "
                f"at offset {offset} of the image"
            )
        return cls(
            number=number,
            type=section_type,
            codec_id=codec_id,
            offset=offset,
            length=length,
            header_bytes=HEADER_V1_BYTES,
        )

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


def sha512_256() -> hashlib._Hash:
    """Return a new SHA-512/256.

    Raises:
        NotAvailableError: This Python does not have it.
    """
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
    digest = sha512_256()
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
    entries <<= np.uint64(INDEX_OFFSET_BITS)
    entries[:-1] |= np.asarray(offsets, np.uint64)
    entries[-1] |= np.uint64(end)
    payload = entries.tobytes()
    header = seal_section(len(types), SectionType.SECTION_INDEX, CODEC_NONE, payload)
    return header + payload
