"""Frozen data as the format describes it, value by value.

Nothing is assumed about where things come to lie: every node may be stored in whole
bytes or in bits of its parent, positions are (byte, bit) throughout, and the whole
layout is repeated until nothing grows. Values are plain Python: lists of dictionaries,
not columns. Kinds are those of `dwarfsmith.engine.dwarfs.frozen`.
"""

from dataclasses import dataclass, field
from typing import Any

from dwarfsmith.engine.dwarfs import frozen
from dwarfsmith.engine.dwarfs.schema import Schema

DISTANCE, COUNT, ITEM = 1, 2, 3
IS_SET, VALUE = 1, 2


def simplify(kind: frozen.Kind[Any]) -> Any:
    """Return a kind as a tuple: its name and what it is made of."""
    match kind:
        case frozen.UInt():
            return ("uint",)
        case frozen.Bool():
            return ("bool",)
        case frozen.Text():
            return ("string",)
        case frozen.Array():
            return ("list", simplify(kind.item))
        case frozen.TextTable():
            return ("list", ("string",))
        case frozen.Table():
            return ("list", simplify(kind.row))
        case frozen.ListOf():
            return ("list", simplify(kind.item))
        case frozen.Maybe():
            return ("optional", simplify(kind.kind))
        case frozen.Struct():
            return ("struct", [(n, name, simplify(k)) for n, name, k in kind.fields])
    raise TypeError(kind)


def rows(kind: frozen.Kind[Any], value: Any) -> Any:
    """Turn columns of a plain value (see `tables.plain`) into rows."""
    match kind:
        case frozen.Table():
            names = [f.name for f in kind.row.fields]
            return [
                dict(zip(names, row, strict=True))
                for row in zip(*(value[name] for name in names), strict=True)
            ]
        case frozen.ListOf():
            return [rows(kind.item, item) for item in value]
        case frozen.Maybe():
            return None if value is None else rows(kind.kind, value)
        case frozen.Struct():
            return {f.name: rows(f.kind, value[f.name]) for f in kind.fields}
    return value


@dataclass
class Node:
    kind: Any
    size: int = 0
    bits: int = 0
    inlined: bool = False
    children: dict[int, "Node"] = field(default_factory=dict)
    byte: int = 0
    bit: int = 0

    def child(self, number: int, kind: Any) -> "Node":
        return self.children.setdefault(number, Node(kind))

    @property
    def empty(self) -> bool:
        return not self.size and not self.bits


class Layouter:
    def __init__(self) -> None:
        self.cursor = 0
        self.resized = False

    def settle(self, root: Node, value: Any) -> None:
        while True:
            self.resized = False
            self.cursor = root.size
            byte, bit = self.layout(root, value, (0, 0))
            self.resize(root, byte, bit, inline=False)
            if not self.resized:
                return

    def resize(self, node: Node, byte: int, bit: int, inline: bool) -> None:
        node.inlined = node.size == 0 and inline
        if not node.inlined and byte > node.size:
            node.size = byte
            self.resized = True
        if bit > node.bits:
            node.bits = bit
            self.resized = True

    def field(
        self, node: Node, at: tuple[int, int], pos: tuple[int, int], value: Any
    ) -> tuple[int, int]:
        if node.size == 0:
            byte, bit = self.layout(node, value, (at[0], at[1] + pos[1]))
            if byte == 0:
                self.resize(node, byte, bit, inline=True)
                if node.empty:
                    return pos
                node.byte, node.bit = 0, pos[1]
                return pos[0], pos[1] + node.bits
        byte, bit = self.layout(node, value, (at[0] + pos[0], at[1]))
        self.resize(node, byte, bit, inline=False)
        if node.empty:
            return pos
        node.byte, node.bit = pos[0], 0
        return pos[0] + node.size, pos[1]

    def layout(self, node: Node, value: Any, at: tuple[int, int]) -> tuple[int, int]:
        pos = (0 if node.inlined else (node.bits + 7) // 8, 0)
        match node.kind:
            case ("uint",) | ("bool",):
                return pos[0], int(value).bit_length()
            case ("string",):
                if value:
                    distance = self.alloc(at[0], len(value))
                    pos = self.field(node.child(DISTANCE, ("uint",)), at, pos, distance)
                    pos = self.field(node.child(COUNT, ("uint",)), at, pos, len(value))
            case ("list", item):
                pos = self.list(node, item, value, at, pos)
            case ("optional", kind):
                is_set = value is not None
                pos = self.field(node.child(IS_SET, ("bool",)), at, pos, is_set)
                if is_set:
                    pos = self.field(node.child(VALUE, kind), at, pos, value)
            case ("struct", fields):
                for number, name, kind in fields:
                    pos = self.field(node.child(number, kind), at, pos, value[name])
        return pos

    def list(
        self,
        node: Node,
        kind: Any,
        value: Any,
        at: tuple[int, int],
        pos: tuple[int, int],
    ) -> tuple[int, int]:
        pos = self.field(node.child(COUNT, ("uint",)), at, pos, len(value))
        distance = node.child(DISTANCE, ("uint",))
        item = node.child(ITEM, kind)
        if not value:
            return self.field(distance, at, pos, 0)
        size, bits = item.size, 0 if item.size else item.bits
        space = (len(value) * bits + 7) // 8 if bits else len(value) * size
        start = self.alloc(at[0], space)
        pos = self.field(distance, at, pos, start)
        byte, bit = at[0] + start, 0
        for element in value:
            self.field(item, (byte, bit), (0, 0), element)
            byte += size
            bit += bits
        return pos

    def alloc(self, origin: int, count: int) -> int:
        if count == 0:
            return 0
        self.cursor = max(self.cursor, origin)
        distance = self.cursor - origin
        self.cursor += count
        return distance


class Filler:
    """Writes a value whose layout is settled, in the order of laying it out."""

    def __init__(self, root: Node) -> None:
        self.row = 0
        self.cursor = root.size

    def fill(self, node: Node, value: Any, byte: int, bit: int) -> None:
        match node.kind:
            case ("uint",) | ("bool",):
                self.row |= int(value) << (8 * byte + bit)
            case ("string",):
                if value:
                    start = self.take(len(value))
                    self.part(node, DISTANCE, start - byte, byte, bit)
                    self.part(node, COUNT, len(value), byte, bit)
                    self.row |= int.from_bytes(value, "little") << (8 * start)
            case ("list", _):
                self.list(node, value, byte, bit)
            case ("optional", _):
                self.part(node, IS_SET, value is not None, byte, bit)
                if value is not None:
                    self.part(node, VALUE, value, byte, bit)
            case ("struct", fields):
                for number, name, _ in fields:
                    self.part(node, number, value[name], byte, bit)

    def part(self, node: Node, number: int, value: Any, byte: int, bit: int) -> None:
        child = node.children[number]
        self.fill(child, value, byte + child.byte, bit + child.bit)

    def list(self, node: Node, value: Any, byte: int, bit: int) -> None:
        self.part(node, COUNT, len(value), byte, bit)
        item = node.children[ITEM]
        bits = 0 if item.size else item.bits
        space = (len(value) * bits + 7) // 8 + len(value) * item.size
        start = byte
        if space:
            start = self.take(space)
            self.part(node, DISTANCE, start - byte, byte, bit)
        for index, element in enumerate(value):
            self.fill(item, element, start + index * item.size, index * bits)

    def take(self, count: int) -> int:
        self.cursor += count
        return self.cursor - count


def encode(kind: frozen.Kind[Any], value: Any) -> bytes:
    """Return the data of a value in rows."""
    root = Node(simplify(kind))
    Layouter().settle(root, value)
    filler = Filler(root)
    filler.fill(root, value, 0, 0)
    return filler.row.to_bytes(filler.cursor + 8, "little")


def decode(kind: frozen.Kind[Any], schema: Schema, data: bytes) -> Any:
    """Return the value in rows that some data holds."""
    row = int.from_bytes(data, "little")

    def read(kind: Any, number: int | None, byte: int, bit: int) -> Any:
        def part(part_number: int, part_kind: Any) -> Any:
            found = layout.fields.get(part_number) if layout else None
            if found is None:
                return read(part_kind, None, byte, bit)
            return read(part_kind, found.layout, byte + found.byte, bit + found.bit)

        layout = None if number is None else schema.layouts[number]
        width = layout.bits if layout else 0
        match kind:
            case ("uint",):
                return row >> (8 * byte + bit) & ((1 << width) - 1)
            case ("bool",):
                return bool(row >> (8 * byte + bit) & ((1 << width) - 1))
            case ("string",):
                start = byte + part(DISTANCE, ("uint",))
                return data[start : start + part(COUNT, ("uint",))]
            case ("list", item):
                start = byte + part(DISTANCE, ("uint",))
                place = layout.fields.get(ITEM) if layout else None
                inner = schema.layouts[place.layout] if place else None
                return [
                    read(
                        item,
                        place.layout if place else None,
                        start + (index * inner.size if inner else 0),
                        index * inner.bits if inner and not inner.size else 0,
                    )
                    for index in range(part(COUNT, ("uint",)))
                ]
            case ("optional", inner_kind):
                return part(VALUE, inner_kind) if part(IS_SET, ("bool",)) else None
            case ("struct", fields):
                return {name: part(n, inner_kind) for n, name, inner_kind in fields}
        raise TypeError(kind)

    return read(simplify(kind), schema.root, 0, 0)
