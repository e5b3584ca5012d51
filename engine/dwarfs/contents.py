"""The contents of an image: which chunks make up which file.

DwarFS format, "Metadata": chunks, chunk table, shared files, sparse files. A content
is a distinct byte string; files that are equal share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.metadata import Metadata
from dwarfsmith.engine.errors import FormatError

I8 = npt.NDArray[np.int64]

MAX_FILE_BYTES: Final = 1 << 62
"""Of all files together; larger ones could not be extracted anywhere."""
LARGE_HOLE: Final = 0xFFFFFFFF
"""The offset of a hole whose size is in `large_hole_size`."""


@dataclass(frozen=True, slots=True, eq=False)
class FileChunks:
    """The chunks of one file, or of all, in order.

    `block` i8 is -1 for a hole, `offset` i8 the place in the block, `size` i8 bytes.
    """

    block: I8
    offset: I8
    size: I8

    def __len__(self) -> int:
        return len(self.block)

    def __getitem__(self, rows: slice) -> FileChunks:
        return FileChunks(self.block[rows], self.offset[rows], self.size[rows])


class Contents:
    """All contents as columns.

    Attributes:
        chunks: All chunks, with the sizes of holes worked out.
        first_chunk: i8[m + 1], the chunks of content k are rows `first_chunk[k]` to
            `first_chunk[k + 1]`.
        size: i8[m], bytes of each content.
        of_file: i8[files], the content of each regular file in inode order.
    """

    def __init__(self, metadata: Metadata, *, files: int) -> None:
        """Take the contents from metadata that is unpacked and checked.

        Args:
            metadata: The tables.
            files: How many regular files there are.

        Raises:
            FormatError: The files are larger than files can be.
        """
        self.first_chunk: I8 = metadata.chunk_table.astype(np.int64)
        self.chunks = _resolve(metadata)
        self.of_file: I8 = _assign(metadata, files)
        ends = np.zeros(len(self.chunks) + 1, np.int64)
        np.cumsum(self.chunks.size, out=ends[1:])
        self.size: I8 = np.diff(ends[self.first_chunk])

    def __len__(self) -> int:
        return len(self.size)

    def chunks_of(self, content: int) -> FileChunks:
        """Return the chunks of one content, in order."""
        first, end = self.first_chunk[content : content + 2].tolist()
        return self.chunks[first:end]


def _resolve(metadata: Metadata) -> FileChunks:
    """Return all chunks with the sizes of holes worked out."""
    block = metadata.chunks.block.astype(np.int64)
    offset = metadata.chunks.offset.astype(np.int64)
    size = metadata.chunks.size.astype(np.int64)
    if metadata.hole_block_index is not None:
        holes = np.flatnonzero(block == metadata.hole_block_index)
        size[holes] = _hole_sizes(metadata, offset[holes], size[holes])
        block[holes], offset[holes] = -1, 0
    if size.sum(dtype=np.float64) >= MAX_FILE_BYTES:
        raise FormatError(
            f"expected files below {MAX_FILE_BYTES} bytes in all, found more, "
            "in the chunks"
        )
    return FileChunks(block, offset, size)


def _hole_sizes(metadata: Metadata, offset: I8, size: I8) -> I8:
    """Return the sizes of holes from the two fields of their chunks."""
    sizes = size * metadata.block_size + offset
    large = offset == LARGE_HOLE
    if large.any():
        assert metadata.large_hole_size is not None
        known = metadata.large_hole_size[size[large]]
        if int(known.max()) >= MAX_FILE_BYTES:
            raise FormatError(
                f"expected holes below {MAX_FILE_BYTES} bytes, found {known.max()}, "
                "in the large holes"
            )
        sizes[large] = known
    return sizes


def _assign(metadata: Metadata, files: int) -> I8:
    """Return the content of each regular file: unique ones first, then shared."""
    contents = np.arange(files)
    shared = metadata.shared_files_table
    if shared is not None and len(shared):
        unique = files - len(shared)
        contents[unique:] = unique + shared.astype(np.int64)
    return contents
