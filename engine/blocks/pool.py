"""Compresses blocks in many threads and hands them on in order.

A submitted block waits in a queue, is compressed and sealed by a worker, waits for
its turn, and is written by the one writer thread. From submission to writing it
counts against a limit in bytes: as raw data until it is compressed, as its payload
after that. The compression libraries release the GIL, so threads are enough.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

from dwarfsmith.engine.codecs import Codec, CodecId, Data
from dwarfsmith.engine.job import Job

CANCEL_INTERVAL_S: Final = 0.1
"""How often a waiting caller looks whether the job was cancelled."""
ABORT_WAIT_S: Final = 0.2
"""How long `abort` waits for threads that are in the middle of something."""
MIN_BLOCKS: Final = 2
"""Admitted whatever the limit, so that compressing and writing can overlap."""

Seal: TypeAlias = Callable[[int, Data], bytes]
"""Makes the section header for a compression id and a payload."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A block ready to be written: `header`, then `data`."""

    number: int
    """Position in order of submission, from 0."""
    codec_id: int
    header: bytes
    data: Data
    full_bytes: int
    """Size before compression."""
    seconds: float
    """Time spent compressing and sealing."""
    worker: int


@dataclass(frozen=True, slots=True)
class PoolGauges:
    """A sample of a pool's totals, bytes unless named else."""

    in_flight_bytes: int
    limit_bytes: int
    busy_workers: int
    workers: int
    blocks_submitted: int
    blocks_done: int
    """Written."""
    compressed_bytes: int
    """Size before compression of all blocks that are compressed."""
    written_bytes: int
    """Headers and payloads."""


@dataclass(slots=True)
class _Task:
    number: int
    data: Data
    codec: Codec | None
    seal: Seal


class CompressorPool:
    """Worker threads, a writer thread, and a bound on what is between them.

    The first error of a codec, a seal or the sink stops everything and is raised by
    the next call of `submit` or `finish`. As a context manager the pool finishes at
    the end of the block, and aborts when the block raises.

    Args:
        sink: Receives the payloads in order of submission, from one thread.
        workers: Number of compressing threads.
        limit_bytes: Most bytes in flight; two blocks are admitted always.
        job: Its cancellation ends every wait.
    """

    def __init__(
        self,
        sink: Callable[[Payload], None],
        *,
        workers: int,
        limit_bytes: int,
        job: Job,
    ) -> None:
        self._sink = sink
        self._limit_bytes = limit_bytes
        self._job = job
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._ready = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._queue: deque[_Task] = deque()
        self._results: dict[int, Payload] = {}
        self._error: BaseException | None = None
        self._closed = False
        self._aborted = False
        self._submitted = 0
        self._written = 0
        self._in_flight_bytes = 0
        self._busy_workers = 0
        self._compressed_bytes = 0
        self._written_bytes = 0
        # Daemons: an abort must not have to wait for a compression that runs.
        self._workers = [
            threading.Thread(
                target=self._guard,
                args=(self._compress_all, number),
                name=f"compress-{number}",
                daemon=True,
            )
            for number in range(workers)
        ]
        self._writer = threading.Thread(
            target=self._guard, args=(self._write_all,), name="write", daemon=True
        )
        for thread in (*self._workers, self._writer):
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def submit(self, data: Data, codec: Codec | None, seal: Seal) -> int:
        """Queue a block and return its number; wait while too much is in flight.

        Args:
            data: The block; nobody may write to it any more.
            codec: None: store the block as it is.
            seal: Called in the worker with the compression id and the payload.

        Raises:
            CancelledError: The job was cancelled.
            Exception: The first error of a codec, a seal or the sink.
        """
        with self._room:
            self._wait(lambda: self._admits(len(data)))
            if self._closed:
                raise RuntimeError("the pool is finished")
            number = self._submitted
            self._submitted += 1
            self._in_flight_bytes += len(data)
            self._queue.append(_Task(number, data, codec, seal))
            self._work.notify()
        return number

    def finish(self) -> None:
        """Wait until every block is written.

        Raises:
            CancelledError: The job was cancelled; the pool still has to be aborted.
            Exception: The first error of a codec, a seal or the sink.
        """
        with self._room:
            self._closed = True
            self._work.notify_all()
            self._ready.notify()
            self._wait(lambda: self._written == self._submitted)
        for thread in (*self._workers, self._writer):
            thread.join()

    def abort(self) -> bool:
        """Drop what is not written; a running compression is left to end unseen.

        Returns:
            Whether the sink is done with. False: it is still inside a call that
            takes long, so what it writes to must not be closed yet.
        """
        with self._room:
            self._aborted = True
            self._stop()
        until = time.monotonic() + ABORT_WAIT_S
        for thread in (self._writer, *self._workers):
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        return not self._writer.is_alive()

    def gauges(self) -> PoolGauges:
        """Return the present totals."""
        with self._room:
            return PoolGauges(
                in_flight_bytes=self._in_flight_bytes,
                limit_bytes=self._limit_bytes,
                busy_workers=self._busy_workers,
                workers=len(self._workers),
                blocks_submitted=self._submitted,
                blocks_done=self._written,
                compressed_bytes=self._compressed_bytes,
                written_bytes=self._written_bytes,
            )

    def _admits(self, size: int) -> bool:
        return (
            self._submitted - self._written < MIN_BLOCKS
            or self._in_flight_bytes + size <= self._limit_bytes
        )

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Wait for `condition`, an error or the job's end; the lock is held."""
        while True:
            if self._error is not None:
                raise self._error
            self._job.check()
            if self._aborted:
                raise RuntimeError("the pool was aborted")
            if condition():
                return
            self._room.wait(CANCEL_INTERVAL_S)

    def _stop(self) -> None:
        """Let every thread end; the lock is held."""
        self._closed = True
        self._queue.clear()
        self._results.clear()
        self._in_flight_bytes = 0
        self._work.notify_all()
        self._ready.notify_all()
        self._room.notify_all()

    @property
    def _stopped(self) -> bool:
        return self._aborted or self._error is not None

    def _guard(self, run: Callable[..., None], *args: int) -> None:
        """Run a thread's loop and keep the first error of all of them."""
        try:
            run(*args)
        except BaseException as error:
            with self._room:
                if not self._stopped:
                    self._error = error
                    self._stop()

    def _compress_all(self, worker: int) -> None:
        while (task := self._next_task()) is not None:
            try:
                payload = _compress(task, worker)
            finally:
                with self._room:
                    self._busy_workers -= 1
            full_bytes = payload.full_bytes
            del task  # the raw block; it may be large
            with self._room:
                if self._stopped:
                    return
                self._results[payload.number] = payload
                self._compressed_bytes += full_bytes
                self._in_flight_bytes += len(payload.data) - full_bytes
                self._room.notify_all()
                if payload.number == self._written:
                    self._ready.notify()
            del payload

    def _next_task(self) -> _Task | None:
        with self._work:
            while not self._queue:
                if self._closed:
                    return None
                self._work.wait()
            self._busy_workers += 1
            return self._queue.popleft()

    def _write_all(self) -> None:
        while (payload := self._next_payload()) is not None:
            self._sink(payload)
            size = len(payload.data)
            written = len(payload.header) + size
            del payload
            with self._room:
                if self._stopped:
                    return
                self._written += 1
                self._written_bytes += written
                self._in_flight_bytes -= size
                self._room.notify_all()

    def _next_payload(self) -> Payload | None:
        with self._ready:
            while True:
                if self._stopped:
                    return None
                if self._written in self._results:
                    return self._results.pop(self._written)
                if self._closed and self._written == self._submitted:
                    return None
                self._ready.wait()


def _compress(task: _Task, worker: int) -> Payload:
    started = time.perf_counter()
    codec_id: int = CodecId.NONE
    payload: Data | None = None
    if task.codec is not None:
        payload = task.codec.compress(task.data)
        codec_id = task.codec.codec_id
    if payload is None:
        payload, codec_id = task.data, CodecId.NONE
    header = task.seal(codec_id, payload)
    return Payload(
        number=task.number,
        codec_id=codec_id,
        header=header,
        data=payload,
        full_bytes=len(task.data),
        seconds=time.perf_counter() - started,
        worker=worker,
    )
