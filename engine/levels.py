"""The compression levels 0 to 9: what each one decides.

Kept apart from `plan` so that a command can print the table without loading more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

DEFAULT_LEVEL: Final = 7


class LevelDefaults(NamedTuple):
    """What a level decides: one row of the level table."""

    block_bits: int
    compression: str
    schema_compression: str
    metadata_compression: str
    window_bits: int
    window_step: int
    order: str


_ZSTD: Final = "zstd:level=16"
LEVEL_TABLE: Final[tuple[LevelDefaults, ...]] = (
    LevelDefaults(20, "null", "null", "null", 0, 0, "none"),
    LevelDefaults(20, "lz4", _ZSTD, "null", 0, 0, "path"),
    LevelDefaults(20, "lz4hc:level=9", _ZSTD, "null", 0, 0, "path"),
    LevelDefaults(21, "lz4hc:level=9", _ZSTD, "null", 12, 1, "similarity"),
    LevelDefaults(22, "zstd:level=11", _ZSTD, "null", 12, 2, "similarity"),
    LevelDefaults(23, "zstd:level=19", _ZSTD, "null", 12, 2, "similarity"),
    LevelDefaults(24, "zstd:level=22", _ZSTD, "null", 12, 3, "nilsimsa"),
    LevelDefaults(24, "zstd:level=22", _ZSTD, "zstd:level=22", 12, 3, "nilsimsa"),
    LevelDefaults(24, "lzma:level=9", _ZSTD, "lzma:level=9", 12, 4, "nilsimsa"),
    LevelDefaults(26, "lzma:level=9", _ZSTD, "lzma:level=9", 12, 4, "nilsimsa"),
)
"""Levels 0 to 9, the values people know from mkdwarfs."""
