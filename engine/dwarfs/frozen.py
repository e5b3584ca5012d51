"""Frozen data: a struct as packed bits, and the schema that says where they are.

DwarFS format, "Schema section and Frozen2 metadata encoding". What a field *is* (a
list of structs, an optional string) is fixed knowledge and declared here as a tree of
kinds; the schema holds only widths and positions, which the encoder computes anew for
every image.

Lists of integers and of structs of integers are columns (numpy arrays), read and
written without a Python object per item.

Writing. Every value but the root lies in the bits of what contains it; arrays and
strings lie after the root and are pointed to by a distance. Integers get the width of
the largest value stored, so the width of a distance depends on where things come to
lie, and that on the widths. Laying out starts from widths of zero and repeats until
nothing grows; as a distance never shrinks when a width grows, this finds the
smallest consistent layout, which is the one every encoder finds.

Reading. The data is hostile: every position is checked before it is used, and no two
arrays may claim the same bits, so that what is decoded is bounded by a multiple of
the data's size. Items of zero bits take no memory at all.
"""

# ruff: noqa: D102 -- what `read`, `walk` and so on do is said once, in `Kind`.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine import thrift
from dwarfsmith.engine.dwarfs.strings import Strings, offsets_of
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.kernels import bits

PADDING_BYTES = 8
"""Zero bytes at the end of the data, so that readers may fetch 64 bits at a time."""

MAX_OBJECTS = 1 << 16
"""Most items of a list that is no column; real images have a few."""
_FREE_ITEMS = 1 << 16
"""Items of zero bits that any data may have; more need as many bits elsewhere."""

Column = npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
T = TypeVar("T")


# The schema ------------------------------------------------------------------------


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
        raise FormatError(
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


# Encoding and decoding -------------------------------------------------------------


def decode(kind: Kind[T], schema: Schema, data: bytes | memoryview) -> T:
    """Return the value of a declared kind that `data` holds.

    Columns are new arrays, but those of nothing but zeros are read-only and take no
    memory.

    Raises:
        FormatError: The data is not what the schema says.
    """
    reader = _Reader(schema, data)
    return kind.read(reader, _Spot(schema.layouts[schema.root], 0, 0))


def encode(kind: Kind[T], value: T, *, align: bool = False) -> tuple[Schema, bytes]:
    """Return the schema and data of `value`.

    Args:
        kind: What the value is.
        value: Its columns all of one length in each table.
        align: Align the arrays that are declared so.

    Raises:
        ValueError: A value does not fit its kind.
    """
    root = _Node(kind)
    measure = _Measure(align)
    while True:
        measure.start(root)
        kind.walk(measure, root, value, 0, 0)
        if not measure.grown:
            break
    writer = _Writer(root, measure.cursor, align)
    kind.walk(writer, root, value, 0, 0)
    return _schema_of(root), writer.finish()


class _Node:
    """A field of the tree while it is laid out: the width of one kind's values.

    `parts` are the sub-fields in the order of their bits, `item` the element of an
    array. A leaf's width is stored, any other's is the sum of its parts'.
    """

    __slots__ = ("item", "kind", "measured", "parts", "width")

    def __init__(self, kind: Kind[Any]) -> None:
        self.kind = kind
        self.parts = [_Node(part) for _, part in kind.parts()]
        item = kind.item_kind()
        self.item = _Node(item) if item is not None else None
        self.width = 0
        self.measured: object = None
        """The column last measured, so that repeated passes need not do it again."""

    @property
    def bits(self) -> int:
        if self.parts:
            return sum(part.bits for part in self.parts)
        return self.width

    def position(self, index: int) -> int:
        """Return where the bits of a part begin."""
        return sum(part.bits for part in self.parts[:index])

    def fields(self) -> list[tuple[int, _Node, int]]:
        """Return id, node and position of all sub-fields, in order of declaration."""
        found = [
            (number, part, self.position(index))
            for index, ((number, _), part) in enumerate(
                zip(self.kind.parts(), self.parts, strict=True)
            )
        ]
        if self.item is not None:
            found.sort()  # an array stores its count first but declares it second
            found.append((_ITEM, self.item, 0))
        return found


def _schema_of(root: _Node) -> Schema:
    """Number the layouts, equal ones alike, sub-fields before what contains them."""
    layouts: list[Layout] = []
    known: dict[tuple[int, int, tuple[tuple[int, Placement], ...]], int] = {}

    def save(node: _Node, size: int) -> int:
        fields = {
            number: Placement(save(part, 0), 0, bit)
            for number, part, bit in node.fields()
            if part.bits
        }
        key = (size, node.bits, tuple(sorted(fields.items())))
        if key not in known:
            known[key] = len(layouts)
            layouts.append(Layout(size, node.bits, fields))
        return known[key]

    return Schema(layouts, save(root, _bytes_for(root.bits)))


def _bytes_for(bit_count: int) -> int:
    return (bit_count + 7) // 8


class _Sink(Protocol):
    """Where a walk over a value puts it: one measures, one writes."""

    align: bool

    def integer(self, node: _Node, base: int, bit: int, value: int) -> None:
        """Put an integer at a bit counted from a base byte."""

    def column(self, node: _Node, bit: int, stride: int, values: Column) -> None:
        """Put integers at a bit counted from the start, and at every stride."""

    def reserve(self, base: int, size: int, align: int = 1) -> int:
        """Return the distance from a base byte to `size` new bytes."""

    def copy(self, position: int, data: bytes | memoryview) -> None:
        """Put bytes into what was reserved."""


class _Measure:
    """Grows widths to what the values need, and finds out where things come to lie."""

    def __init__(self, align: bool) -> None:
        self.align = align
        self.cursor = 0
        self.grown = False

    def start(self, root: _Node) -> None:
        self.cursor = _bytes_for(root.bits)
        self.grown = False

    def integer(self, node: _Node, base: int, bit: int, value: int) -> None:
        if value.bit_length() > node.width:
            self._grow(node, value.bit_length())

    def column(self, node: _Node, bit: int, stride: int, values: Column) -> None:
        if node.measured is not values:
            node.measured = values
            self.integer(node, 0, 0, int(values.max()) if len(values) else 0)

    def reserve(self, base: int, size: int, align: int = 1) -> int:
        if size == 0:
            return 0
        self.cursor += align - 1  # the most that aligning can cost
        distance = self.cursor - base
        self.cursor += size
        return distance

    def copy(self, position: int, data: bytes | memoryview) -> None:
        """Only writing copies."""

    def _grow(self, node: _Node, width: int) -> None:
        most = node.kind.max_bits
        if width > most:
            raise ValueError(f"a value needs {width} bits, its field has {most}")
        node.width = width
        self.grown = True


class _Writer:
    """Writes values whose layout is settled."""

    def __init__(self, root: _Node, size: int, align: bool) -> None:
        self.align = align
        self._data = bytearray(size + PADDING_BYTES)
        self._cursor = _bytes_for(root.bits)

    def integer(self, node: _Node, base: int, bit: int, value: int) -> None:
        first, shift = divmod(8 * base + bit, 8)
        for position, byte in enumerate(_little_endian(value << shift), first):
            self._data[position] |= byte

    def column(self, node: _Node, bit: int, stride: int, values: Column) -> None:
        if node.width:
            whole = values if values.flags.c_contiguous else values.copy()
            bits.pack(self._data, bit, stride, node.width, whole)

    def reserve(self, base: int, size: int, align: int = 1) -> int:
        if size == 0:
            return 0
        self._cursor += -self._cursor % align
        distance = self._cursor - base
        self._cursor += size
        return distance

    def copy(self, position: int, data: bytes | memoryview) -> None:
        self._data[position : position + len(data)] = data

    def finish(self) -> bytes:
        return bytes(memoryview(self._data)[: self._cursor + PADDING_BYTES])


def _little_endian(value: int) -> bytes:
    return value.to_bytes(_bytes_for(value.bit_length()), "little")


class _Spot(NamedTuple):
    """A value's layout and where it lies in the data being read."""

    layout: Layout
    byte: int
    bit: int


@dataclass(frozen=True, slots=True)
class _Items:
    """An array in the data being read.

    `spot` is the first item, None if all items are default values; `step` is the
    number of bytes, `stride` the number of bits from one item to the next, and one
    of the two is 0 unless both are.
    """

    count: int
    spot: _Spot | None
    step: int
    stride: int

    @property
    def bits(self) -> int:
        """Distance of the items in bits."""
        return 8 * self.step + self.stride

    def at(self, index: int) -> _Spot | None:
        """Return where an item lies."""
        if self.spot is None:
            return None
        layout, byte, bit = self.spot
        return _Spot(layout, byte + index * self.step, bit + index * self.stride)


class _Reader:
    """Checked access to the data by means of the schema."""

    def __init__(self, schema: Schema, data: bytes | memoryview) -> None:
        self.data = np.frombuffer(data, np.uint8)
        self.size = len(self.data)
        self._layouts = schema.layouts
        self._bits_left = 8 * self.size
        self._free_items = max(_FREE_ITEMS, 8 * self.size)

    def part(self, spot: _Spot | None, number: int) -> _Spot | None:
        """Return where a sub-field lies, None if it is not stored."""
        if spot is None or (place := spot.layout.fields.get(number)) is None:
            return None
        layout = self._layouts[place.layout]
        return _Spot(layout, spot.byte + place.byte, spot.bit + place.bit)

    def integer(self, spot: _Spot | None, max_bits: int) -> int:
        if spot is None:
            return 0
        width = self.width(spot, max_bits)
        first = 8 * spot.byte + spot.bit
        self.check(first, width)
        stored = self.data[first >> 3 : _bytes_for(first + width)].tobytes()
        value = int.from_bytes(stored, "little") >> (first & 7)
        return value & ((1 << width) - 1)

    def width(self, spot: _Spot, max_bits: int) -> int:
        if spot.layout.bits > max_bits:
            raise FormatError(
                f"expected an integer of {max_bits} bits at most, found one of "
                f"{spot.layout.bits}, at byte {spot.byte} of the metadata"
            )
        return spot.layout.bits

    def check(self, first_bit: int, bit_count: int) -> None:
        """Make sure that bits lie within the data."""
        if first_bit + bit_count > 8 * self.size:
            raise FormatError(
                f"expected {bit_count} bits, found the end after {self.size} bytes, "
                f"at byte {first_bit // 8} of the metadata"
            )

    def claim(self, byte: int, bit_count: int) -> None:
        """Take bits for one array or string; none can be taken twice for long."""
        self.check(8 * byte, bit_count)
        self._bits_left -= bit_count
        if self._bits_left < 0:
            raise FormatError(
                "expected arrays that do not overlap, found more than "
                f"{self.size} bytes of them, at byte {byte} of the metadata"
            )

    def bytes_at(self, spot: _Spot | None) -> npt.NDArray[np.uint8]:
        """Return a string's bytes, a view of the data."""
        size = self.integer(self.part(spot, _COUNT), 64)
        if spot is None or size == 0:
            return self.data[:0]
        start = spot.byte + self.integer(self.part(spot, _DISTANCE), 64)
        self.claim(start, 8 * size)
        return self.data[start : start + size]

    def items(self, spot: _Spot | None) -> _Items:
        """Return where an array's items lie, all of them within the data."""
        count = self.integer(self.part(spot, _COUNT), 64)
        if spot is None or count == 0:
            return _Items(0, None, 0, 0)
        start = spot.byte + self.integer(self.part(spot, _DISTANCE), 64)
        item = self.part(spot, _ITEM)
        step = item.layout.size if item is not None else 0
        stride = item.layout.bits if item is not None and not step else 0
        if step or stride:
            self.claim(start, count * (8 * step + stride))
        elif count > self._free_items:
            raise FormatError(
                f"expected at most {self._free_items} items without data, "
                f"found {count}, at byte {spot.byte} of the metadata"
            )
        if item is None:
            return _Items(count, None, 0, 0)
        return _Items(count, _Spot(item.layout, start, 0), step, stride)

    def column(
        self, items: _Items, spot: _Spot | None, max_bits: int, dtype: npt.DTypeLike
    ) -> Column:
        """Return the integers that lie at `spot` in the first item, and so on."""
        width = self.width(spot, max_bits) if spot is not None else 0
        if spot is None or width == 0:
            return np.broadcast_to(np.zeros((), dtype), items.count)
        first = 8 * spot.byte + spot.bit
        self.check(first, (items.count - 1) * items.bits + width)
        column: Column = np.empty(items.count, dtype)
        bits.unpack(self.data, first, items.bits, width, column)
        return column

    def check_widths(self, items: _Items, widths: int) -> None:
        """Make sure that the fields of an item do not take more bits than it has."""
        if widths > items.bits:
            raise FormatError(
                f"expected fields of {items.bits} bits at most, found {widths}, "
                "in an array of the metadata"
            )


# The kinds -------------------------------------------------------------------------

_DISTANCE, _COUNT, _ITEM = 1, 2, 3
_IS_SET, _VALUE = 1, 2


class Kind(ABC, Generic[T]):
    """What a field is, and how such a value is read and written."""

    max_bits = 0
    """Most bits of an integer."""

    @abstractmethod
    def read(self, reader: _Reader, spot: _Spot | None) -> T:
        """Return the value there; the default where `spot` is None."""

    @abstractmethod
    def walk(self, sink: _Sink, node: _Node, value: T, base: int, bit: int) -> None:
        """Put a value at a bit; distances count from the base byte."""

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        """Return id and kind of the sub-fields, in the order of their bits."""
        return ()

    def item_kind(self) -> Kind[Any] | None:
        """Return the kind of an array's items."""
        return None


@dataclass(frozen=True)
class UInt(Kind[int]):
    """An unsigned integer."""

    max_bits: int = 32

    @property
    def dtype(self) -> type[np.uint32] | type[np.uint64]:
        """The type of a column of them."""
        return np.uint64 if self.max_bits > 32 else np.uint32

    def read(self, reader: _Reader, spot: _Spot | None) -> int:
        return reader.integer(spot, self.max_bits)

    def walk(self, sink: _Sink, node: _Node, value: int, base: int, bit: int) -> None:
        sink.integer(node, base, bit, value)


@dataclass(frozen=True)
class Bool(Kind[bool]):
    """True or false."""

    max_bits: int = 1

    def read(self, reader: _Reader, spot: _Spot | None) -> bool:
        return reader.integer(spot, self.max_bits) != 0

    def walk(self, sink: _Sink, node: _Node, value: bool, base: int, bit: int) -> None:
        sink.integer(node, base, bit, int(value))


_POSITION = UInt(64)


@dataclass(frozen=True)
class Text(Kind[bytes]):
    """A byte string."""

    def read(self, reader: _Reader, spot: _Spot | None) -> bytes:
        return reader.bytes_at(spot).tobytes()

    def walk(self, sink: _Sink, node: _Node, value: bytes, base: int, bit: int) -> None:
        if value:
            distance = sink.reserve(base, len(value))
            at_distance, at_count = node.parts
            sink.integer(at_distance, base, bit, distance)
            sink.integer(at_count, base, bit + at_distance.bits, len(value))
            sink.copy(base + distance, value)

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (_DISTANCE, _POSITION), (_COUNT, _POSITION)


class _Array(Kind[T]):
    """What all arrays have in common; their bits are the count, then the distance."""

    align: int = 1
    """Alignment in bytes, where arrays are aligned at all."""

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (_COUNT, _POSITION), (_DISTANCE, _POSITION)

    def place(
        self, sink: _Sink, node: _Node, count: int, base: int, bit: int
    ) -> tuple[_Node, int]:
        """Put count and distance; return the item's node and the first item's byte."""
        at_count, at_distance = node.parts
        assert node.item is not None
        sink.integer(at_count, base, bit, count)
        size = _bytes_for(count * node.item.bits)
        distance = sink.reserve(base, size, self.align if sink.align else 1)
        sink.integer(at_distance, base, bit + at_count.bits, distance)
        return node.item, base + distance


@dataclass(frozen=True)
class Array(_Array[Column]):
    """A list of integers, as one column."""

    item: UInt = field(default_factory=UInt)

    def read(self, reader: _Reader, spot: _Spot | None) -> Column:
        items = reader.items(spot)
        if items.spot is not None:
            reader.check_widths(items, items.spot.layout.bits)
        return reader.column(items, items.spot, self.item.max_bits, self.item.dtype)

    def walk(
        self, sink: _Sink, node: _Node, value: Column, base: int, bit: int
    ) -> None:
        item, start = self.place(sink, node, len(value), base, bit)
        sink.column(item, 8 * start, item.bits, value)

    def item_kind(self) -> Kind[Any]:
        return self.item


class Field(NamedTuple):
    """A field of a struct: thrift id, attribute, kind."""

    number: int
    name: str
    kind: Kind[Any]


@dataclass(frozen=True)
class Struct(Kind[T]):
    """A struct; `make` takes its fields by name and has them as attributes."""

    make: Callable[..., T]
    fields: tuple[Field, ...]

    def read(self, reader: _Reader, spot: _Spot | None) -> T:
        return self.make(
            **{
                name: kind.read(reader, reader.part(spot, number))
                for number, name, kind in self.fields
            }
        )

    def walk(self, sink: _Sink, node: _Node, value: T, base: int, bit: int) -> None:
        for (_, name, kind), part in zip(self.fields, node.parts, strict=True):
            kind.walk(sink, part, getattr(value, name), base, bit)
            bit += part.bits

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return [(number, kind) for number, _, kind in self.fields]


@dataclass(frozen=True)
class Table(_Array[T]):
    """A list of structs of integers: one object with a column per field."""

    row: Struct[T]
    align: int = 1

    def read(self, reader: _Reader, spot: _Spot | None) -> T:
        items = reader.items(spot)
        spots = [reader.part(items.spot, number) for number, _, _ in self.row.fields]
        widths = sum(at.layout.bits for at in spots if at is not None)
        reader.check_widths(items, widths)
        columns = {}
        for (_, name, kind), at in zip(self.row.fields, spots, strict=True):
            assert isinstance(kind, UInt)
            columns[name] = reader.column(items, at, kind.max_bits, kind.dtype)
        return self.row.make(**columns)

    def walk(self, sink: _Sink, node: _Node, value: T, base: int, bit: int) -> None:
        columns = [getattr(value, name) for _, name, _ in self.row.fields]
        count = len(columns[0])
        if any(len(column) != count for column in columns):
            raise ValueError("the columns of a table differ in length")
        item, start = self.place(sink, node, count, base, bit)
        stride, at = item.bits, 8 * start
        for column, part in zip(columns, item.parts, strict=True):
            sink.column(part, at, stride, column)
            at += part.bits

    def item_kind(self) -> Kind[Any]:
        return self.row


@dataclass(frozen=True, eq=False)
class UIntMap:
    """A map between integers as columns; `keys` ascends."""

    keys: Column
    values: Column

    def __len__(self) -> int:
        return len(self.keys)


def map_of(key: UInt, value: UInt) -> Table[UIntMap]:
    """Declare an ordered map between integers, aligned to the wider of the two."""
    fields = (Field(1, "keys", key), Field(2, "values", value))
    row: Struct[UIntMap] = Struct(UIntMap, fields)
    return Table(row, max(key.max_bits, value.max_bits) // 8)


@dataclass(frozen=True)
class TextTable(_Array[Strings]):
    """A list of strings, as columns."""

    def read(self, reader: _Reader, spot: _Spot | None) -> Strings:
        items = reader.items(spot)
        part = [reader.part(items.spot, number) for number in (_DISTANCE, _COUNT)]
        widths = sum(at.layout.bits for at in part if at is not None)
        reader.check_widths(items, widths)
        distances, sizes = (reader.column(items, at, 64, np.uint64) for at in part)
        if items.spot is None or not sizes.any():
            return Strings(reader.data[:0], np.zeros(items.count + 1, np.int64))
        for column in (distances, sizes):
            if int(column.max()) > reader.size:
                reader.check(8 * items.spot.byte, 8 * int(column.max()))
        lengths = sizes.astype(np.int64)
        starts = distances.astype(np.int64) + items.spot.byte
        starts += items.step * np.arange(items.count)
        return _gather(reader, starts, lengths)

    def walk(
        self, sink: _Sink, node: _Node, value: Strings, base: int, bit: int
    ) -> None:
        item, start = self.place(sink, node, len(value), base, bit)
        if len(value):
            distance = sink.reserve(start, len(value.text))
            at_distance, at_count = item.parts
            sizes = value.sizes.astype(np.uint64)
            distances = (value.offsets[:-1] + distance).astype(np.uint64)
            distances[sizes == 0] = 0
            sink.column(at_distance, 8 * start, item.bits, distances)
            sink.column(at_count, 8 * start + at_distance.bits, item.bits, sizes)
            sink.copy(start + distance, value.text.data)

    def item_kind(self) -> Kind[Any]:
        return Text()


def _gather(
    reader: _Reader, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> Strings:
    """Return strings that lie anywhere in the data, checked, as one text."""
    stored = sizes > 0
    reader.check(0, 8 * int((starts + sizes)[stored].max()))
    offsets = offsets_of(sizes)
    first, total = int(starts[stored][0]), int(offsets[-1])
    reader.claim(0, 8 * total)
    shifts = starts - offsets[:-1]
    if (shifts[stored] == first).all():
        return Strings(reader.data[first : first + total], offsets)
    return Strings(reader.data[np.arange(total) + np.repeat(shifts, sizes)], offsets)


@dataclass(frozen=True)
class ListOf(_Array[list[T]]):
    """A list of anything, as Python objects; for lists that are short."""

    item: Kind[T]

    def read(self, reader: _Reader, spot: _Spot | None) -> list[T]:
        items = reader.items(spot)
        if items.count > MAX_OBJECTS:
            raise FormatError(
                f"expected at most {MAX_OBJECTS} items, found {items.count}, "
                "in a list of the metadata"
            )
        return [self.item.read(reader, items.at(i)) for i in range(items.count)]

    def walk(
        self, sink: _Sink, node: _Node, value: list[T], base: int, bit: int
    ) -> None:
        item, start = self.place(sink, node, len(value), base, bit)
        stride = item.bits
        for index, element in enumerate(value):
            self.item.walk(sink, item, element, start, index * stride)

    def item_kind(self) -> Kind[Any]:
        return self.item


class SetOf(ListOf[T]):
    """An ordered set: a list whose items ascend."""


@dataclass(frozen=True)
class Maybe(Kind[T | None]):
    """A value that may be absent, which is not the same as empty."""

    kind: Kind[T]

    def read(self, reader: _Reader, spot: _Spot | None) -> T | None:
        if not reader.integer(reader.part(spot, _IS_SET), 1):
            return None
        return self.kind.read(reader, reader.part(spot, _VALUE))

    def walk(
        self, sink: _Sink, node: _Node, value: T | None, base: int, bit: int
    ) -> None:
        is_set, inner = node.parts
        sink.integer(is_set, base, bit, int(value is not None))
        if value is not None:
            self.kind.walk(sink, inner, value, base, bit + is_set.bits)

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (_IS_SET, Bool()), (_VALUE, self.kind)
