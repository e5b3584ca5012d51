"""Lays values out as packed bits, and writes them.

DwarFS format, "Writing: computing layouts". Every value but the root lies in the bits
of what contains it; arrays and strings lie after the root and are pointed to by a
distance. Integers get the width of the largest value stored, so the width of a distance
depends on where things come to lie, and that on the widths. Laying out starts from
widths of zero and repeats until nothing grows; as a distance never shrinks when a width
grows, this finds the smallest consistent layout, which is the one every encoder finds.

Each pass and the writing itself are the same walk over the value (see
`frozen.Kind.walk`) with another `Sink`.
"""

# ruff: noqa: D102 -- what the methods of sinks do is said once, in `Sink`.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dwarfsmith.engine.dwarfs.schema import (
    ITEM,
    Layout,
    Placement,
    Schema,
    bytes_for,
)
from dwarfsmith.engine.dwarfs.thaw import Column
from dwarfsmith.engine.kernels import bits as kernel

if TYPE_CHECKING:
    from dwarfsmith.engine.dwarfs.frozen import Kind

PADDING_BYTES = 8
"""Zero bytes at the end of the data, so that readers may fetch 64 bits at a time."""


class Node:
    """A field of the tree while it is laid out: the width of one kind's values.

    `parts` are the sub-fields in the order of their bits, `item` the element of an
    array. A leaf's width is stored, any other's is the sum of its parts'.
    """

    __slots__ = ("item", "kind", "measured", "parts", "width")

    def __init__(self, kind: Kind[Any]) -> None:
        self.kind = kind
        self.parts = [Node(part) for _, part in kind.parts()]
        item = kind.item_kind()
        self.item = Node(item) if item is not None else None
        self.width = 0
        self.measured: object = None
        """The column last measured, so that repeated passes need not do it again."""

    @property
    def bits(self) -> int:
        """Width of all that is stored in place."""
        if self.parts:
            return sum(part.bits for part in self.parts)
        return self.width

    def position(self, index: int) -> int:
        """Return where the bits of a part begin."""
        return sum(part.bits for part in self.parts[:index])

    def fields(self) -> list[tuple[int, Node, int]]:
        """Return id, node and position of all sub-fields, in order of declaration."""
        found = [
            (number, part, self.position(index))
            for index, ((number, _), part) in enumerate(
                zip(self.kind.parts(), self.parts, strict=True)
            )
        ]
        if self.item is not None:
            found.sort()  # an array stores its count first but declares it second
            found.append((ITEM, self.item, 0))
        return found


def schema_of(root: Node) -> Schema:
    """Number the layouts, equal ones alike, sub-fields before what contains them."""
    layouts: list[Layout] = []
    known: dict[tuple[int, int, tuple[tuple[int, Placement], ...]], int] = {}

    def save(node: Node, size: int) -> int:
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

    return Schema(layouts, save(root, bytes_for(root.bits)))


class Sink(Protocol):
    """Where a walk over a value puts it: one measures, one writes."""

    align: bool

    def integer(self, node: Node, base: int, bit: int, value: int) -> None:
        """Put an integer at a bit counted from a base byte."""

    def column(self, node: Node, bit: int, stride: int, values: Column) -> None:
        """Put integers at a bit counted from the start, and at every stride."""

    def reserve(self, base: int, size: int, align: int = 1) -> int:
        """Return the distance from a base byte to `size` new bytes."""

    def copy(self, position: int, data: bytes | memoryview) -> None:
        """Put bytes into what was reserved."""


class Measure:
    """Grows widths to what the values need, and finds out where things come to lie."""

    def __init__(self, align: bool) -> None:
        self.align = align
        self.cursor = 0
        self.grown = False

    def start(self, root: Node) -> None:
        """Begin another pass."""
        self.cursor = bytes_for(root.bits)
        self.grown = False

    def integer(self, node: Node, base: int, bit: int, value: int) -> None:
        if value < 0:
            raise ValueError(f"an unsigned field cannot hold {value}")
        if value.bit_length() > node.width:
            self._grow(node, value.bit_length())

    def column(self, node: Node, bit: int, stride: int, values: Column) -> None:
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

    def _grow(self, node: Node, width: int) -> None:
        most = node.kind.max_bits
        if width > most:
            raise ValueError(f"a value needs {width} bits, its field has {most}")
        node.width = width
        self.grown = True


class Writer:
    """Writes values whose layout is settled."""

    def __init__(self, root: Node, size: int, align: bool) -> None:
        self.align = align
        self._data = bytearray(size + PADDING_BYTES)
        self._cursor = bytes_for(root.bits)

    def integer(self, node: Node, base: int, bit: int, value: int) -> None:
        first, shift = divmod(8 * base + bit, 8)
        for position, byte in enumerate(_little_endian(value << shift), first):
            self._data[position] |= byte

    def column(self, node: Node, bit: int, stride: int, values: Column) -> None:
        if node.width:
            whole = values if values.flags.c_contiguous else values.copy()
            kernel.pack(self._data, bit, stride, node.width, whole)

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
        """Return the data, padding included."""
        return bytes(memoryview(self._data)[: self._cursor + PADDING_BYTES])


def _little_endian(value: int) -> bytes:
    return value.to_bytes(bytes_for(value.bit_length()), "little")
