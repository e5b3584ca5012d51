"""A build plan: every choice of the user, and what the level decides for the rest.

A `BuildPlan` keeps only what was chosen: `None` means "as the level says". Its
`settings()` are the effective values, which is what the engine works with. Both
are frozen and comparable, and a plan goes to JSON and back with msgspec.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from dwarfsmith.engine.errors import NotAvailableError, UsageError
from dwarfsmith.engine.levels import DEFAULT_LEVEL, LEVEL_TABLE
from dwarfsmith.engine.resources import available_processors

STDOUT: Final = b"-"
STDIN: Final = b"-"
LEVELS: Final = range(10)
BLOCK_BITS: Final = range(10, 31)
WINDOW_BITS: Final = range(25)
WINDOW_STEP: Final = range(9)
BLOOM_BITS: Final = range(11)
ORDERS: Final = ("none", "path", "revpath", "similarity", "nilsimsa")
PACK_WORDS: Final = (
    "auto",
    "none",
    "all",
    "chunk_table",
    "directories",
    "shared_files",
    "names",
    "names_index",
    "symlinks",
    "symlinks_index",
    "force",
    "plain",
)


class OrderSpec(msgspec.Struct, frozen=True):
    """How contents are ordered before they are cut into blocks."""

    kind: str
    max_children: int = 16384
    """nilsimsa: most child clusters of a cluster."""
    max_cluster_size: int = 16384
    """nilsimsa: a larger cluster is divided again."""

    def __str__(self) -> str:
        """Return the specification as the command line takes it."""
        options = "".join(
            f":{name}={value}"
            for name, value in (
                ("max-children", self.max_children),
                ("max-cluster-size", self.max_cluster_size),
            )
            if value != 16384
        )
        return self.kind + options


def parse_order(text: str) -> OrderSpec:
    """Parse an `--order` value such as `nilsimsa:max-children=100`.

    Raises:
        UsageError: Unknown order or option, or a value that is no number >= 1.
    """
    kind, *options = text.split(":")
    if kind == "explicit":
        raise NotAvailableError("--order=explicit is not available in this release")
    if kind not in ORDERS:
        raise UsageError(f"unknown order '{kind}', expected one of {', '.join(ORDERS)}")
    values: dict[str, int] = {}
    for option in options:
        name, _, value = option.partition("=")
        if kind != "nilsimsa" or name not in ("max-children", "max-cluster-size"):
            raise UsageError(f"order '{kind}' has no option '{name}'")
        if name in values:
            raise UsageError(f"order option '{name}' is given twice")
        if not value.isascii() or not value.isdigit() or int(value) < 1:
            raise UsageError(
                f"order option '{name}' expects a number from 1 on, found '{value}'"
            )
        values[name] = int(value)
    return OrderSpec(
        kind,
        max_children=values.get("max-children", 16384),
        max_cluster_size=values.get("max-cluster-size", 16384),
    )


class BuildPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every choice of the user for one image. `None`: as the level says.

    Paths are bytes, as on disk. Numbers keep the command line's units: bits for
    block, window and bloom filter sizes.
    """

    input: bytes
    output: bytes
    """Target file, or `-` for standard output."""
    force: bool = False
    """Replace an existing output."""
    level: int = DEFAULT_LEVEL
    block_bits: int | None = None
    compression: str | None = None
    schema_compression: str | None = None
    metadata_compression: str | None = None
    history_compression: str | None = None
    order: str | None = None
    lookback_blocks: int = 1
    window_bits: int | None = None
    window_step: int | None = None
    bloom_bits: int = 4
    file_hash: str = "xxh3-128"
    """Digest that finds duplicates, or `none`."""
    workers: int | None = None
    """Compression threads; None: one per available processor."""
    memory_limit_bytes: int | None = None
    """Bound of the blocks in flight; None: by memory and block size."""
    with_devices: bool = False
    with_specials: bool = False
    filters: tuple[bytes, ...] = ()
    """Filter rules, as the command line takes them: files are not looked into yet."""
    remove_empty_dirs: bool = False
    input_list: bytes | None = None
    """File with paths below the input, which replaces the walk; `-`: standard input."""
    section_index: bool = True
    history: bool = True
    history_timestamps: bool = True
    history_command_line: bool = True
    command_line: tuple[str, ...] = ()
    """What the history records as the arguments."""
    create_timestamp: bool = True
    set_owner: int | None = None
    set_group: int | None = None
    set_time: int | None = None
    """Unix seconds for every entry."""
    keep_all_times: bool = False
    pack_metadata: tuple[str, ...] = ("auto",)
    verify: bool = False
    """Read the image back after building and check every section and entry."""

    def settings(self) -> Settings:
        """Return the effective values.

        Raises:
            UsageError: A value is out of its range.
        """
        if self.level not in LEVELS:
            raise UsageError("invalid compression level")
        if self.input_list is not None and self.filters:
            raise UsageError("cannot combine --input-list and --filter")
        row = LEVEL_TABLE[self.level]
        schema = self.schema_compression or row.schema_compression
        settings = Settings(
            block_bits=_or(self.block_bits, row.block_bits),
            compression=self.compression or row.compression,
            schema_compression=schema,
            metadata_compression=self.metadata_compression or row.metadata_compression,
            history_compression=self.history_compression or schema,
            order=parse_order(self.order or row.order),
            lookback_blocks=self.lookback_blocks,
            window_bits=_or(self.window_bits, row.window_bits),
            window_step=_or(self.window_step, row.window_step),
            bloom_bits=self.bloom_bits,
            workers=_or(self.workers, available_processors()),
            pack=parse_pack_metadata(",".join(self.pack_metadata)),
        )
        if settings.block_bits not in BLOCK_BITS:
            raise UsageError("block size must be between 10 and 30")
        _check("--max-lookback-blocks", settings.lookback_blocks, range(1 << 31))
        _check("--window-size", settings.window_bits, WINDOW_BITS)
        _check("--window-step", settings.window_step, WINDOW_STEP)
        _check("--bloom-filter-size", settings.bloom_bits, BLOOM_BITS)
        _check("--num-workers", settings.workers, range(1, 1 << 16))
        return settings


@dataclass(frozen=True, slots=True)
class Pack:
    """Which metadata tables are packed, one flag per word of `--pack-metadata`."""

    chunk_table: bool = False
    directories: bool = False
    shared_files: bool = False
    names: bool = False
    names_index: bool = False
    symlinks: bool = False
    symlinks_index: bool = False
    force: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective values of a plan."""

    block_bits: int
    compression: str
    schema_compression: str
    metadata_compression: str
    history_compression: str
    order: OrderSpec
    lookback_blocks: int
    window_bits: int
    window_step: int
    bloom_bits: int
    workers: int
    pack: Pack


def parse_pack_metadata(text: str) -> Pack:
    """Parse a `--pack-metadata` value: comma separated words.

    Raises:
        UsageError: An unknown word, or `auto` or `none` among others.
    """
    words = text.split(",")
    bad = UsageError(f"the argument ('{text}') to '--pack-metadata' is invalid")
    if any(word not in PACK_WORDS for word in words):
        raise bad
    if {"auto", "none"} & set(words):
        if len(words) != 1:
            raise bad
        return Pack(names=True, symlinks=True) if words == ["auto"] else Pack()
    everything = "all" in words
    tables = PACK_WORDS[3:10]
    return Pack(
        **{word: everything or word in words for word in tables},
        force="force" in words,
        plain="plain" in words,
    )


_SIZE = re.compile(r"([0-9]+)([kKmMgGtT]?)")


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size argument: digits and an optional k, m, g or t.

    Raises:
        UsageError: Anything else.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"{option} expects a size such as 512m or 1g, found '{text}'")
    return int(match[1]) << (10 * " kmgt".index(match[2].lower() or " "))


_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)T(?:(\d\d)(\d\d)(?:(\d\d)(?:\.\d+)?)?)?"
    r"|(\d{4})-(\d\d)-(\d\d)(?:T|[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?",
    re.ASCII,
)
"""The date forms of `--set-time`, with and without separators, UTC."""


def parse_time(text: str) -> int:
    """Return a `--set-time` value as unix seconds; fractions are cut off.

    Raises:
        UsageError: Neither `now`, a number, nor one of the known date forms.
    """
    if text == "now":
        return int(time.time())
    if text.isascii() and text.isdigit():
        return int(text)
    match = _TIME.fullmatch(text)
    if match is not None:
        parts = [int(part) for part in match.groups() if part is not None]
        year, month, day, hour, minute, second = [*parts, 0, 0, 0][:6]
        with contextlib.suppress(ValueError):  # such as February 30
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return int(moment.timestamp())
    raise UsageError("cannot parse time point")


def _or(chosen: int | None, otherwise: int) -> int:
    return otherwise if chosen is None else chosen


def _check(option: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise UsageError(
            f"{option} expects a value from {allowed.start} to {allowed.stop - 1}, "
            f"found {value}"
        )
