"""Files out of blocks: which chunk of which block belongs where in which file.

Files could be written one after the other, but then a block would have to be kept, or
decompressed again, for as long as files refer to it. Going block by block each one is
decompressed once and forgotten; a file that lies in several blocks grows piece by
piece.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.reader import Image, chunk_error
from dwarfsmith.engine.dwarfs.target import max_open_files
from dwarfsmith.engine.errors import DwarfsmithError
from dwarfsmith.engine.job import Job, StageHandle

I8 = npt.NDArray[np.int64]


class FileSink(Protocol):
    """Where files are made; a file is known by its inode.

    What cannot be done is the sink's to report: `create` then returns None.
    """

    def create(self, inode: int) -> int | None:
        """Create a file and return a handle to write to."""

    def reopen(self, inode: int) -> int | None:
        """Return another handle to write to a file that was created."""

    def attempt(self, inode: int, work: Callable[[], None]) -> bool:
        """Do something for a file; return whether it worked."""

    def finish(self, inode: int, handle: int) -> None:
        """Set the attributes of a complete file."""

    def damage(self, inode: int, error: DwarfsmithError) -> None:
        """Report that a part of a file cannot be read, and is a hole; or raise."""


class Pieces:
    """The chunks of all files in the order of their blocks.

    Attributes:
        content: i8[chunks], the content of each chunk.
        place: i8[chunks], where each chunk begins in its file.
        block, offset, size: i8[chunks], as in `FileChunks`.
        whole: bool[contents], contents that lie in one block and have no holes.
        data_bytes: i8[contents], how much of each comes from blocks.
    """

    def __init__(self, image: Image) -> None:
        contents, count = image.contents, len(image.contents)
        # Chunks before those of the first content belong to no file.
        chunks = contents.chunks[int(contents.first_chunk[0]) :]
        self.block, self.offset, self.size = chunks.block, chunks.offset, chunks.size
        self.content: I8 = np.repeat(np.arange(count), np.diff(contents.first_chunk))
        begins = np.cumsum(contents.size) - contents.size
        self.place: I8 = np.cumsum(self.size) - self.size - begins[self.content]
        lowest = np.full(count, np.iinfo(np.int64).max)
        highest = np.full(count, -1)
        np.minimum.at(lowest, self.content, self.block)
        np.maximum.at(highest, self.content, self.block)
        self.whole: npt.NDArray[np.bool_] = (lowest == highest) & (lowest >= 0)
        stored = np.flatnonzero((self.block >= 0) & (self.size > 0))
        self.data_bytes: I8 = np.zeros(count, np.int64)
        np.add.at(self.data_bytes, self.content[stored], self.size[stored])
        self._rows: I8 = stored[np.argsort(self.block[stored], kind="stable")]
        self.blocks, starts = np.unique(self.block[self._rows], return_index=True)
        self._bounds: list[int] = [*starts.tolist(), len(self._rows)]

    def by_block(self) -> Iterator[I8]:
        """Yield the chunks of each block in `blocks`; those of a file in order."""
        for start, stop in pairwise(self._bounds):
            yield self._rows[start:stop]

    def check(self, rows: I8, size: int) -> None:
        """Check that chunks lie within their block of `size` bytes.

        Raises:
            FormatError: One does not.
        """
        outside = self.offset[rows] + self.size[rows] > size
        if outside.any():
            row = int(rows[np.argmax(outside)])
            block, offset = int(self.block[row]), int(self.offset[row])
            raise chunk_error(block, offset, int(self.size[row]), size)


class Scatterer:
    """Writes all files of an image into a sink."""

    def __init__(self, image: Image, sink: FileSink, job: Job) -> None:
        self._image = image
        self._sink = sink
        self._job = job
        self._pieces = Pieces(image)
        order = np.argsort(image.contents.of_file, kind="stable")
        self._inodes: I8 = order + image.inodes.files
        """All files in the order of their contents."""
        numbers = np.arange(len(image.contents.size) + 1)
        self._first: I8 = np.searchsorted(image.contents.of_file[order], numbers)
        """Where among those the files of each content begin."""
        self._left: dict[int, int] = {}
        """Bytes still to come, of each content that is being put together."""
        self._damaged: dict[int, DwarfsmithError] = {}
        """Contents that are being put together and have lost something."""
        self._open: OrderedDict[int, int] = OrderedDict()
        self._limit = max_open_files()

    def run(self, stage: StageHandle, workers: int) -> None:
        """Write all files, decompressing with a number of threads.

        Raises:
            ChecksumError, CodecError, FormatError: A block cannot be read, and the
                sink does not want to go on.
        """
        blocks = self._image.blocks
        pieces = self._pieces
        results = blocks.ordered(
            pieces.blocks.tolist(), blocks.load, self._job, workers=workers
        )
        try:
            with contextlib.closing(results):
                for rows, (_, result) in zip(pieces.by_block(), results, strict=True):
                    self._write_block(rows, result, stage)
            self._write_without_data(stage)
        finally:
            while self._open:
                os.close(self._open.popitem()[1])

    def _write_block(
        self, rows: I8, result: Callable[[], bytes], stage: StageHandle
    ) -> None:
        pieces = self._pieces
        whole = pieces.whole[pieces.content[rows]]
        try:
            data = memoryview(result())
            pieces.check(rows, len(data))
        except DwarfsmithError as error:
            self._lose(rows[whole], rows[~whole], error, stage)
            return
        self._write_whole(rows[whole], data, stage)
        self._write_parts(rows[~whole], data, stage)

    def _files_of(self, content: int) -> list[int]:
        """Return the inodes that have a content."""
        files: list[int]
        files = self._inodes[self._first[content] : self._first[content + 1]].tolist()
        return files

    # Files in one block

    def _write_whole(self, rows: I8, data: memoryview, stage: StageHandle) -> None:
        pieces = self._pieces
        contents = pieces.content[rows]
        starts = pieces.offset[rows].tolist()
        stops = (pieces.offset[rows] + pieces.size[rows]).tolist()
        firsts = np.flatnonzero(np.diff(contents, prepend=-1)).tolist()
        for first, end in pairwise([*firsts, len(rows)]):
            parts = [data[starts[row] : stops[row]] for row in range(first, end)]
            for inode in self._files_of(int(contents[first])):
                self._write_file(inode, parts)
                stage.advance(sum(map(len, parts)))

    def _write_file(
        self, inode: int, parts: list[memoryview], hole_bytes: int = 0
    ) -> None:
        """Make a file of some parts, or of a hole."""
        handle = self._sink.create(inode)
        if handle is None:
            return

        def fill() -> None:
            if hole_bytes:
                os.ftruncate(handle, hole_bytes)
            for part in parts:
                _write_all(handle, part)
            self._sink.finish(inode, handle)

        try:
            self._sink.attempt(inode, fill)
        finally:
            os.close(handle)

    def _write_without_data(self, stage: StageHandle) -> None:
        """Make the files that are empty or one hole."""
        for content in np.flatnonzero(self._pieces.data_bytes == 0).tolist():
            size = int(self._image.contents.size[content])
            for inode in self._files_of(content):
                self._write_file(inode, [], size)
                stage.advance(size)

    # Files in several blocks

    def _write_parts(self, rows: I8, data: memoryview, stage: StageHandle) -> None:
        pieces = self._pieces
        for row in rows.tolist():
            start, size = int(pieces.offset[row]), int(pieces.size[row])
            content, place = int(pieces.content[row]), int(pieces.place[row])
            part = data[start : start + size]
            for inode in self._files_of(content):
                self._write_part(inode, part, place)
                stage.advance(size)
            self._count(content, size)

    def _write_part(self, inode: int, part: memoryview, place: int) -> None:
        handle = self._handle(inode)
        if handle is not None:
            self._sink.attempt(inode, lambda: _write_all_at(handle, part, place))

    def _handle(self, inode: int) -> int | None:
        """Return a handle of a file that is being put together."""
        handle = self._open.pop(inode, None)
        if handle is None:
            handle = self._open_part(inode)
        if handle is not None:
            self._open[inode] = handle
            if len(self._open) > self._limit:
                os.close(self._open.popitem(last=False)[1])
        return handle

    def _open_part(self, inode: int) -> int | None:
        content = int(self._image.contents.of_file[inode - self._image.inodes.files])
        if content in self._left:
            return self._sink.reopen(inode)
        handle = self._sink.create(inode)
        if handle is not None:
            # The full size at once: what is never written is a hole.
            size = int(self._image.size[inode])
            self._sink.attempt(inode, lambda: os.ftruncate(handle, size))
        return handle

    def _count(self, content: int, size: int) -> None:
        """Take a piece of a content as done, and after the last finish its files."""
        left = self._left.pop(content, int(self._pieces.data_bytes[content])) - size
        self._left[content] = left
        if left:
            return
        error = self._damaged.pop(content, None)
        for inode in self._files_of(content):
            if error is not None:
                self._sink.damage(inode, error)
            self._finish_parts(inode)
        del self._left[content]

    def _finish_parts(self, inode: int) -> None:
        handle = self._handle(inode)
        if handle is not None:
            self._sink.attempt(inode, lambda: self._sink.finish(inode, handle))
            del self._open[inode]
            os.close(handle)

    # Blocks that cannot be read

    def _lose(
        self, whole: I8, parts: I8, error: DwarfsmithError, stage: StageHandle
    ) -> None:
        """Leave holes in the files that need a block."""
        pieces = self._pieces
        for content in np.unique(pieces.content[whole]).tolist():
            size = int(self._image.contents.size[content])
            for inode in self._files_of(content):
                self._sink.damage(inode, error)
                self._write_file(inode, [], size)
                stage.advance(size)
        for row in parts.tolist():
            content, size = int(pieces.content[row]), int(pieces.size[row])
            self._damaged.setdefault(content, error)
            for inode in self._files_of(content):
                self._handle(inode)
                stage.advance(size)
            self._count(content, size)


def _write_all(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _write_all_at(handle: int, data: memoryview, place: int) -> None:
    while data:
        written = os.pwrite(handle, data, place)
        data, place = data[written:], place + written
