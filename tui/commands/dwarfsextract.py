"""`dwarfsextract`: extract a DwarFS image into a directory."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dwarfsmith.engine.errors import (
    EXIT_OK,
    EXIT_WITH_PROBLEMS,
    NotAvailableError,
    UsageError,
)
from dwarfsmith.tui.commands.console import (
    Log,
    Parser,
    add_common_options,
    parse_count,
    parse_offset,
    run_command,
)

if TYPE_CHECKING:
    from dwarfsmith.engine.events import Event

NOT_AVAILABLE: Final = {
    "--format-filters": "LIST",
    "--format-options": "LIST",
    "--pattern": "GLOB",
    "--num-disk-writers": "N",
    "--perfmon": "LIST",
    "--perfmon-trace": "FILE",
    "--log-with-context": None,
    "--man": None,
}
DISK: Final = "disk"
"""The only format of this release: a directory."""
DEFAULT_WORKERS: Final = "4"
DEFAULT_CACHE: Final = "512m"


def make_parser() -> Parser:
    """Return the parser of dwarfsextract's command line."""
    parser = Parser("dwarfsextract", "Extract a DwarFS image into a directory.")
    add = parser.add_argument
    add("-i", "--input", metavar="IMAGE", help="the image")
    add("-o", "--output", metavar="DIR", default=".", help="default: this directory")
    add("-f", "--format", metavar="FORMAT", default=DISK, help=f"only {DISK}")
    add("-O", "--image-offset", metavar="BYTES", default="auto", help="or auto")
    add(
        "-n",
        "--num-workers",
        metavar="N",
        default=DEFAULT_WORKERS,
        help=f"decompressing threads (default {DEFAULT_WORKERS})",
    )
    add(
        "-s",
        "--cache-size",
        metavar="SIZE",
        default=DEFAULT_CACHE,
        help=f"decompressed blocks in flight (default {DEFAULT_CACHE})",
    )
    add(
        "--continue-on-error",
        action="store_true",
        help="leave holes where blocks cannot be read",
    )
    add(
        "--disable-integrity-check",
        action="store_true",
        help="do not verify the checksums of blocks",
    )
    add("--stdout-progress", action="store_true", help="percentage on standard output")
    add("--skip-devices", action="store_true", help="leave out device nodes")
    add("--skip-specials", action="store_true", help="leave out FIFOs and sockets")
    add_common_options(parser)
    add("patterns", nargs="*", metavar="", help="")
    parser.refuse(NOT_AVAILABLE)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run dwarfsextract; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command("dwarfsextract", lambda: _run(words))


def _run(words: list[str]) -> int:
    parser = make_parser()
    arguments = parser.parse_args(words)
    if arguments.help or arguments.input is None:
        print(parser.format_help(), end="")
        return EXIT_OK
    if arguments.patterns:
        raise NotAvailableError("patterns are not available in this release")
    if arguments.format != DISK:
        raise NotAvailableError(
            f"--format={arguments.format} is not available in this release"
        )
    from dwarfsmith.engine.plan import parse_size

    workers = parse_count(arguments.num_workers, "--num-workers")
    cache_bytes = parse_size(arguments.cache_size, "--cache-size")
    if cache_bytes == 0:
        raise UsageError("--cache-size expects more than 0 bytes")
    return _extract(arguments, workers, cache_bytes)


def _extract(arguments: Namespace, workers: int, cache_bytes: int) -> int:
    # Loading the engine takes longer than parsing the arguments.
    from dwarfsmith.engine.dwarfs.extract import extract
    from dwarfsmith.engine.dwarfs.reader import Image
    from dwarfsmith.engine.job import Job

    log = Log(arguments.log_level)
    display = _Display(log, percent=arguments.stdout_progress)
    image = Image.open(
        arguments.input,
        parse_offset(arguments.image_offset),
        cache_bytes=cache_bytes,
        verify=not arguments.disable_integrity_check,
    )
    with image:
        done = extract(
            image,
            os.fsencode(arguments.output),
            Job(display.handle),
            workers=workers,
            continue_on_error=arguments.continue_on_error,
            skip_devices=arguments.skip_devices,
            skip_specials=arguments.skip_specials,
        )
    display.close()
    if done.problems:
        log.line("error", f"extraction finished with {done.problems} error(s)")
        return EXIT_WITH_PROBLEMS
    return EXIT_OK


class _Display:
    """Log lines for what goes wrong, and a percentage on standard output if wanted."""

    def __init__(self, log: Log, *, percent: bool) -> None:
        self._log = log
        self._percent = percent
        self._shown = -1

    def handle(self, event: Event) -> None:
        """Take one event in."""
        from dwarfsmith.engine.events import LogLine, Problem, StageProgress

        if isinstance(event, LogLine):
            self._log.line(event.level, event.message)
        elif isinstance(event, Problem):
            self._log.line("warn", event.message)
        elif isinstance(event, StageProgress) and self._percent:
            # The last percent is for what comes after the files.
            self._show(min(99, 100 * event.done // max(1, event.total or 0)))

    def close(self) -> None:
        """Show that everything is done."""
        if self._percent:
            self._show(100)
            print(flush=True)

    def _show(self, percent: int) -> None:
        if percent > self._shown:
            self._shown = percent
            print(f"\r{percent}%", end="", flush=True)
