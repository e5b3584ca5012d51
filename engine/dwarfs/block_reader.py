"""The blocks of an image: decompressed one by one, through a cache, or all in order.

DwarFS format, "Container" and "Section payload encodings". Block number n is the
n-th section of type BLOCK.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Final, TypeVar

import numpy as np

from dwarfsmith.engine.codecs import decompress
from dwarfsmith.engine.dwarfs.container import ImageFile, Section, SectionType
from dwarfsmith.engine.errors import CodecError, FormatError
from dwarfsmith.engine.job import Job

DEFAULT_CACHE_BYTES: Final = 512 << 20
"""Decompressed blocks kept, or in flight."""

CANCEL_INTERVAL_S: Final = 0.1
"""How often one who waits looks whether the job was cancelled."""

T = TypeVar("T")


class BlockReader:
    """Decompresses blocks; every method may be called from several threads.

    Args:
        file: The image.
        block_size: Most bytes a block may have.
        cache_bytes: Most bytes of decompressed blocks to keep; the one used last is
            kept always.
        verify: Check each block's XXH3 checksum when it is read.
    """

    def __init__(
        self,
        file: ImageFile,
        block_size: int,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        verify: bool = True,
    ) -> None:
        self._file = file
        self._positions = np.flatnonzero(file.sections.types == SectionType.BLOCK)
        self._block_size = block_size
        self._cache_bytes = cache_bytes
        self._verify = verify
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self._positions)

    def section(self, number: int) -> Section:
        """Return the section that holds a block.

        Raises:
            FormatError: There is no such block, or no section where it should be.
        """
        if not 0 <= number < len(self):
            raise FormatError(f"expected a block below {len(self)}, found {number}")
        return self._file.sections[int(self._positions[number])]

    def load(self, number: int) -> bytes:
        """Read and decompress a block.

        Raises:
            ChecksumError: Its payload does not match its checksum.
            CodecError: Its payload cannot be decompressed.
            FormatError: There is no such block, or it is larger than a block can be.
        """
        section = self.section(number)
        payload = self._file.payload(section, verify=self._verify)
        try:
            return decompress(section.codec_id, payload, self._block_size)
        except CodecError as error:
            raise CodecError(f"{error}, at block {number}") from None

    def get(self, number: int) -> bytes:
        """Return a block, from the cache if it is there; raises what `load` does."""
        with self._lock:
            future = self._cache.get(number)
            mine = future is None
            if future is None:
                future = self._cache[number] = Future()
            self._cache.move_to_end(number)
        if mine:
            self._fill(number, future)
        return future.result()

    def _fill(self, number: int, future: Future[bytes]) -> None:
        """Load a block for all that wait for it; an error is not kept."""
        try:
            data = self.load(number)
        except BaseException as error:
            with self._lock:
                del self._cache[number]
            future.set_exception(error)
            return
        future.set_result(data)
        with self._lock:
            self._cached_bytes += len(data)
            self._evict(number)

    def _evict(self, newest: int) -> None:
        for number, future in list(self._cache.items()):
            if self._cached_bytes <= self._cache_bytes:
                return
            if number != newest and future.done():
                del self._cache[number]
                self._cached_bytes -= len(future.result())

    def ordered(
        self,
        numbers: Iterable[int],
        work: Callable[[int], T],
        job: Job,
        *,
        workers: int,
    ) -> Generator[tuple[int, Callable[[], T]]]:
        """Apply `work` to blocks in many threads; see `map_ordered`.

        No more blocks are under way, or done and not yet taken, than fit the cache's
        size.
        """
        fitting = self._cache_bytes // self._block_size
        window = max(1, min(2 * workers, fitting))
        return map_ordered(work, numbers, job, workers=workers, window=window)


def map_ordered(
    work: Callable[[int], T],
    numbers: Iterable[int],
    job: Job,
    *,
    workers: int,
    window: int,
) -> Generator[tuple[int, Callable[[], T]]]:
    """Apply `work` to numbers in many threads, and yield what it returns in order.

    Args:
        work: Called in one of the threads.
        numbers: What to call it with.
        job: Its cancellation stops the work.
        workers: Number of threads.
        window: Most calls under way, or done and not yet taken.

    Yields:
        The number, and a function that returns the result or raises what the work
        raised.

    Raises:
        CancelledError: The job was cancelled.
    """
    pending: deque[tuple[int, Future[T]]] = deque()
    pool = ThreadPoolExecutor(workers, "block")
    try:
        for number in numbers:
            job.check()
            pending.append((number, pool.submit(work, number)))
            if len(pending) >= window:
                first, future = pending.popleft()
                yield first, partial(_wait, future, job)
        while pending:
            job.check()
            first, future = pending.popleft()
            yield first, partial(_wait, future, job)
    finally:
        # Who cancels does not want to wait for a large block either.
        pool.shutdown(wait=not job.cancelled, cancel_futures=True)


def _wait(future: Future[T], job: Job) -> T:
    """Return a result when it is there, unless the job is cancelled before."""
    while True:
        done, _ = wait([future], timeout=CANCEL_INTERVAL_S)
        if done:
            return future.result()
        job.check()
