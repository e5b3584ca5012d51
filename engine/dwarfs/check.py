"""Checks images: every section against its checksums, every block and chunk.

DwarFS format, "Container". Opening an image checks its metadata; this is about the
rest of it, which opening does not touch.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.codecs import CodecId, uncompressed_size
from dwarfsmith.engine.dwarfs.block_reader import BlockReader, map_ordered
from dwarfsmith.engine.dwarfs.container import (
    ImageFile,
    Section,
    SectionType,
    section_type_name,
)
from dwarfsmith.engine.dwarfs.reader import Image, chunk_error
from dwarfsmith.engine.errors import CodecError, DwarfsmithError, FormatError
from dwarfsmith.engine.events import Verified
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.resources import available_processors

Checksum = Literal["none", "xxh3", "digest"]

_ONCE: Final[frozenset[int]] = frozenset(SectionType) - {
    SectionType.BLOCK,
    SectionType.HISTORY,
}


@dataclass(frozen=True, slots=True)
class SectionCheck:
    """A section and what was found."""

    position: int
    """In file order, from 0."""
    section: Section | None
    """None: there is no readable header."""
    intact: bool | None
    """None: not checked, or no checksum stored."""
    size: int | None
    """Uncompressed, as the payload says; None: unknown."""
    error: str = ""
    """What is wrong, in one line."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How much was verified."""

    sections: int
    entries: int
    seconds: float


def check_sections(
    file: ImageFile, job: Job, *, checksum: Checksum = "xxh3", workers: int
) -> list[SectionCheck]:
    """Check every section, in many threads.

    Args:
        file: The image.
        job: Its cancellation stops the work.
        checksum: Compare XXH3, or SHA-512/256, or nothing.
        workers: Number of threads.
    """
    sections = file.sections
    with job.stage("verify", "blocks", len(sections)) as stage:
        found = []
        check = partial(_check_section, file, checksum)
        results = map_ordered(
            check, range(len(sections)), job, workers=workers, window=4 * workers
        )
        with closing(results):
            for _, result in results:
                found.append(result())
                stage.advance(1)
    return found


def list_sections(file: ImageFile) -> list[SectionCheck]:
    """Return what the headers of all sections say, nothing of it checked.

    Raises:
        FormatError: A header is not where it should be.
    """
    return [
        SectionCheck(
            position,
            section,
            None,
            section.length if section.codec_id == CodecId.NONE else None,
        )
        for position, section in enumerate(file.sections)
    ]


def find_errors(checks: Iterable[SectionCheck]) -> list[str]:
    """Return what is wrong with an image's sections, a line each."""
    checks = list(checks)
    errors = [check.error for check in checks if check.error]
    counts = Counter(check.section.type for check in checks if check.section)
    errors += [
        f"duplicate section: {section_type_name(kind)} ({count} times)"
        for kind, count in sorted(counts.items())
        if count > 1 and kind in _ONCE
    ]
    return errors


def _check_section(file: ImageFile, checksum: Checksum, position: int) -> SectionCheck:
    section: Section | None = None
    size = None
    try:
        section = file.sections[position]
        size = _uncompressed_size(file, section)
        if checksum == "xxh3":
            file.check_xxh3(section)
        elif checksum == "digest":
            file.check_digest(section)
    except DwarfsmithError as error:
        return SectionCheck(position, section, False, size, str(error))
    known = checksum != "none" and section.xxh3 is not None
    return SectionCheck(position, section, True if known else None, size)


def _uncompressed_size(file: ImageFile, section: Section) -> int | None:
    """Return what a section says about its size, None if that cannot be told."""
    if section.codec_id == CodecId.NONE:
        return section.length
    try:
        payload = file.payload(section, verify=False)
        return uncompressed_size(section.codec_id, payload)
    except CodecError:
        return None


def verify_image(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    job: Job,
    *,
    workers: int | None = None,
) -> Verification:
    """Read a whole image: all sections, metadata, blocks, and chunks in blocks.

    Both checksums of every section are compared, every block is decompressed, and
    every chunk has to lie in its block. Emits `Verified` at the end.

    Args:
        path: The image.
        job: Hears of the progress; its cancellation stops the work.
        workers: Number of threads; None: one per available processor.

    Raises:
        InputError: The file cannot be opened.
        FormatError, CodecError: Something is wrong.
        CancelledError: The job was cancelled.
    """
    started = job.clock()
    workers = workers or available_processors()
    with Image.open(path) as image:
        sections = len(image.file.sections)
        with job.stage("verify", "blocks", sections) as stage:
            blocks = _verify_blocks(image, job, stage.advance, workers)
            for section in _other_sections(image.file):
                image.file.check_xxh3(section)
                image.file.check_digest(section)
                stage.advance(1)
            stage.detail = f"{sections} sections, {blocks} blocks"
        entries = len(image.entries)
    seconds = job.clock() - started
    job.emit(Verified(sections=sections, entries=entries, seconds=seconds))
    return Verification(sections, entries, seconds)


def _verify_blocks(
    image: Image, job: Job, advance: Callable[[int], None], workers: int
) -> int:
    """Check and decompress all blocks; return how many there are."""
    needed = _needed_sizes(image)
    results = image.blocks.ordered(
        range(len(image.blocks)),
        partial(_verify_block, image.file, image.blocks),
        job,
        workers=workers,
    )
    with closing(results):
        for number, result in results:
            size = result()
            if needed[number] > size:
                raise chunk_error(number, 0, int(needed[number]), size)
            advance(1)
    return len(image.blocks)


def _verify_block(file: ImageFile, blocks: BlockReader, number: int) -> int:
    """Return the size of a block that is in order."""
    file.check_digest(blocks.section(number))
    return len(blocks.load(number))


def _needed_sizes(image: Image) -> npt.NDArray[np.int64]:
    """Return how large each block has to be for the chunks in it."""
    needed = np.zeros(len(image.blocks), np.int64)
    chunks = image.contents.chunks
    stored = chunks.block >= 0
    ends = chunks.offset[stored] + chunks.size[stored]
    np.maximum.at(needed, chunks.block[stored], ends)
    return needed


def _other_sections(file: ImageFile) -> Iterable[Section]:
    """Yield the sections that are no blocks.

    Raises:
        FormatError: There is an index, but it does not agree with the sections.
    """
    types = file.sections.types
    if (types == SectionType.SECTION_INDEX).any() and not file.has_index:
        raise FormatError("expected a valid section index, found one that is not")
    for position in np.flatnonzero(types != SectionType.BLOCK).tolist():
        yield file.sections[position]
