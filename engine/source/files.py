"""Reading the files of a tree: small ones many at a time, large ones in windows.

No file is mapped, so one that shrinks while it is read is a status and not the end of
the process; none is read whole unless it is small.
"""

from __future__ import annotations

import enum
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.errors import InputError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.kernels import files as kernel
from dwarfsmith.engine.source.tree import Int32s, Int64s, Tree

LARGE_BYTES: Final = 1 << 20
"""Files from this size on are read in windows."""
BATCH_BYTES: Final = 4 << 20
BATCH_FILES: Final = 2048
WINDOW_BYTES: Final = 4 << 20

_PROBE_FILES: Final = 32
_HEADROOM: Final = 1 << 20
_POLL_SECONDS: Final = 0.05


class Status(enum.IntEnum):
    """What became of reading one file."""

    OK = kernel.OK
    CANNOT_OPEN = kernel.CANNOT_OPEN
    SIZE_CHANGED = kernel.SIZE_CHANGED
    """It is not as long as the walk saw."""
    SHORT = kernel.SHORT
    """It was, but has shrunk since it was opened."""
    READ_FAILED = kernel.READ_FAILED


_MESSAGES: Final = {
    Status.CANNOT_OPEN: "cannot access {path}, creating empty file",
    Status.SIZE_CHANGED: "file size changed: {path}, creating empty file",
    Status.SHORT: "file size changed: {path}, creating empty file",
    Status.READ_FAILED: "failed to read {path}, creating empty file",
}


def report(job: Job, tree: Tree, entry: int, status: int) -> None:
    """Count and tell the problem that makes a file an empty one."""
    path = tree.full_path(entry)
    job.problem(path, _MESSAGES[Status(status)].format(path=printable(path)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole small files in one buffer, valid until the next item is asked for."""

    position: int
    """Where its first file stood among those asked for; the others follow."""
    entries: Int32s
    buffer: memoryview
    starts: Int64s
    """Where in `buffer` each file begins."""
    sizes: Int64s
    """Bytes of each; 0 unless its status is OK."""
    status: NDArray[np.uint8]
    """`Status` values."""

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(slots=True)
class Window:
    """A stretch of a large file, valid until the next item is asked for."""

    position: int
    """Where the file stood among those asked for."""
    entry: int
    buffer: memoryview
    offset: int
    """Where in the file `buffer` begins."""
    last: bool
    """Nothing follows: the end of the file, or a failure."""
    status: Status
    """Unless OK, the file could not be read to its end and `buffer` is empty."""
    kept: int = 0

    def keep(self, count: int) -> None:
        """Have the next window of the file begin with the last `count` bytes of this.

        Raises:
            ValueError: There are fewer, or no window follows.
        """
        if not 0 <= count <= len(self.buffer) or (self.last and count):
            raise ValueError(
                f"expected to keep at most {len(self.buffer)} bytes before a further "
                f"window, found {count}"
            )
        self.kept = count


class FileReader:
    """Reads files of a tree; a context manager.

    Args:
        tree: A complete tree.
        job: Is asked whether to stop; its `read_bytes` are counted.

    Raises:
        InputError: The root of the tree cannot be opened any more.
    """

    def __init__(self, tree: Tree, job: Job) -> None:
        self._job = job
        try:
            self._root = os.open(tree.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise InputError(
                f"expected a directory as input, found: {error.strerror}, "
                f"at {printable(tree.root)}"
            ) from error
        self._close = weakref.finalize(self, os.close, self._root)
        self._columns = tree.parent, tree.name_start, tree.name_size, tree.text

    def __enter__(self) -> FileReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the root folder; the reader is of no use after that."""
        self._close()

    def batches(
        self, entries: Int32s, sizes: Int64s, *, readers: int = 1
    ) -> Iterator[Batch | Window]:
        """Read files in the order given, ahead of the consumer.

        Args:
            entries: The files, i4[k].
            sizes: How long each one must be, i8[k].
            readers: Threads that read.

        Yields:
            Files and parts of files in the order of `entries`.

        Raises:
            CancelledError: The job was asked to stop.
        """
        return _Ahead(self._source(), self._job, entries, sizes, readers).deliver()

    def scan(
        self,
        entries: Int32s,
        sizes: Int64s,
        visit: Callable[[Batch | Window], None],
        *,
        workers: int = 2,
        advance: Callable[[int], None] = lambda size_bytes: None,
    ) -> None:
        """Read files in no particular order and visit them where they were read.

        Args:
            entries: The files, i4[k].
            sizes: How long each one must be, i8[k].
            visit: Called from `workers` threads at once; the windows of one file
                come in order and from one thread.
            workers: How many threads read and visit.
            advance: Called from the calling thread with the bytes done since the
                last call.

        Raises:
            CancelledError: The job was asked to stop.
        """
        _Scan(self._source(), self._job, entries, sizes, visit).run(workers, advance)

    def probe(self, entries: Int32s, sizes: Int64s) -> NDArray[np.uint8]:
        """Return for each file whether it can be read, as `Status` values.

        Raises:
            CancelledError: The job was asked to stop.
        """
        source = self._source()
        entries, sizes = _columns(entries, sizes)
        status = np.zeros(len(entries), np.uint8)
        for begin in range(0, len(entries), _PROBE_FILES):
            self._job.check()
            some = slice(begin, begin + _PROBE_FILES)
            source.probe(entries[some], sizes[some], status[some])
        return status

    def read_prefix(self, entry: int, size: int, count: int) -> tuple[bytes, Status]:
        """Return the first `count` bytes of a file that must have `size` bytes."""
        file = _LargeFile(self._source(), 0, entry, size)
        try:
            return file.read_prefix(min(count, size))
        finally:
            file.close()

    def _source(self) -> kernel.Source:
        return kernel.Source(self._root, *self._columns)


@dataclass(frozen=True, slots=True)
class _Run:
    """Files that are read together: several small ones, or a large one."""

    begin: int
    end: int
    large: bool


def _columns(entries: Int32s, sizes: Int64s) -> tuple[Int32s, Int64s]:
    entries = np.ascontiguousarray(entries, np.int32)
    sizes = np.ascontiguousarray(sizes, np.int64)
    if len(entries) != len(sizes):
        raise ValueError("expected as many sizes as entries")
    return entries, sizes


def _plan(sizes: Int64s) -> Iterator[_Run]:
    """Divide files into runs, in order."""
    ends = np.cumsum(np.where(sizes < LARGE_BYTES, sizes, 0))
    begin = 0
    for stop in [*np.flatnonzero(sizes >= LARGE_BYTES).tolist(), len(sizes)]:
        while begin < stop:
            before = int(ends[begin - 1]) if begin else 0
            end = int(np.searchsorted(ends, before + BATCH_BYTES, "right"))
            end = min(end, stop, begin + BATCH_FILES)
            yield _Run(begin, end, False)
            begin = end
        if stop < len(sizes):
            yield _Run(stop, stop + 1, True)
        begin = stop + 1


class _Buffer:
    """Memory for a batch or a window, with room for kept bytes before a window."""

    def __init__(self) -> None:
        self._memory = memoryview(bytearray(_HEADROOM + max(BATCH_BYTES, WINDOW_BYTES)))
        self.data = self._memory[_HEADROOM:]

    def with_kept(self, kept: memoryview, size: int) -> memoryview:
        """Return the first `size` bytes of data behind a copy of `kept`."""
        if len(kept) > _HEADROOM:
            return memoryview(b"".join((kept, self.data[:size])))
        begin = _HEADROOM - len(kept)
        self._memory[begin:_HEADROOM] = kept
        return self._memory[begin : _HEADROOM + size]


class _LargeFile:
    """A file read in windows, opened on first use; reads may overlap."""

    def __init__(self, source: kernel.Source, position: int, entry: int, size: int):
        self.position = position
        self.entry = entry
        self.size = size
        self.failed = False
        self._source = source
        self._lock = threading.Lock()
        self._opened: tuple[int, int] | None = None

    def read(self, offset: int, buffer: _Buffer) -> Window:
        """Read the window at `offset`."""
        status, descriptor = self._open()
        size = min(WINDOW_BYTES, self.size - offset)
        if status == Status.OK:
            status = _read_fully(descriptor, buffer.data[:size], offset)
        ok = status == Status.OK
        return Window(
            position=self.position,
            entry=self.entry,
            buffer=buffer.data[: size if ok else 0],
            offset=offset,
            last=not ok or offset + size == self.size,
            status=Status(status),
        )

    def read_prefix(self, count: int) -> tuple[bytes, Status]:
        status, descriptor = self._open()
        data = bytearray(count)
        if status == Status.OK:
            status = _read_fully(descriptor, memoryview(data), 0)
        return (bytes(data) if status == Status.OK else b""), Status(status)

    def close(self) -> None:
        """Close the file; no read may be under way."""
        if self._opened is not None and self._opened[1] >= 0:
            os.close(self._opened[1])
        self._opened = None

    def _open(self) -> tuple[int, int]:
        with self._lock:
            if self._opened is None:
                self._opened = self._source.open(self.entry, self.size)
                if hasattr(os, "posix_fadvise") and self._opened[1] >= 0:
                    os.posix_fadvise(self._opened[1], 0, 0, os.POSIX_FADV_SEQUENTIAL)
            return self._opened


def _read_fully(descriptor: int, out: memoryview, offset: int) -> int:
    done = 0
    while done < len(out):
        try:
            got = os.preadv(descriptor, [out[done:]], offset + done)
        except OSError:
            return Status.READ_FAILED
        if got == 0:
            return Status.SHORT
        done += got
    return Status.OK


def _read_batch(
    source: kernel.Source, run: _Run, entries: Int32s, sizes: Int64s, buffer: _Buffer
) -> Batch:
    entries, sizes = entries[run.begin : run.end], sizes[run.begin : run.end]
    starts = np.cumsum(sizes) - sizes
    status = np.zeros(len(entries), np.uint8)
    source.read_batch(entries, starts, sizes, buffer.data, status)
    sizes = np.where(status == Status.OK, sizes, 0)
    return Batch(run.begin, entries, buffer.data, starts, sizes, status)


@dataclass(slots=True)
class _Read:
    """A read that was handed to a thread."""

    future: Future[Batch | Window]
    buffer: _Buffer
    file: _LargeFile | None


class _Ahead:
    """Reads in order, a bounded number of buffers ahead."""

    def __init__(
        self,
        source: kernel.Source,
        job: Job,
        entries: Int32s,
        sizes: Int64s,
        readers: int,
    ) -> None:
        self._source = source
        self._job = job
        self._entries, self._sizes = _columns(entries, sizes)
        self._readers = readers
        self._free: list[_Buffer] = []
        self._reads: deque[_Read] = deque()

    def deliver(self) -> Iterator[Batch | Window]:
        pool = ThreadPoolExecutor(self._readers, "read-ahead")
        tasks = self._tasks(pool)
        kept = memoryview(b"")
        before: _Read | None = None
        try:
            while True:
                while len(self._reads) <= self._readers and self._submit(tasks):
                    pass
                if not self._reads:
                    break
                read = self._reads[0]
                item = self._wait(read.future)
                self._reads.popleft()
                if read.file is not None and isinstance(item, Window):
                    if read.file.failed:
                        self._free.append(read.buffer)
                        continue
                    read.file.failed = item.status != Status.OK
                    if len(kept) and not read.file.failed:
                        item.buffer = read.buffer.with_kept(kept, len(item.buffer))
                        item.offset -= len(kept)
                self._done(before, read)
                self._job.counters.read_bytes += _fresh_bytes(item, len(kept))
                yield item
                kept = memoryview(b"")
                if isinstance(item, Window) and item.kept:
                    kept = item.buffer[len(item.buffer) - item.kept :]
                before = read
        finally:
            self._source.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for left in [before, *self._reads]:
                if left is not None and left.file is not None:
                    left.file.close()

    def _tasks(self, pool: ThreadPoolExecutor) -> Iterator[_Read]:
        for run in _plan(self._sizes):
            if not run.large:
                buffer = self._buffer()
                batch: Future[Batch | Window] = pool.submit(
                    _read_batch, self._source, run, self._entries, self._sizes, buffer
                )
                yield _Read(batch, buffer, None)
                continue
            file = self._file(run.begin)
            for offset in range(0, file.size, WINDOW_BYTES):
                if file.failed:
                    break
                buffer = self._buffer()
                window: Future[Batch | Window] = pool.submit(file.read, offset, buffer)
                yield _Read(window, buffer, file)

    def _file(self, position: int) -> _LargeFile:
        entry, size = int(self._entries[position]), int(self._sizes[position])
        return _LargeFile(self._source, position, entry, size)

    def _buffer(self) -> _Buffer:
        return self._free.pop() if self._free else _Buffer()

    def _submit(self, tasks: Iterator[_Read]) -> bool:
        read = next(tasks, None)
        if read is not None:
            self._reads.append(read)
        return read is not None

    def _wait(self, future: Future[Batch | Window]) -> Batch | Window:
        while True:
            self._job.check()
            if wait([future], _POLL_SECONDS).done:
                return future.result()

    def _done(self, before: _Read | None, read: _Read) -> None:
        """Take back what the consumer had before `read`."""
        if before is None:
            return
        self._free.append(before.buffer)
        if before.file is not None and before.file is not read.file:
            before.file.close()


def _fresh_bytes(item: Batch | Window, kept: int) -> int:
    if isinstance(item, Batch):
        return int(item.sizes.sum())
    return len(item.buffer) - kept


class _Scan:
    """Reads and visits in several threads."""

    def __init__(
        self,
        source: kernel.Source,
        job: Job,
        entries: Int32s,
        sizes: Int64s,
        visit: Callable[[Batch | Window], None],
    ) -> None:
        self._source = source
        self._job = job
        self._entries, self._sizes = _columns(entries, sizes)
        self._visit = visit
        self._lock = threading.Lock()
        self._runs = _largest_first(self._sizes)
        self._stopping = False
        self._done_bytes = 0

    def run(self, workers: int, advance: Callable[[int], None]) -> None:
        pool = ThreadPoolExecutor(workers, "scan")
        told = 0
        try:
            futures = [pool.submit(self._work) for _ in range(workers)]
            waiting = set(futures)
            while waiting:
                finished, waiting = wait(waiting, _POLL_SECONDS)
                for future in finished:
                    future.result()
                self._job.check()
                fresh, told = self._done_bytes - told, self._done_bytes
                self._job.counters.read_bytes += fresh
                advance(fresh)
        finally:
            self._stopping = True
            self._source.stop()
            pool.shutdown(wait=True, cancel_futures=True)

    def _work(self) -> None:
        buffer = _Buffer()
        while not self._stopping:
            with self._lock:
                run = next(self._runs, None)
            if run is None:
                return
            if run.large:
                self._visit_large(run.begin, buffer)
                continue
            batch = _read_batch(self._source, run, self._entries, self._sizes, buffer)
            if not self._stopping:
                self._visit(batch)
                self._add(int(batch.sizes.sum()))

    def _visit_large(self, position: int, buffer: _Buffer) -> None:
        entry, size = int(self._entries[position]), int(self._sizes[position])
        file = _LargeFile(self._source, position, entry, size)
        try:
            for offset in range(0, size, WINDOW_BYTES):
                window = file.read(offset, buffer)
                if self._stopping:
                    return
                self._visit(window)
                self._add(len(window.buffer))
                if window.last:
                    return
        finally:
            file.close()

    def _add(self, size_bytes: int) -> None:
        with self._lock:
            self._done_bytes += size_bytes


def _largest_first(sizes: Int64s) -> Iterator[_Run]:
    """Large files by falling size, then the small ones: threads end together."""
    large = np.flatnonzero(sizes >= LARGE_BYTES)
    for position in large[np.argsort(-sizes[large], kind="stable")].tolist():
        yield _Run(position, position + 1, True)
    for run in _plan(sizes):
        if not run.large:
            yield run
