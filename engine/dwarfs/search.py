"""Finds the image in a file that begins with something else.

DwarFS format, "Header and automatic image offset".
"""

from __future__ import annotations

from dwarfsmith.engine.dwarfs.image_source import Source
from dwarfsmith.engine.dwarfs.section import (
    FILE_HEADER_V1_BYTES,
    FIRST_V2_MINOR,
    HEADER_BYTES,
    HEADER_V1_BYTES,
    MAGIC,
    MAJOR,
    Section,
    SectionType,
)
from dwarfsmith.engine.errors import FormatError

_SEARCH_BYTES = 1 << 20
_NEEDLE = MAGIC + bytes([MAJOR])


def find_image(source: Source) -> int:
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
    head = source.read_at(position, HEADER_BYTES)
    if len(head) < HEADER_BYTES:
        return False
    if head[len(_NEEDLE)] < FIRST_V2_MINOR:
        return _is_image_v1(source, position + FILE_HEADER_V1_BYTES)
    first = Section.from_header(head, 0)
    after = position + first.end
    if first.number != 0 or after + HEADER_BYTES > source.size:
        return False
    head = source.read_at(after, HEADER_BYTES)
    return (
        len(head) == HEADER_BYTES
        and head.startswith(_NEEDLE)
        and Section.from_header(head, 0).number == 1
    )


def _is_image_v1(source: Source, position: int) -> bool:
    opening = (SectionType.BLOCK, SectionType.METADATA_V2_SCHEMA)
    try:
        first = _section_v1(source, position)
        if first.type not in opening:
            return False
        second = _section_v1(source, position + first.end)
    except FormatError:
        return False
    if first.type == SectionType.METADATA_V2_SCHEMA:
        return second.type == SectionType.METADATA_V2
    return second.type in opening


def _section_v1(source: Source, position: int) -> Section:
    head = source.read_at(position, HEADER_V1_BYTES)
    return Section.from_header_v1(head.ljust(HEADER_V1_BYTES, b"\xff"), 0, 0)
