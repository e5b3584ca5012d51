"""Hashes that are alike for contents that are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.content.identity import Contents
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.kernels.nilsimsa import NilsimsaHasher, nilsimsa_batch
from dwarfsmith.engine.kernels.similarity import SimilarityHasher, similarity_batch
from dwarfsmith.engine.source.files import Batch, FileReader, Status, Window, report
from dwarfsmith.engine.source.tree import Int32s, Int64s, Tree


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def digest(self) -> int | tuple[int, int, int, int]: ...


def no_advance(size_bytes: int) -> None:
    """Tell nobody how far it is."""


def similarity_hashes(
    tree: Tree,
    contents: Contents,
    job: Job,
    advance: Callable[[int], None] = no_advance,
) -> NDArray[np.uint32]:
    """Return the similarity hash of every content, u4[m].

    A content whose file cannot be read any more is read from a duplicate, and
    becomes invalid if there is none.

    Args:
        tree: A complete tree.
        contents: Its contents; `first` and `invalid` may change.
        job: Hears of problems.
        advance: Called now and then with the bytes hashed since the last time.

    Raises:
        CancelledError: The job was asked to stop.
    """
    hashes = np.full(len(contents), SimilarityHasher().digest(), np.uint32)
    _Hashing(
        tree, contents, job, hashes, similarity_batch, SimilarityHasher, advance
    ).run()
    return hashes


def nilsimsa_hashes(
    tree: Tree,
    contents: Contents,
    job: Job,
    advance: Callable[[int], None] = no_advance,
) -> NDArray[np.uint64]:
    """Return the Nilsimsa hash of every content, u8[m, 4].

    Arguments, errors and unreadable files: as for `similarity_hashes`.
    """
    hashes = np.zeros((len(contents), 4), np.uint64)
    _Hashing(tree, contents, job, hashes, nilsimsa_batch, NilsimsaHasher, advance).run()
    return hashes


class _Hashing:
    """One pass over all contents that writes a row of `hashes` for each.

    Rows of empty contents are left as they are.
    """

    def __init__(
        self,
        tree: Tree,
        contents: Contents,
        job: Job,
        hashes: NDArray[Any],
        hash_batch: Callable[[memoryview, Int64s, Int64s, NDArray[Any]], None],
        hasher: Callable[[], _Hasher],
        advance: Callable[[int], None],
    ) -> None:
        self._tree = tree
        self._contents = contents
        self._job = job
        self._hashes = hashes
        self._hash_batch = hash_batch
        self._hasher = hasher
        self._advance = advance

    def run(self) -> None:
        contents = self._contents
        wanted = np.flatnonzero(contents.size > 0)
        with FileReader(self._tree, self._job) as reader:
            status = self._hash(reader, wanted, contents.first[wanted], self._advance)
            for content in wanted[status != Status.OK].tolist():
                self._read_elsewhere(reader, content)

    def _hash(
        self,
        reader: FileReader,
        wanted: NDArray[np.intp],
        entries: Int32s,
        advance: Callable[[int], None],
    ) -> NDArray[np.uint8]:
        hashes = np.zeros((len(wanted), *self._hashes.shape[1:]), self._hashes.dtype)
        status = np.zeros(len(wanted), np.uint8)
        hashers: dict[int, _Hasher] = {}

        def visit(item: Batch | Window) -> None:
            if isinstance(item, Batch):
                some = slice(item.position, item.position + len(item))
                self._hash_batch(item.buffer, item.starts, item.sizes, hashes[some])
                status[some] = item.status
                return
            status[item.position] = item.status
            hasher = hashers.get(item.position)
            if hasher is None:
                hasher = hashers[item.position] = self._hasher()
            hasher.update(item.buffer)
            if item.last:
                del hashers[item.position]
                hashes[item.position] = hasher.digest()

        sizes = self._contents.size[wanted]
        reader.scan(entries, sizes, visit, advance=advance)
        self._hashes[wanted] = hashes
        return status

    def _read_elsewhere(self, reader: FileReader, content: int) -> None:
        contents = self._contents
        failed = int(contents.first[content])
        status = Status.CANNOT_OPEN
        for entry in contents.members(content):
            row = np.array([content])
            status = Status(self._hash(reader, row, np.array([entry]), no_advance)[0])
            if status == Status.OK:
                contents.first[content] = entry
                return
        report(self._job, self._tree, failed, status)
        contents.invalidate(content)
        self._hashes[content] = self._hasher().digest()
