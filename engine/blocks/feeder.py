"""Reads contents in their order and feeds them to the segmenter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.blocks.segmenter import Segmenter
from dwarfsmith.engine.content.identity import Contents
from dwarfsmith.engine.job import Job, StageHandle
from dwarfsmith.engine.source.files import Batch, FileReader, Status, Window, report
from dwarfsmith.engine.source.tree import Tree

Int32s = npt.NDArray[np.int32]


def feed(
    tree: Tree,
    contents: Contents,
    permutation: Int32s,
    segmenter: Segmenter,
    job: Job,
) -> None:
    """Give every content to `segmenter`, whole or in windows, and finish it.

    A file that cannot be read any more, or whose size is not what the walk saw, is
    replaced by another one with the same content. Where there is none it is counted
    as a problem and left without chunks, which makes it an empty file.

    Args:
        tree: The entries.
        contents: Which entries hold which content.
        permutation: i4[m], the contents in the order in which to store them.
        segmenter: Gets the bytes.
        job: Is told how far it is.

    Raises:
        CancelledError: The job was asked to stop.
    """
    wanted = permutation[
        (contents.size[permutation] > 0) & ~contents.invalid[permutation]
    ]
    total = int(contents.size[wanted].sum())
    with (
        job.stage("segment", "bytes", total) as stage,
        FileReader(tree, job) as reader,
    ):
        feeder = _Feeder(tree, segmenter, job, stage)
        files, numbers = contents.first[wanted], wanted
        tried: set[int] = set()
        while len(files):
            failed = feeder.add(reader, files, contents.size[numbers], numbers)
            tried.update(file for _, file, _ in failed)
            files, numbers = _substitutes(contents, tried, failed, tree, job)
        segmenter.finish()


_Failure = tuple[int, int, int]
"""A content, the entry it could not be read from, and the `Status` that says why."""


class _Feeder:
    """Passes what a reader delivers on to the segmenter."""

    def __init__(
        self, tree: Tree, segmenter: Segmenter, job: Job, stage: StageHandle
    ) -> None:
        self._tree = tree
        self._segmenter = segmenter
        self._counters = job.counters
        self._stage = stage

    def add(
        self,
        reader: FileReader,
        files: Int32s,
        sizes: npt.NDArray[np.int64],
        contents: Int32s,
    ) -> list[_Failure]:
        """Read `files` and add them as `contents`; return those that failed."""
        failed: list[_Failure] = []
        pieces = reader.batches(files, sizes)
        while True:
            with self._counters.reading:
                piece = next(pieces, None)
            if piece is None:
                return failed
            if isinstance(piece, Batch):
                some = slice(piece.position, piece.position + len(piece))
                failed += self._add_batch(piece, contents[some])
                entry = int(piece.entries[-1])
            else:
                failed += self._add_window(piece, int(contents[piece.position]))
                entry = piece.entry
            done = self._segmenter.segmented_bytes
            self._counters.segmented_bytes = done
            self._counters.matched_bytes = self._segmenter.matched_bytes
            self._stage.advance(done - self._stage.done, self._tree.path(entry))

    def _add_batch(self, batch: Batch, contents: Int32s) -> list[_Failure]:
        self._segmenter.add_batch(contents, batch.buffer, batch.starts, batch.sizes)
        return [
            (int(contents[i]), int(batch.entries[i]), int(batch.status[i]))
            for i in np.flatnonzero(batch.status != Status.OK)
        ]

    def _add_window(self, window: Window, content: int) -> list[_Failure]:
        if window.status != Status.OK:
            self._segmenter.drop(content)
            return [(content, window.entry, int(window.status))]
        consumed = self._segmenter.add_window(content, window.buffer, window.last)
        if not window.last:
            window.keep(len(window.buffer) - consumed)
        return []


def _substitutes(
    contents: Contents,
    tried: set[int],
    failed: list[_Failure],
    tree: Tree,
    job: Job,
) -> tuple[Int32s, Int32s]:
    """Return other files that hold the failed contents, and these contents."""
    files: list[int] = []
    numbers: list[int] = []
    for content, entry, status in failed:
        members = contents.members(content).tolist()
        other = next((file for file in members if file not in tried), None)
        if other is None:
            report(job, tree, entry, status)
        else:
            files.append(other)
            numbers.append(content)
    return np.array(files, np.int32), np.array(numbers, np.int32)
