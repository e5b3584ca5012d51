"""A plan in words, and as the command that does the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

from dwarfsmith.engine.events import printable
from dwarfsmith.engine.levels import LEVEL_TABLE
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.model import units

LEVEL_PURPOSE: Final[tuple[str, ...]] = (
    "duplicate files only",
    "quickest",
    "quick, a little smaller",
    "quick, finds repeats",
    "balanced, quick to make",
    "balanced, smaller",
    "small, slow to make",
    "small, the default",
    "smaller, slow to read",
    "smallest, slow to read",
)
"""What each level is good for, in at most 24 characters."""


def codec(specification: str) -> str:
    """Return a compression as people say it: `zstd 22`, `not compressed`."""
    name, _, options = specification.partition(":")
    if name == "null":
        return "not compressed"
    level = re.search(r"(?:level|quality)=(\d+)", options)
    return f"{name} {level[1]}" if level else name


def order(specification: str) -> str:
    """Return an order as people say it."""
    kind = specification.partition(":")[0]
    return "as found" if kind == "none" else kind


def level_row(level: int) -> tuple[str, str, str, str]:
    """Return codec, block size, order and purpose of a level, in words."""
    row = LEVEL_TABLE[level]
    return (
        codec(row.compression),
        units.power(row.block_bits),
        order(row.order),
        LEVEL_PURPOSE[level],
    )


def phrase(plan: BuildPlan, dot: str = "·") -> str:
    """Return the plan in a phrase: `level 7 · zstd 22 · 16 MiB blocks · nilsimsa`."""
    row = LEVEL_TABLE[plan.level]
    bits = row.block_bits if plan.block_bits is None else plan.block_bits
    parts = (
        f"level {plan.level}",
        codec(plan.compression or row.compression),
        f"{units.power(bits)} blocks",
        order_of(plan),
    )
    return f" {dot} ".join(parts)


def order_of(plan: BuildPlan) -> str:
    """Return a plan's order of contents as people say it."""
    return order(plan.order or LEVEL_TABLE[plan.level].order)


_VALUES: Final = (
    ("--num-workers", "workers"),
    ("--memory-limit", "memory_limit_bytes"),
    ("--block-size-bits", "block_bits"),
    ("--compression", "compression"),
    ("--schema-compression", "schema_compression"),
    ("--metadata-compression", "metadata_compression"),
    ("--history-compression", "history_compression"),
    ("--order", "order"),
    ("--window-size", "window_bits"),
    ("--window-step", "window_step"),
    ("--set-owner", "set_owner"),
    ("--set-group", "set_group"),
    ("--set-time", "set_time"),
)
_VALUES_WITH_DEFAULT: Final = (
    ("--max-lookback-blocks", "lookback_blocks"),
    ("--bloom-filter-size", "bloom_bits"),
    ("--file-hash", "file_hash"),
)
_SWITCHES: Final = (
    ("--force", "force", True),
    ("--with-devices", "with_devices", True),
    ("--with-specials", "with_specials", True),
    ("--remove-empty-dirs", "remove_empty_dirs", True),
    ("--keep-all-times", "keep_all_times", True),
    ("--verify", "verify", True),
    ("--no-section-index", "section_index", False),
    ("--no-create-timestamp", "create_timestamp", False),
    ("--no-history", "history", False),
    ("--no-history-timestamps", "history_timestamps", False),
    ("--no-history-command-line", "history_command_line", False),
)


def command(plan: BuildPlan) -> str:
    """Return the `mkdwarfs` command line that makes the same image, for a shell."""
    options = map(shlex.quote, _options(plan))
    bytes_ = (option + quoted(value) for option, value in _byte_options(plan))
    paths = ("-i", quoted(plan.input), "-o", quoted(plan.output))
    return " ".join(("mkdwarfs", *paths, *bytes_, *options))


def arguments(plan: BuildPlan) -> tuple[str, ...]:
    """Return the same command as printable words, for the image's history."""
    bytes_ = (option + printable(value) for option, value in _byte_options(plan))
    paths = ("-i", printable(plan.input), "-o", printable(plan.output))
    return ("mkdwarfs", *paths, *bytes_, *_options(plan))


def _byte_options(plan: BuildPlan) -> Iterator[tuple[str, bytes]]:
    """Yield the options whose values are paths, or match them."""
    if plan.input_list is not None:
        yield "--input-list=", plan.input_list
    for rule in plan.filters:
        yield "--filter=", rule


def _options(plan: BuildPlan) -> list[str]:
    plain = BuildPlan(input=b"", output=b"")
    options = [f"-l{plan.level}"]
    for option, name in _VALUES:
        if (value := getattr(plan, name)) is not None:
            options.append(f"{option}={value}")
    for option, name in _VALUES_WITH_DEFAULT:
        if (value := getattr(plan, name)) != getattr(plain, name):
            options.append(f"{option}={value}")
    options += [
        option for option, name, when in _SWITCHES if getattr(plan, name) is when
    ]
    if plan.pack_metadata != plain.pack_metadata:
        options.append(f"--pack-metadata={','.join(plan.pack_metadata)}")
    return options


def quoted(path: bytes) -> str:
    """Return a path as one shell word; odd bytes the way bash and zsh read them."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in path
    )
    return f"$'{escaped}'"
