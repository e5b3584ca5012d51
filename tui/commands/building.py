"""Runs a build in this process, under the progress display of a terminal."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dwarfsmith.engine.build import build
from dwarfsmith.engine.errors import (
    EXIT_OK,
    EXIT_WITH_PROBLEMS,
    CancelledError,
    DwarfsmithError,
    UsageError,
)
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.commands.console import Log
from dwarfsmith.tui.commands.progress import make_display
from dwarfsmith.tui.commands.summary import duration


def build_in_terminal(plan: BuildPlan, progress: str | None, log_level: str) -> int:
    """Build the image of `plan` and return the exit code.

    Args:
        plan: What to make of what.
        progress: A `--progress` style, None to choose by terminal.
        log_level: The least important messages shown.
    """
    log = Log(log_level)
    started = time.monotonic()
    display = make_display(progress, log)
    job = Job(display.handle)
    try:
        with _stopping(job):
            build(plan, job)
    except CancelledError:
        display.close()
        log.line("error", "cancelled, nothing was written")
        return CancelledError.exit_code
    except UsageError:
        display.close()
        raise
    except DwarfsmithError as error:
        display.close()
        log.line("error", str(error))
        return error.exit_code
    except BaseException:
        display.close()
        raise
    display.close()
    took = f"[{duration(time.monotonic() - started)}]"
    if job.problems:
        count = f"{job.problems} error{'s' if job.problems > 1 else ''}"
        log.line("info", f"filesystem created with {count} {took}")
        return EXIT_WITH_PROBLEMS
    log.line("info", f"filesystem created without errors {took}")
    return EXIT_OK


@contextmanager
def _stopping(job: Job) -> Iterator[None]:
    """Let the interrupt and termination signals stop `job`."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: job.cancel()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
