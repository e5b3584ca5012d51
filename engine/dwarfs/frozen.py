"""Frozen data: a struct as packed bits, and the schema that says where they are.

DwarFS format, "Schema section and Frozen2 metadata encoding". What a field *is* (a
list of structs, an optional string) is fixed knowledge and declared here as a tree of
kinds; the schema holds only widths and positions, which the encoder computes anew for
every image. Each kind knows how it is read (`thaw`) and laid out and written
(`freeze`).

Lists of integers and of structs of integers are columns (numpy arrays), read and
written without a Python object per item.
"""

# ruff: noqa: D102 -- what `read`, `walk` and so on do is said once, in `Kind`.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.freeze import Measure, Node, Sink, Writer, schema_of
from dwarfsmith.engine.dwarfs.schema import (
    COUNT,
    DISTANCE,
    Schema,
    bytes_for,
)
from dwarfsmith.engine.dwarfs.strings import Strings, offsets_of
from dwarfsmith.engine.dwarfs.thaw import Column, Reader, Spot
from dwarfsmith.engine.errors import FormatError

MAX_OBJECTS = 1 << 16
"""Most items of a list that is no column; real images have a few."""

T = TypeVar("T")


def decode(kind: Kind[T], schema: Schema, data: bytes | memoryview) -> T:
    """Return the value of a declared kind that `data` holds.

    Columns are new arrays, but those of nothing but zeros are read-only and take no
    memory.

    Raises:
        FormatError: The data is not what the schema says.
    """
    reader = Reader(schema, data)
    return kind.read(reader, Spot(schema.layouts[schema.root], 0, 0))


def encode(kind: Kind[T], value: T, *, align: bool = False) -> tuple[Schema, bytes]:
    """Return the schema and data of `value`.

    Args:
        kind: What the value is.
        value: Its columns all of one length in each table.
        align: Align the arrays that are declared so.

    Raises:
        ValueError: A value does not fit its kind.
    """
    root = Node(kind)
    measure = Measure(align)
    while True:
        measure.start(root)
        kind.walk(measure, root, value, 0, 0)
        if not measure.grown:
            break
    writer = Writer(root, measure.cursor, align)
    kind.walk(writer, root, value, 0, 0)
    return schema_of(root), writer.finish()


# The kinds -------------------------------------------------------------------------

_IS_SET, _VALUE = 1, 2


class Kind(ABC, Generic[T]):
    """What a field is, and how such a value is read and written."""

    max_bits = 0
    """Most bits of an integer."""

    @abstractmethod
    def read(self, reader: Reader, spot: Spot | None) -> T:
        """Return the value there; the default where `spot` is None."""

    @abstractmethod
    def walk(self, sink: Sink, node: Node, value: T, base: int, bit: int) -> None:
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

    def read(self, reader: Reader, spot: Spot | None) -> int:
        return reader.integer(spot, self.max_bits)

    def walk(self, sink: Sink, node: Node, value: int, base: int, bit: int) -> None:
        sink.integer(node, base, bit, value)


@dataclass(frozen=True)
class Bool(Kind[bool]):
    """True or false."""

    max_bits: int = 1

    def read(self, reader: Reader, spot: Spot | None) -> bool:
        return reader.integer(spot, self.max_bits) != 0

    def walk(self, sink: Sink, node: Node, value: bool, base: int, bit: int) -> None:
        sink.integer(node, base, bit, int(value))


_POSITION = UInt(64)


@dataclass(frozen=True)
class Text(Kind[bytes]):
    """A byte string."""

    def read(self, reader: Reader, spot: Spot | None) -> bytes:
        return reader.bytes_at(spot).tobytes()

    def walk(self, sink: Sink, node: Node, value: bytes, base: int, bit: int) -> None:
        if value:
            distance = sink.reserve(base, len(value))
            at_distance, at_count = node.parts
            sink.integer(at_distance, base, bit, distance)
            sink.integer(at_count, base, bit + at_distance.bits, len(value))
            sink.copy(base + distance, value)

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (DISTANCE, _POSITION), (COUNT, _POSITION)


class _Array(Kind[T]):
    """What all arrays have in common; their bits are the count, then the distance."""

    align: int = 1
    """Alignment in bytes, where arrays are aligned at all."""

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (COUNT, _POSITION), (DISTANCE, _POSITION)

    def place(
        self, sink: Sink, node: Node, count: int, base: int, bit: int
    ) -> tuple[Node, int]:
        """Put count and distance; return the item's node and the first item's byte."""
        at_count, at_distance = node.parts
        assert node.item is not None
        sink.integer(at_count, base, bit, count)
        size = bytes_for(count * node.item.bits)
        distance = sink.reserve(base, size, self.align if sink.align else 1)
        sink.integer(at_distance, base, bit + at_count.bits, distance)
        return node.item, base + distance


@dataclass(frozen=True)
class Array(_Array[Column]):
    """A list of integers, as one column."""

    item: UInt = field(default_factory=UInt)

    def read(self, reader: Reader, spot: Spot | None) -> Column:
        items = reader.items(spot)
        if items.spot is not None:
            reader.check_widths(items, items.spot.layout.bits)
        return reader.column(items, items.spot, self.item.max_bits, self.item.dtype)

    def walk(self, sink: Sink, node: Node, value: Column, base: int, bit: int) -> None:
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

    def read(self, reader: Reader, spot: Spot | None) -> T:
        return self.make(
            **{
                name: kind.read(reader, reader.part(spot, number))
                for number, name, kind in self.fields
            }
        )

    def walk(self, sink: Sink, node: Node, value: T, base: int, bit: int) -> None:
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

    def read(self, reader: Reader, spot: Spot | None) -> T:
        items = reader.items(spot)
        spots = [reader.part(items.spot, number) for number, _, _ in self.row.fields]
        widths = sum(at.layout.bits for at in spots if at is not None)
        reader.check_widths(items, widths)
        columns = {}
        for (_, name, kind), at in zip(self.row.fields, spots, strict=True):
            assert isinstance(kind, UInt)
            columns[name] = reader.column(items, at, kind.max_bits, kind.dtype)
        return self.row.make(**columns)

    def walk(self, sink: Sink, node: Node, value: T, base: int, bit: int) -> None:
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

    def read(self, reader: Reader, spot: Spot | None) -> Strings:
        items = reader.items(spot)
        part = [reader.part(items.spot, number) for number in (DISTANCE, COUNT)]
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

    def walk(self, sink: Sink, node: Node, value: Strings, base: int, bit: int) -> None:
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
    reader: Reader, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
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

    def read(self, reader: Reader, spot: Spot | None) -> list[T]:
        items = reader.items(spot)
        if items.count > MAX_OBJECTS:
            raise FormatError(
                f"expected at most {MAX_OBJECTS} items, found {items.count}, "
                "in a list of the metadata"
            )
        return [self.item.read(reader, items.at(i)) for i in range(items.count)]

    def walk(self, sink: Sink, node: Node, value: list[T], base: int, bit: int) -> None:
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

    def read(self, reader: Reader, spot: Spot | None) -> T | None:
        if not reader.integer(reader.part(spot, _IS_SET), 1):
            return None
        return self.kind.read(reader, reader.part(spot, _VALUE))

    def walk(
        self, sink: Sink, node: Node, value: T | None, base: int, bit: int
    ) -> None:
        is_set, inner = node.parts
        sink.integer(is_set, base, bit, int(value is not None))
        if value is not None:
            self.kind.walk(sink, inner, value, base, bit + is_set.bits)

    def parts(self) -> Sequence[tuple[int, Kind[Any]]]:
        return (_IS_SET, Bool()), (_VALUE, self.kind)
