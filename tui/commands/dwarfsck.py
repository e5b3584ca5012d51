"""`dwarfsck`: check a DwarFS image, tell about it, list what is in it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from dwarfsmith.engine.errors import (
    EXIT_FATAL,
    EXIT_OK,
    EXIT_WITH_PROBLEMS,
    NotAvailableError,
    UsageError,
)
from dwarfsmith.engine.resources import available_processors
from dwarfsmith.tui.commands.console import (
    Log,
    Parser,
    add_common_options,
    job_for,
    parse_count,
    parse_offset,
    run_command,
    write_output,
)

if TYPE_CHECKING:
    from dwarfsmith.engine.dwarfs.container import ImageFile

NOT_AVAILABLE: Final = {
    "--checksum": "ALGORITHM",
    "-s --cache-size": "SIZE",
    "--export-metadata": "FILE",
    "--log-with-context": None,
    "--man": None,
}
DETAIL_LEVELS: Final = (
    (),
    ("version", "metadata_summary"),
    ("history",),
    ("section_details", "metadata_details"),
)
"""What each level adds to the one before."""
DEFAULT_DETAIL: Final = "2"
_DETAILS: Final = frozenset(word for level in DETAIL_LEVELS for word in level)
_LATER_DETAILS: Final = (
    "frozen_analysis",
    "frozen_details",
    "frozen_layout",
    "directory_tree",
    "chunk_details",
    "metadata_full_dump",
    "schema_raw_dump",
)
_LATER_LEVELS: Final = ("4", "5", "6", "7")


def make_parser() -> Parser:
    """Return the parser of dwarfsck's command line."""
    parser = Parser("dwarfsck", "Check a DwarFS image and tell about it.")
    add = parser.add_argument
    add("image", nargs="?", metavar="IMAGE", help="the image")
    add("-i", "--input", metavar="IMAGE", help="the same")
    add(
        "-d",
        "--detail",
        metavar="LEVEL",
        default=DEFAULT_DETAIL,
        help="0 to 3, or a list of "
        + ", ".join(sorted(_DETAILS))
        + f" (default {DEFAULT_DETAIL})",
    )
    add("-q", "--quiet", action="store_true", help="no report, only errors")
    add("-v", "--verbose", action="store_true", help="more detail for --list")
    add("-O", "--image-offset", metavar="BYTES", default="auto", help="or auto")
    add("-H", "--print-header", action="store_true", help="write what precedes it")
    add("-l", "--list", action="store_true", help="list entries, no report")
    add("-n", "--num-workers", metavar="N", help="default: one per processor")
    add(
        "--check-integrity",
        action="store_true",
        help="compare SHA-512/256, not XXH3, of every section",
    )
    add("--no-check", action="store_true", help="compare nothing")
    add("-j", "--json", action="store_true", help="report as one line of JSON")
    add_common_options(parser)
    parser.refuse(NOT_AVAILABLE)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run dwarfsck; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command("dwarfsck", lambda: _run(words))


def _run(words: list[str]) -> int:
    parser = make_parser()
    arguments = parser.parse_args(words)
    if arguments.help:
        print(parser.format_help(), end="")
        return EXIT_OK
    path = _image_path(arguments)
    details = parse_details(arguments.detail)
    offset = parse_offset(arguments.image_offset)
    workers = available_processors()
    if arguments.num_workers is not None:
        workers = parse_count(arguments.num_workers, "--num-workers")
    _check_combinations(arguments)
    # Loading the engine takes longer than all of the above.
    from dwarfsmith.engine.dwarfs.container import ImageFile

    with ImageFile.open(path, offset=offset) as file:
        if arguments.print_header:
            return _print_header(file)
        return _check(file, arguments, details, workers)


def parse_details(text: str) -> frozenset[str]:
    """Return the parts of the report that a `--detail` value asks for.

    Raises:
        UsageError: An unknown level or part.
        NotAvailableError: One that this release cannot do.
    """
    if text in map(str, range(len(DETAIL_LEVELS))):
        return frozenset(
            word for level in DETAIL_LEVELS[: int(text) + 1] for word in level
        )
    words = text.split(",")
    for word in words:
        if word in _LATER_LEVELS or word in _LATER_DETAILS:
            raise NotAvailableError(f"--detail={word} is not available in this release")
        if word not in _DETAILS:
            raise UsageError(
                f"--detail expects a level from 0 to {len(DETAIL_LEVELS) - 1} or a "
                f"list of {', '.join(sorted(_DETAILS))}, found '{word}'"
            )
    return frozenset(words)


def _image_path(arguments: Namespace) -> str:
    given = [name for name in (arguments.input, arguments.image) if name is not None]
    if len(given) != 1:
        raise UsageError(f"expected one image, found {len(given)}")
    path: str = given[0]
    return path


def _check_combinations(arguments: Namespace) -> None:
    if arguments.no_check and arguments.check_integrity:
        raise UsageError("--no-check and --check-integrity exclude each other")
    for other in ("json", "check_integrity", "list"):
        if arguments.print_header and getattr(arguments, other):
            name = other.replace("_", "-")
            raise UsageError(f"--print-header and --{name} exclude each other")
    if arguments.list and arguments.json:
        raise UsageError("--list and --json exclude each other")


def _print_header(file: ImageFile) -> int:
    """Write what stands before the image to standard output."""
    if file.offset == 0:
        Log().line("warn", "filesystem does not contain a header")
        return EXIT_WITH_PROBLEMS
    write_output(file.header_parts())
    return EXIT_OK


def _check(
    file: ImageFile, arguments: Namespace, details: frozenset[str], workers: int
) -> int:
    from dwarfsmith.engine.dwarfs import check
    from dwarfsmith.engine.dwarfs.reader import Image

    log = Log(arguments.log_level)
    if arguments.no_check:
        checks = check.list_sections(file)
    else:
        checksum: Literal["digest", "xxh3"]
        checksum = "digest" if arguments.check_integrity else "xxh3"
        checks = check.check_sections(
            file, job_for(log), checksum=checksum, workers=workers
        )
    errors = check.find_errors(checks)
    for error in errors:
        log.line("error", error)
    image = Image(file)
    if not arguments.quiet:
        if arguments.list:
            from dwarfsmith.tui.commands.listing import listing

            write_output(listing(image, verbose=arguments.verbose))
        else:
            from dwarfsmith.tui.commands import report

            render = report.as_json if arguments.json else report.as_text
            write_output([render(image, checks, details).encode()])
    return EXIT_FATAL if errors else EXIT_OK
