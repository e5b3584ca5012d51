"""`mkdwarfs`: make a DwarFS image from a folder, with the options people know."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.levels import DEFAULT_LEVEL, LEVEL_TABLE
from dwarfsmith.tui.commands.console import (
    Parser,
    add_common_options,
    parse_count,
    run_command,
)

if TYPE_CHECKING:
    from dwarfsmith.engine.plan import BuildPlan

NOT_AVAILABLE: Final[dict[str, str | None]] = {
    "--man": None,
    "--log-with-context": None,
    "--compress-niceness": "N",
    "--num-scanner-workers": "N",
    "--num-segmenter-workers": "N",
    "--recompress": "?MODE",
    "--recompress-categories": "LIST",
    "--rebuild-metadata": None,
    "--change-block-size": None,
    "--no-check": None,
    "--categorize": "?LIST",
    "--hotness-list": "FILE",
    "--max-similarity-size": "SIZE",
    "--header": "FILE",
    "--remove-header": None,
    "--chmod": "SPEC",
    "--time-resolution": "RES",
    "--no-category-names": None,
    "--no-category-metadata": None,
    "--no-metadata-version-history": None,
    "--no-sparse-files": None,
    "--no-hardlink-table": None,
    "--hollow": None,
    "--incompressible-min-input-size": "SIZE",
    "--incompressible-block-size": "SIZE",
    "--incompressible-fragments": None,
    "--incompressible-ratio": "RATIO",
    "--incompressible-zstd-level": "LEVEL",
}
"""Options of mkdwarfs this release knows but cannot do, and what value they take.

A leading `?` marks an optional value. They are refused by name, never ignored.
"""
_LEVELS: Final = [
    "levels (-l):",
    "  level  block size  block data     metadata       window  step  order",
    *(
        f"  {level:>5}  {1 << (row.block_bits - 20):>6} MiB  {row.compression:<13}  "
        f"{row.metadata_compression:<13}  {row.window_bits:>6}  "
        f"{row.window_step:>4}  {row.order}"
        for level, row in enumerate(LEVEL_TABLE)
    ),
]
_COMPRESSORS: Final = [
    "compressors (-C, --schema-, --metadata-, --history-compression):",
    "  null",
    "  lz4",
    "  lz4hc[:level=0..12]",
    "  zstd[:level=N][:long][:wlog=N][:hlog=N][:clog=N][:slog=N][:mml=N][:tlen=N]",
    "      [:strat=N][:lhlog=N][:lmml=N][:lblog=N][:lhrlog=N]",
    "  lzma[:level=0..9][:extreme][:dict_size=12..30][:binary=ARCH][:mode=MODE]",
    "      [:mf=FINDER][:nice=N][:depth=N]",
    "  brotli[:quality=0..11][:lgwin=10..24]",
]


def long_help() -> str:
    """Return what `-H` tells beyond `-h`: levels and the values of options."""
    from dwarfsmith.engine.plan import ORDERS, PACK_WORDS

    orders = [*ORDERS[:-1], f"{ORDERS[-1]}[:max-children=N][:max-cluster-size=N]"]
    return "\n".join(
        [
            "",
            *_LEVELS,
            "",
            *_COMPRESSORS,
            "",
            "orders (--order):",
            "  " + ", ".join(orders),
            "",
            "metadata tables (-P):",
            "  " + ", ".join(PACK_WORDS),
        ]
    )


def make_parser() -> Parser:
    """Return the parser of mkdwarfs' command line."""
    parser = Parser("mkdwarfs", "Make a DwarFS image from a folder.")
    add_common_options(parser)
    _add_basics(parser)
    _add_selection(parser)
    _add_tuning(parser)
    _add_metadata(parser)
    parser.refuse(NOT_AVAILABLE)
    return parser


def _add_basics(parser: Parser) -> None:
    add = parser.add_argument
    add("-i", "--input", metavar="DIR", help="folder to pack")
    add("-o", "--output", metavar="FILE", help="image to make, - for standard output")
    add("-f", "--force", action="store_true", help="overwrite an existing output")
    add(
        "-l",
        "--compress-level",
        type=int,
        metavar="0..9",
        default=DEFAULT_LEVEL,
        help=f"0 fast to 9 small (default {DEFAULT_LEVEL})",
    )
    add(
        "--progress",
        choices=("none", "simple", "ascii", "unicode"),
        help="default: unicode on a terminal, else none",
    )
    add("--no-progress", action="store_true", help="same as --progress=none")
    add(
        "--verify",
        action="store_true",
        help="read the image back and check it before it gets its name",
    )
    add("-H", "--long-help", action="store_true", help="this text, levels and values")


def _add_selection(parser: Parser) -> None:
    group = parser.add_argument_group("what goes in")
    add = group.add_argument
    add(
        "-F",
        "--filter",
        metavar="RULE",
        action="append",
        default=[],
        help="'+ PATTERN' includes, '- PATTERN' excludes, '. FILE' reads rules; "
        "the first rule that matches decides",
    )
    add(
        "--debug-filter",
        metavar="MODE",
        nargs="?",
        const="all",
        help="only print what the rules do: all (default), files, included, "
        "included-files, excluded or excluded-files",
    )
    add("--remove-empty-dirs", action="store_true", help="also those empty by rules")
    add(
        "--input-list",
        metavar="FILE",
        help="take the paths in FILE, or - for standard input, instead of a folder",
    )
    add("--with-devices", action="store_true", help="keep device nodes")
    add("--with-specials", action="store_true", help="keep FIFOs and sockets")


def _add_tuning(parser: Parser) -> None:
    group = parser.add_argument_group("tuning (defaults: by level)")
    add = group.add_argument
    add("-S", "--block-size-bits", type=int, metavar="10..30")
    add("-N", "--num-workers", metavar="N", help="compression threads")
    add("-L", "--memory-limit", metavar="SIZE", help="blocks in flight, or auto")
    add("-C", "--compression", metavar="SPEC", action="append")
    add("--schema-compression", metavar="SPEC")
    add("--metadata-compression", metavar="SPEC")
    add("--history-compression", metavar="SPEC")
    add("--order", metavar="ORDER", action="append")
    add("-W", "--window-size", metavar="0..24", action="append")
    add("-w", "--window-step", metavar="0..8", action="append")
    add("-B", "--max-lookback-blocks", metavar="N", action="append")
    add("--bloom-filter-size", metavar="0..10", action="append")
    add("--file-hash", metavar="NAME", default="xxh3-128", help="or none")


def _add_metadata(parser: Parser) -> None:
    group = parser.add_argument_group("metadata")
    add = group.add_argument
    add("--set-owner", type=int, metavar="UID")
    add("--set-group", type=int, metavar="GID")
    add("--set-time", metavar="TIME", help="now, unix seconds, or a date")
    add("--keep-all-times", action="store_true", help="access and change times, too")
    add("-P", "--pack-metadata", metavar="WORDS", default="auto")
    add("--no-create-timestamp", action="store_true")
    add("--no-history", action="store_true")
    add("--no-history-timestamps", action="store_true")
    add("--no-history-command-line", action="store_true")
    add("--no-section-index", action="store_true")


def plan_from(arguments: argparse.Namespace, command_line: Sequence[str]) -> BuildPlan:
    """Return the plan that parsed arguments ask for.

    Raises:
        UsageError: A value cannot be used.
    """
    from dwarfsmith.engine.plan import (
        BuildPlan,
        parse_pack_metadata,
        parse_size,
        parse_time,
    )

    parse_pack_metadata(arguments.pack_metadata)
    for option, value in (
        ("--set-owner", arguments.set_owner),
        ("--set-group", arguments.set_group),
    ):
        if value is not None and not 0 <= value < 1 << 16:
            raise UsageError(f"{option} expects a value from 0 to 65535, found {value}")
    limit = arguments.memory_limit
    workers = arguments.num_workers
    output = os.fsencode(arguments.output)
    plan = BuildPlan(
        input=os.path.realpath(os.fsencode(arguments.input or ".")),
        output=output if output == b"-" else os.path.abspath(output),
        force=arguments.force,
        level=arguments.compress_level,
        block_bits=arguments.block_size_bits,
        compression=_uncategorized(arguments.compression, "--compression"),
        schema_compression=arguments.schema_compression,
        metadata_compression=arguments.metadata_compression,
        history_compression=arguments.history_compression,
        order=_uncategorized(arguments.order, "--order"),
        file_hash=arguments.file_hash,
        workers=None if workers is None else parse_count(workers, "--num-workers"),
        memory_limit_bytes=None
        if limit in (None, "auto")
        else parse_size(limit, "--memory-limit"),
        with_devices=arguments.with_devices,
        with_specials=arguments.with_specials,
        filters=tuple(map(os.fsencode, arguments.filter)),
        remove_empty_dirs=arguments.remove_empty_dirs,
        input_list=_list_path(arguments.input_list),
        section_index=not arguments.no_section_index,
        history=not arguments.no_history,
        history_timestamps=not arguments.no_history_timestamps,
        history_command_line=not arguments.no_history_command_line,
        command_line=tuple(command_line),
        create_timestamp=not arguments.no_create_timestamp,
        set_owner=arguments.set_owner,
        set_group=arguments.set_group,
        set_time=None if arguments.set_time is None else parse_time(arguments.set_time),
        keep_all_times=arguments.keep_all_times,
        pack_metadata=tuple(arguments.pack_metadata.split(",")),
        verify=arguments.verify,
        **_numbers(arguments),
    )
    plan.settings()
    return plan


def _list_path(text: str | None) -> bytes | None:
    if text is None or text == "-":
        return None if text is None else b"-"
    return os.path.abspath(os.fsencode(text))


def attach_rules(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with filter rules attached to `--filter=`.

    Rules that exclude begin with a minus, as options do; they follow their option, and
    further ones follow them.
    """
    attached: list[str] = []
    rest = iter(words)
    follows = False
    for word in rest:
        if word in ("-F", "--filt", "--filte", "--filter"):
            rule = next(rest, None)
            attached.append(word if rule is None else f"--filter={rule}")
            follows = True
        elif word.startswith("-F"):
            attached.append(f"--filter={word[2:]}")
            follows = True
        elif follows and not word.startswith("-"):
            attached.append(f"--filter={word}")
        else:
            attached.append(word)
            follows = False
    return attached


def _uncategorized(values: list[str] | None, option: str) -> str | None:
    """Return the one value of an option that could be given per category."""
    if values is None:
        return None
    for value in values:
        if "::" in value:
            raise UsageError(
                f"failed to parse value '{value}' for option '{option}': "
                "no categorizer is active"
            )
    if len(values) > 1:
        raise UsageError(f"option '{option}' is given more than once")
    return values[0]


def _numbers(arguments: argparse.Namespace) -> dict[str, int]:
    """Return the numbers that were given and could be given per category."""
    numbers: dict[str, int] = {}
    for field, name in (
        ("lookback_blocks", "max-lookback-blocks"),
        ("window_bits", "window-size"),
        ("window_step", "window-step"),
        ("bloom_bits", "bloom-filter-size"),
    ):
        values = getattr(arguments, name.replace("-", "_"))
        value = _uncategorized(values, f"--{name}")
        if value is None:
            continue
        if not value.isascii() or not value.isdigit():
            raise UsageError(f"--{name} expects a number, found '{value}'")
        numbers[field] = int(value)
    return numbers


def main(argv: Sequence[str] | None = None) -> int:
    """Run mkdwarfs; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command("mkdwarfs", lambda: _run(words))


def _run(words: list[str]) -> int:
    parser = make_parser()
    arguments = parser.parse_args(attach_rules(words))
    if arguments.long_help:
        print(parser.format_help() + long_help())
        return 0
    mode = arguments.debug_filter
    without_input = arguments.input is None and arguments.input_list is None
    without_output = arguments.output is None and mode is None
    if arguments.help or without_input or without_output:
        print(parser.format_help(), end="")
        return 0
    if mode is not None:
        return _debug_filter(arguments)
    plan = plan_from(arguments, ["mkdwarfs", *words])
    # Loading the engine takes longer than all of the above.
    from dwarfsmith.tui.commands.building import build_in_terminal

    progress = "none" if arguments.no_progress else arguments.progress
    return build_in_terminal(plan, progress, arguments.log_level)


def _debug_filter(arguments: argparse.Namespace) -> int:
    if arguments.input_list is not None:
        raise UsageError("cannot combine --input-list and --debug-filter")
    from dwarfsmith.tui.commands.filtering import print_debug_filter

    return print_debug_filter(
        os.path.realpath(os.fsencode(arguments.input)),
        tuple(map(os.fsencode, arguments.filter)),
        arguments.debug_filter,
        arguments.log_level,
    )
