"""The history section: who made an image, when, with what and how.

DwarFS format, "History". An image may have several such sections, or none.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import dwarfsmith
from dwarfsmith.engine import thrift
from dwarfsmith.engine.thrift import Items, Kind, Struct

SOFTWARE = f"dwarfsmith v{dwarfsmith.__version__}"
"""How images name what made them."""

_WHERE = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A release; the descriptions come from its version control."""

    major: int = 0
    minor: int = 0
    patch: int = 0
    is_release: bool = False
    git_rev: bytes | None = None
    git_branch: bytes | None = None
    git_desc: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One run that made or changed the image."""

    version: Version = field(default_factory=Version)
    system_id: bytes = b""
    compiler_id: bytes = b""
    arguments: tuple[bytes, ...] | None = None
    """The command line, the command included."""
    timestamp: int | None = None
    """Unix seconds."""
    library_versions: tuple[bytes, ...] | None = None
    """Ascending."""


def new_entry(
    *, arguments: Sequence[str | bytes] | None, timestamp: int | None
) -> HistoryEntry:
    """Describe this run.

    Args:
        arguments: The command line; None: not recorded.
        timestamp: Unix seconds; None: not recorded.
    """
    major, minor, patch = map(int, re.findall(r"\d+", dwarfsmith.__version__)[:3])
    system = os.uname()
    return HistoryEntry(
        version=Version(
            major=major,
            minor=minor,
            patch=patch,
            is_release=True,
            git_desc=SOFTWARE.encode(),
        ),
        system_id=f"{system.sysname}-{system.release} [{system.machine}]".encode(),
        compiler_id=(
            f"{platform.python_implementation()} {platform.python_version()}".encode()
        ),
        arguments=None if arguments is None else tuple(map(os.fsencode, arguments)),
        timestamp=timestamp,
        library_versions=_library_versions(),
    )


def _library_versions() -> tuple[bytes, ...]:
    """Return the versions of the libraries that decide what is written."""
    # Most of them are slow to load, and reading a history needs none.
    import brotli
    import lz4
    import xxhash
    import zstandard

    versions = {
        "brotli": brotli.__version__,
        "lz4": lz4.library_version_string(),
        "xxhash": xxhash.XXHASH_VERSION,
        "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    }
    return tuple(sorted(f"{name}-{text}".encode() for name, text in versions.items()))


def decode(payload: bytes | memoryview) -> list[HistoryEntry]:
    """Return the entries of an uncompressed history section, oldest first.

    Raises:
        FormatError: The payload is no history.
    """
    struct = thrift.decode(payload, _WHERE).struct
    entries = thrift.get_items(struct, 1, Kind.STRUCT, _WHERE) or []
    return [_decode_entry(thrift.as_struct(entry)) for entry in entries]


def _decode_entry(struct: Struct) -> HistoryEntry:
    return HistoryEntry(
        version=_decode_version(thrift.get_struct(struct, 1, _WHERE) or {}),
        system_id=thrift.get_bytes(struct, 2, _WHERE) or b"",
        compiler_id=thrift.get_bytes(struct, 3, _WHERE) or b"",
        arguments=_decode_texts(struct, 4),
        timestamp=thrift.get_int(struct, 5, 0, _WHERE) if 5 in struct else None,
        library_versions=_decode_texts(struct, 6),
    )


def _decode_version(struct: Struct) -> Version:
    return Version(
        major=thrift.get_int(struct, 1, 0, _WHERE),
        minor=thrift.get_int(struct, 2, 0, _WHERE),
        patch=thrift.get_int(struct, 3, 0, _WHERE),
        is_release=thrift.get_bool(struct, 4, False, _WHERE),
        git_rev=thrift.get_bytes(struct, 5, _WHERE),
        git_branch=thrift.get_bytes(struct, 6, _WHERE),
        git_desc=thrift.get_bytes(struct, 7, _WHERE),
    )


def _decode_texts(struct: Struct, number: int) -> tuple[bytes, ...] | None:
    items = thrift.get_items(struct, number, Kind.BINARY, _WHERE)
    return None if items is None else tuple(map(thrift.as_bytes, items))


def encode(entries: Sequence[HistoryEntry]) -> bytes:
    """Return the payload of a history section."""
    structs: list[thrift.Value] = [_encode_entry(entry) for entry in entries]
    return thrift.encode({1: (Kind.LIST, Items(Kind.STRUCT, structs))})


def _encode_entry(entry: HistoryEntry) -> Struct:
    struct: dict[int, tuple[Kind, thrift.Value]] = {
        1: (Kind.STRUCT, _encode_version(entry.version)),
        2: (Kind.BINARY, entry.system_id),
        3: (Kind.BINARY, entry.compiler_id),
    }
    if entry.arguments is not None:
        struct[4] = Kind.LIST, Items(Kind.BINARY, list(entry.arguments))
    if entry.timestamp is not None:
        struct[5] = Kind.I64, entry.timestamp
    if entry.library_versions is not None:
        struct[6] = Kind.SET, Items(Kind.BINARY, list(entry.library_versions))
    return struct


def _encode_version(version: Version) -> Struct:
    struct: dict[int, tuple[Kind, thrift.Value]] = {
        1: (Kind.I16, version.major),
        2: (Kind.I16, version.minor),
        3: (Kind.I16, version.patch),
        4: (Kind.BOOL, version.is_release),
    }
    for number, text in (
        (5, version.git_rev),
        (6, version.git_branch),
        (7, version.git_desc),
    ):
        if text is not None:
            struct[number] = Kind.BINARY, text
    return struct
