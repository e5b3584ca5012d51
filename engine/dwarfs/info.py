"""What there is to tell about an image, gathered in one place.

Nothing is computed that opening the image and checking its sections did not find out
already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from dwarfsmith.engine.codecs import CodecId
from dwarfsmith.engine.dwarfs import history
from dwarfsmith.engine.dwarfs.check import SectionCheck
from dwarfsmith.engine.dwarfs.container import SectionType
from dwarfsmith.engine.dwarfs.history import HistoryEntry
from dwarfsmith.engine.dwarfs.reader import Image, read_sections

MAX_HISTORY_BYTES: Final = 1 << 26
_OPTION_WORDS: Final = (
    "mtime_only",
    "packed_chunk_table",
    "packed_directories",
    "packed_shared_files_table",
    "has_btime",
    "inodes_have_nlink",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of some sections in bytes."""

    count: int
    compressed: int
    uncompressed: int
    """As far as it is known; see `complete`."""
    complete: bool
    """Whether all uncompressed sizes are known."""
    stored: bool
    """Whether none of the sections is compressed."""

    @property
    def ratio(self) -> float | None:
        """Compressed over uncompressed size, None where that is unknown."""
        if not self.complete or not self.uncompressed:
            return None
        return self.compressed / self.uncompressed


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What dwarfsck reports; see the DwarFS format, "Reader tools"."""

    major: int
    minor: int
    header_version: int
    offset: int
    created_by: bytes | None
    created_on: int | None
    """Unix seconds."""
    features: tuple[bytes, ...]
    block_size: int
    inode_count: int
    path_separator: int | None
    original_size: int
    allocated_size: int
    blocks: Sizes
    metadata: Sizes
    options: tuple[str, ...]
    time_resolution: Fraction
    """Seconds."""
    categories: dict[bytes, Sizes]
    history: tuple[HistoryEntry, ...]


def gather(image: Image, checks: Sequence[SectionCheck]) -> ImageInfo:
    """Return what there is to tell about an image.

    Args:
        image: The image.
        checks: What is known about each section, in file order.

    Raises:
        FormatError: The history is corrupt.
    """
    data, options = image.metadata, image.options
    words = [word for word in _OPTION_WORDS if getattr(options, word)]
    resolution = Fraction(options.time_resolution_sec or 1)
    if options.subsecond_resolution_nsec_multiplier:
        resolution = Fraction(options.subsecond_resolution_nsec_multiplier, 10**9)
    allocated = data.total_allocated_fs_size
    return ImageInfo(
        major=image.file.major,
        minor=image.file.minor,
        header_version=1 if image.file.minor < 2 else 2,
        offset=image.file.offset,
        created_by=data.dwarfs_version,
        created_on=data.create_timestamp,
        features=tuple(data.features or ()),
        block_size=data.block_size,
        inode_count=len(image.inodes),
        path_separator=data.preferred_path_separator,
        original_size=data.total_fs_size,
        allocated_size=data.total_fs_size if allocated is None else allocated,
        blocks=_sizes(_of_type(checks, SectionType.BLOCK)),
        metadata=_sizes(_of_type(checks, SectionType.METADATA_V2)),
        options=(*words, *image.packed_strings),
        time_resolution=resolution,
        categories=_categories(image, checks),
        history=read_history(image),
    )


def read_history(image: Image) -> tuple[HistoryEntry, ...]:
    """Return who made and changed an image, oldest first.

    Raises:
        FormatError: The history is corrupt.
    """
    payloads = read_sections(image.file, SectionType.HISTORY, MAX_HISTORY_BYTES)
    return tuple(entry for payload in payloads for entry in history.decode(payload))


def block_categories(image: Image) -> list[tuple[bytes | None, bytes | None]]:
    """Return each block's category and the category's metadata, None where none is."""
    data, count = image.metadata, len(image.blocks)
    names: list[bytes | None] = [None] * count
    texts: list[bytes | None] = [None] * count
    if data.block_categories is not None and data.category_names is not None:
        for block, category in enumerate(data.block_categories[:count].tolist()):
            names[block] = data.category_names[category]
    lookup = data.block_category_metadata
    if lookup is not None and data.category_metadata_json is not None:
        for block, row in zip(
            lookup.keys.tolist(), lookup.values.tolist(), strict=True
        ):
            texts[block] = data.category_metadata_json[row]
    return list(zip(names, texts, strict=True))


def _of_type(
    checks: Sequence[SectionCheck], section_type: SectionType
) -> list[SectionCheck]:
    return [
        check
        for check in checks
        if check.section is not None and check.section.type == section_type
    ]


def _sizes(checks: Sequence[SectionCheck]) -> Sizes:
    sections = [check.section for check in checks if check.section is not None]
    return Sizes(
        count=len(checks),
        compressed=sum(section.length for section in sections),
        # What is unknown is at least as large as it is stored.
        uncompressed=sum(
            section.length if check.size is None else check.size
            for check, section in zip(checks, sections, strict=True)
        ),
        complete=all(check.size is not None for check in checks),
        stored=all(section.codec_id == CodecId.NONE for section in sections),
    )


def _categories(image: Image, checks: Sequence[SectionCheck]) -> dict[bytes, Sizes]:
    data, blocks = image.metadata, _of_type(checks, SectionType.BLOCK)
    if data.block_categories is None or len(data.block_categories) != len(blocks):
        return {}
    groups: list[list[SectionCheck]] = [[] for _ in data.category_names or []]
    for category, check in zip(data.block_categories.tolist(), blocks, strict=True):
        groups[category].append(check)
    return {
        name: _sizes(group)
        for name, group in zip(data.category_names or [], groups, strict=True)
    }
