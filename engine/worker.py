"""`python -m dwarfsmith.engine.worker`: one request in, events out, JSON lines.

The process outlives a crash of whoever started it only as long as its standard
input stays open: the end of the input, a `cancel` request and SIGTERM all stop the
job, which then leaves no partial output behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

import msgspec

from dwarfsmith.engine import requests
from dwarfsmith.engine.errors import (
    EXIT_FATAL,
    EXIT_OK,
    EXIT_WITH_PROBLEMS,
    CancelledError,
    DwarfsmithError,
    UsageError,
)
from dwarfsmith.engine.events import Failed, Finished, JobStarted, to_line
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.output import discard_unpublished
from dwarfsmith.engine.plan import STDIN

CANCEL_GRACE_S = 0.4
"""How long a cancelled job may take to stop before the process ends itself."""


def run(request: requests.AnyRequest, job: Job) -> None:
    """Do what `request` asks.

    Raises:
        DwarfsmithError: It cannot be done, or was cancelled.
    """
    match request:
        case requests.ScanRequest():
            from dwarfsmith.engine.build import scan

            job.emit(JobStarted(job="scan", pid=os.getpid()))
            scan(request, job)
        case requests.BuildRequest():
            from dwarfsmith.engine.build import build

            if request.plan.input_list == STDIN:
                raise UsageError("a worker cannot read an input list as well")
            job.emit(JobStarted(job="build", pid=os.getpid()))
            build(request.plan, job, columns=request.columns)
        case requests.VerifyRequest():
            from dwarfsmith.engine.dwarfs.check import verify_image

            job.emit(JobStarted(job="verify", pid=os.getpid()))
            verify_image(request.image, job, workers=request.workers)
        case requests.CancelRequest():
            raise CancelledError("cancelled")


def _lines(handle: int) -> Iterator[bytes]:
    """Yield the lines of a file descriptor as they come.

    Unbuffered on purpose: a thread that sits in a buffered read would hold the
    stream's lock when the interpreter shuts down.
    """
    pending = b""
    while data := os.read(handle, 1 << 16):
        *lines, pending = (pending + data).split(b"\n")
        yield from lines
    if pending:
        yield pending


def _listen(lines: Iterator[bytes], job: Job) -> None:
    """Cancel `job` at a cancel request or at the end of the input."""
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            if isinstance(requests.from_line(line), requests.CancelRequest):
                break
    job.cancel()
    # Most stages look up within a few milliseconds. One that cannot (a single call
    # into a library) must not keep the user waiting.
    threading.Event().wait(CANCEL_GRACE_S)
    job.emit(Failed(message="cancelled", exit_code=CancelledError.exit_code))
    discard_unpublished()
    os._exit(CancelledError.exit_code)


def _serve(job: Job) -> int:
    """Read the request, do it, and tell how it ended; return the exit code."""
    try:
        lines = _lines(0)
        request = requests.from_line(next(lines, b""))
        threading.Thread(target=_listen, args=(lines, job), daemon=True).start()
        run(request, job)
    except msgspec.DecodeError as error:
        failure = Failed(message=f"unreadable request: {error}", exit_code=EXIT_FATAL)
    except DwarfsmithError as error:
        failure = Failed(message=str(error), exit_code=error.exit_code)
    except MemoryError:
        failure = Failed(message="out of memory", exit_code=EXIT_FATAL)
    else:
        code = EXIT_WITH_PROBLEMS if job.problems else EXIT_OK
        job.emit(Finished(exit_code=code))
        return code
    job.emit(failure)
    return failure.exit_code


def main() -> int:
    """Serve one request; return the exit code."""
    job = Job(lambda event: _write_all(to_line(event)))
    # The terminal's interrupt is for the app; it says `cancel` if it means us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: job.cancel())
    try:
        return _serve(job)
    except BrokenPipeError:
        discard_unpublished()
        return EXIT_FATAL


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    sys.exit(main())
