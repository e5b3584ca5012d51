"""The schema section: where the fields of the metadata lie, and how wide they are.

DwarFS format, "Schema structs".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dwarfsmith.engine import thrift
from dwarfsmith.engine.errors import FormatError, UnsupportedError

DISTANCE, COUNT, ITEM = 1, 2, 3
"""Ids of the sub-fields of arrays and, but for the last, of strings."""


class Placement(NamedTuple):
    """A field of a layout: its own layout, and where it is from the parent's start."""

    layout: int
    byte: int
    bit: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How one field of the tree is stored; a size of 0 means as bits of its parent."""

    size: int
    bits: int
    fields: dict[int, Placement]


@dataclass(frozen=True, slots=True)
class Schema:
    """All layouts of an image; `root` is the metadata's."""

    layouts: list[Layout]
    root: int


_FILE_VERSION = 1
_WHERE = "metadata schema"


def decode_schema(data: bytes | memoryview) -> Schema:
    """Read a schema section's payload.

    Raises:
        FormatError: It is no schema, or refers to layouts that are not there.
        UnsupportedError: Its version is unknown.
    """
    struct = thrift.decode(data, _WHERE).struct
    version = thrift.get_int(struct, 4, 0, _WHERE)
    if version > _FILE_VERSION:
        raise UnsupportedError(
            f"expected version {_FILE_VERSION}, found {version}, in the {_WHERE}"
        )
    pairs = thrift.get_pairs(struct, 2, thrift.Kind.I16, thrift.Kind.STRUCT, _WHERE)
    layouts = {
        thrift.as_int(number): _decode_layout(thrift.as_struct(layout))
        for number, layout in pairs
    }
    root = thrift.get_int(struct, 3, 0, _WHERE)
    _check_schema(layouts, root)
    return Schema([layouts[number] for number in range(len(layouts))], root)


def _decode_layout(struct: thrift.Struct) -> Layout:
    size = thrift.get_int(struct, 1, 0, _WHERE)
    width = thrift.get_int(struct, 2, 0, _WHERE)
    if size < 0 or width < 0:
        raise FormatError(
            f"expected sizes of 0 or more, found {min(size, width)}, in the {_WHERE}"
        )
    pairs = thrift.get_pairs(struct, 3, thrift.Kind.I16, thrift.Kind.STRUCT, _WHERE)
    fields = {}
    for number, value in pairs:
        entry = thrift.as_struct(value)
        offset = thrift.get_int(entry, 2, 0, _WHERE)
        fields[thrift.as_int(number)] = Placement(
            thrift.get_int(entry, 1, 0, _WHERE), max(offset, 0), max(-offset, 0)
        )
    return Layout(size, width, fields)


def _check_schema(layouts: dict[int, Layout], root: int) -> None:
    if not layouts or layouts.keys() != set(range(len(layouts))):
        raise FormatError(
            f"expected layouts numbered from 0 without gaps, found {len(layouts)} "
            f"others, in the {_WHERE}"
        )
    used = {
        place.layout for layout in layouts.values() for place in layout.fields.values()
    }
    missing = (used | {root}) - layouts.keys()
    if missing:
        raise FormatError(
            f"expected a layout below {len(layouts)}, found {min(missing)}, "
            f"in the {_WHERE}"
        )


def encode_schema(schema: Schema, *, ascending: bool = False) -> bytes:
    """Return a schema section's payload.

    Args:
        schema: What `encode` returned.
        ascending: Write the outer struct's fields by ascending id, as releases from
            0.15 on do, and not the version first; readers take either.
    """
    layouts: list[tuple[thrift.Value, thrift.Value]] = [
        (number, _layout_struct(layout)) for number, layout in enumerate(schema.layouts)
    ]
    version: thrift.Struct = {4: (thrift.Kind.I32, _FILE_VERSION)}
    rest: thrift.Struct = {
        1: (thrift.Kind.BOOL, True),  # relaxTypeChecks
        2: (
            thrift.Kind.MAP,
            thrift.Pairs(thrift.Kind.I16, thrift.Kind.STRUCT, layouts),
        ),
        3: (thrift.Kind.I16, schema.root),
    }
    return thrift.encode({**rest, **version} if ascending else {**version, **rest})


def _layout_struct(layout: Layout) -> thrift.Struct:
    fields: list[tuple[thrift.Value, thrift.Value]] = [
        (
            number,
            {
                1: (thrift.Kind.I16, place.layout),
                2: (thrift.Kind.I16, -place.bit if place.bit else place.byte),
            },
        )
        for number, place in sorted(layout.fields.items())
    ]
    return {
        1: (thrift.Kind.I32, layout.size),
        2: (thrift.Kind.I16, layout.bits),
        3: (
            thrift.Kind.MAP,
            thrift.Pairs(thrift.Kind.I16, thrift.Kind.STRUCT, fields),
        ),
        4: (thrift.Kind.BINARY, b""),  # typeName
    }


def bytes_for(bit_count: int) -> int:
    """Return how many bytes hold so many bits."""
    return (bit_count + 7) // 8
