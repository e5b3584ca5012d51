"""An opened image: its tree, its inodes, and the bytes of its files.

DwarFS format, "Reader algorithms". Opening decodes all metadata into columns and
checks the tables against each other, so that an `Image` that exists can be walked and
read without further doubts; only the blocks are looked at when they are needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.codecs import decompress
from dwarfsmith.engine.dwarfs import metadata as tables
from dwarfsmith.engine.dwarfs import packing
from dwarfsmith.engine.dwarfs.block_reader import DEFAULT_CACHE_BYTES, BlockReader
from dwarfsmith.engine.dwarfs.container import (
    Bytes,
    ImageFile,
    Section,
    SectionType,
)
from dwarfsmith.engine.dwarfs.contents import Contents, FileChunks
from dwarfsmith.engine.dwarfs.entries import Entries
from dwarfsmith.engine.dwarfs.inodes import InodeTable, WhichTime
from dwarfsmith.engine.dwarfs.metadata import Metadata, Options
from dwarfsmith.engine.errors import (
    CodecError,
    FormatError,
    UnsupportedError,
    UsageError,
)

I8 = npt.NDArray[np.int64]

MAX_SCHEMA_BYTES: Final = 1 << 20
MAX_METADATA_BYTES: Final = 1 << 32
"""Most bytes of metadata after decompression; a million entries need some 30 MB."""
MAX_BLOCK_SIZE: Final = 1 << 30
KNOWN_FEATURES: Final = frozenset({b"sparsefiles"})

_BACKSLASH: Final = ord("\\")
_ZERO_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Stat:
    """What an image says about an inode; times are nanoseconds since 1970."""

    inode: int
    mode: int
    uid: int
    gid: int
    nlink: int
    size: int
    """Bytes of a file or of a link's target, entries of a directory."""
    rdev: int
    mtime_ns: int
    atime_ns: int
    ctime_ns: int


class Image:
    """An image opened for reading; every method may be called from several threads.

    Attributes:
        file: The container: version, offset, sections.
        metadata: All tables, unpacked, in the form of version 2.3 and later.
        options: The options as stored, before unpacking.
        packed_strings: Which string tables are packed, in the words of dwarfsck.
        entries: The directory tree.
        inodes: Attributes by inode number.
        contents: The chunks of files.
        blocks: The blocks, through a cache.
        size: i8[inodes], as in `Stat`.
    """

    def __init__(
        self,
        file: ImageFile,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        verify: bool = True,
    ) -> None:
        """Decode and check the metadata of an image.

        Args:
            file: The container; closed by `close`.
            cache_bytes: Most bytes of decompressed blocks to keep.
            verify: Check each block's checksum when it is read; that of the metadata
                is checked always.

        Raises:
            FormatError: The metadata is corrupt or contradicts itself.
            UnsupportedError: It needs features that this release does not know.
        """
        self.file = file
        stored = tables.decode(
            read_section(file, SectionType.METADATA_V2_SCHEMA, MAX_SCHEMA_BYTES),
            read_section(file, SectionType.METADATA_V2, MAX_METADATA_BYTES),
        )
        _check_features(stored.features or [])
        self.options = stored.options or Options()
        self.packed_strings = _packed_strings(stored)
        self.metadata = packing.unpack_metadata(stored)
        _check_block_size(self.metadata.block_size)
        self.blocks = BlockReader(
            file, self.metadata.block_size, cache_bytes=cache_bytes, verify=verify
        )
        packing.check_invariants(self.metadata, len(self.blocks))
        _check_targets(self.metadata)
        self.entries = Entries(self.metadata)
        self.inodes = InodeTable(self.metadata, self.options, self.entries.inode)
        files = self.inodes.devices - self.inodes.files
        self.contents = Contents(self.metadata, files=files)
        self.size = self._sizes()

    @classmethod
    def open(
        cls,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        offset: int | Literal["auto"] = "auto",
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        verify: bool = True,
    ) -> Self:
        """Open an image file.

        Args:
            path: The file, or a block device.
            offset: Where the image begins, or "auto" to search for it.
            cache_bytes: Most bytes of decompressed blocks to keep.
            verify: Check each block's checksum when it is read.

        Raises:
            InputError: The file cannot be opened.
            FormatError: It is no image, or a corrupt one.
            UnsupportedError: It needs a later release.
        """
        file = ImageFile.open(path, offset=offset)
        try:
            return cls(file, cache_bytes=cache_bytes, verify=verify)
        except BaseException:
            file.close()
            raise

    @classmethod
    def over(cls, data: Bytes) -> Self:
        """Open an image in memory; raises what `open` does."""
        return cls(ImageFile.over(data))

    def close(self) -> None:
        """Close the file; blocks can no longer be read."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def stat(self, inode: int) -> Stat:
        """Return all attributes of an inode.

        Raises:
            UsageError: There is no such inode.
        """
        self._check_range(inode, 0, len(self.inodes), "an inode")
        table = self.inodes
        return Stat(
            inode=inode,
            mode=int(table.mode[inode]),
            uid=int(table.uid[inode]),
            gid=int(table.gid[inode]),
            nlink=int(table.nlink[inode]),
            size=int(self.size[inode]),
            rdev=table.rdev(inode),
            mtime_ns=self._time_ns(inode, "mtime"),
            atime_ns=self._time_ns(inode, "atime"),
            ctime_ns=self._time_ns(inode, "ctime"),
        )

    def readlink(self, inode: int) -> bytes:
        """Return the target of a symbolic link, with `/` between its parts.

        Raises:
            UsageError: The inode is no symbolic link.
        """
        first = self.inodes.symlinks
        self._check_range(inode, first, self.inodes.files, "a symbolic link")
        target = self.metadata.symlinks[int(self.metadata.symlink_table[inode - first])]
        if self.metadata.preferred_path_separator == _BACKSLASH:
            target = target.replace(b"\\", b"/")
        return target

    def chunks(self, inode: int) -> FileChunks:
        """Return the chunks of a regular file.

        Raises:
            UsageError: The inode is no regular file.
        """
        first = self.inodes.files
        self._check_range(inode, first, self.inodes.devices, "a regular file")
        return self.contents.chunks_of(int(self.contents.of_file[inode - first]))

    def read(self, inode: int, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes of a file, fewer only where it ends; holes read as zeros.

        Raises:
            UsageError: The inode is no regular file, or the place is negative.
            ChecksumError, CodecError, FormatError: A block cannot be read.
        """
        return b"".join(self.read_parts(inode, offset, size))

    def read_parts(
        self, inode: int, offset: int = 0, size: int | None = None
    ) -> Iterator[bytes | memoryview]:
        """Yield bytes of a file in parts, without copying them; see `read`."""
        chunks = self.chunks(inode)
        if offset < 0 or (size is not None and size < 0):
            raise UsageError(f"expected 0 or more, found offset {offset}, size {size}")
        ends = np.cumsum(chunks.size)
        end = int(ends[-1]) if len(ends) else 0
        if size is not None:
            end = min(end, offset + size)
        row = int(np.searchsorted(ends, offset, "right"))
        while offset < end:
            skipped = offset - (int(ends[row]) - int(chunks.size[row]))
            length = min(int(ends[row]), end) - offset
            yield from self._chunk_parts(chunks, row, skipped, length)
            offset += length
            row += 1

    def block(self, number: int) -> bytes:
        """Return a decompressed block, through the cache.

        Raises:
            ChecksumError, CodecError, FormatError: It cannot be read.
        """
        return self.blocks.get(number)

    def _chunk_parts(
        self, chunks: FileChunks, row: int, skipped: int, length: int
    ) -> Iterator[bytes | memoryview]:
        block = int(chunks.block[row])
        if block < 0:
            for done in range(0, length, _ZERO_BYTES):
                yield bytes(min(_ZERO_BYTES, length - done))
            return
        start = int(chunks.offset[row]) + skipped
        data = self.blocks.get(block)
        if start + length > len(data):
            raise chunk_error(block, start, length, len(data))
        yield memoryview(data)[start : start + length]

    def _time_ns(self, inode: int, which: WhichTime) -> int:
        seconds, nanoseconds = self.inodes.times(which)
        return int(seconds[inode]) * 10**9 + int(nanoseconds[inode])

    @staticmethod
    def _check_range(inode: int, start: int, stop: int, what: str) -> None:
        if not start <= inode < stop:
            raise UsageError(
                f"expected {what} from inode {start} to {stop - 1}, found {inode}"
            )

    def _sizes(self) -> I8:
        table, data = self.inodes, self.metadata
        size = np.zeros(len(table), np.int64)
        first = data.directories.first_entry.astype(np.int64)
        size[: table.symlinks] = np.diff(first)
        size[table.symlinks : table.files] = data.symlinks.sizes[data.symlink_table]
        size[table.files : table.devices] = self.contents.size[self.contents.of_file]
        return size


def read_section(file: ImageFile, kind: SectionType, max_size: int) -> bytes:
    """Return the decompressed payload of a section that is there exactly once.

    Raises:
        FormatError: It is not there, or there are several, or it is corrupt.
    """
    return _read_payload(file, file.only(kind), max_size)


def read_sections(file: ImageFile, kind: SectionType, max_size: int) -> list[bytes]:
    """Return the decompressed payloads of all sections of a type.

    Raises:
        FormatError: One of them is corrupt.
    """
    sections = file.of_type(kind)
    return [_read_payload(file, section, max_size) for section in sections]


def _read_payload(file: ImageFile, section: Section, max_size: int) -> bytes:
    try:
        return decompress(section.codec_id, file.payload(section), max_size)
    except CodecError as error:
        raise FormatError(f"{error}, at section {section.type_name}") from None


def chunk_error(block: int, offset: int, size: int, found: int) -> FormatError:
    """Return the error for a chunk that does not lie within its block."""
    return FormatError(
        f"expected {size} bytes at {offset}, found a block of {found} bytes, "
        f"at block {block}"
    )


def _check_block_size(size: int) -> None:
    if not 1 <= size <= MAX_BLOCK_SIZE:
        raise FormatError(
            f"expected a block size from 1 to {MAX_BLOCK_SIZE}, found {size}, "
            "in the metadata"
        )


def _check_features(features: list[bytes]) -> None:
    unknown = sorted(set(features) - KNOWN_FEATURES)
    if unknown:
        names = b", ".join(unknown).decode("ascii", "backslashreplace")
        raise UnsupportedError(
            f"the image uses features that this release does not know: {names}"
        )


def _check_targets(metadata: Metadata) -> None:
    nul = np.flatnonzero(metadata.symlinks.text == 0)
    if len(nul):
        target = np.searchsorted(metadata.symlinks.offsets, nul[0], "right") - 1
        raise FormatError(
            f"expected a link target without NUL bytes, found one, at symlink {target}"
        )


def _packed_strings(metadata: Metadata) -> tuple[str, ...]:
    words = []
    for name, table in (
        ("names", metadata.compact_names),
        ("symlinks", metadata.compact_symlinks),
    ):
        if table is not None and table.symtab is not None:
            words.append(f"packed_{name}")
        if table is not None and table.packed_index:
            words.append(f"packed_{name}_index")
    return tuple(words)
