"""The thrift compact protocol, as far as DwarFS images use it.

DwarFS format, "Thrift compact protocol": the schema section, the history section and
the headers of two codecs are structs in this encoding. Values carry their types, so
any struct can be read without knowing it:

    a struct   dict: field id → (type, value), in order of storage
    a list     `Items(type, values)`, sets alike
    a map      `Pairs(key type, value type, [(key, value), …])`

Unsigned integers are carried as signed ones of the same width; `unsigned` turns them
back. Hostile input ends in a FormatError: nothing is read beyond the data, nested
deeper than `MAX_DEPTH`, or made into more than `MAX_VALUES` values.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, Union

from dwarfsmith.engine.errors import FormatError

MAX_DEPTH = 16
"""Deepest nesting of structs, lists and maps; the format needs 5."""
MAX_VALUES = 1 << 20
"""Most values in one struct, nested ones included."""

_MAX_VARINT_BYTES = 10
_SHORT_LIST = 14
_LONG_LIST = 15


class Kind(enum.IntEnum):
    """The compact protocol's type ids; BOOL stands for both TRUE and FALSE."""

    STOP = 0
    BOOL = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12


_INTEGER_BITS = {Kind.I16: 16, Kind.I32: 32, Kind.I64: 64}

Value: TypeAlias = Union[bool, int, bytes, "Items", "Pairs", "Struct"]
Struct: TypeAlias = Mapping[int, tuple[Kind, Value]]


@dataclass(frozen=True, slots=True)
class Items:
    """The elements of a list or set."""

    kind: Kind
    values: list[Value]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The entries of a map, in order of storage."""

    key_kind: Kind
    value_kind: Kind
    values: list[tuple[Value, Value]]


class Decoded(NamedTuple):
    """A struct and how many bytes it took."""

    struct: dict[int, tuple[Kind, Value]]
    size: int


def decode(data: bytes | memoryview, where: str) -> Decoded:
    """Read one struct from the start of `data`.

    Args:
        data: The encoded struct; more may follow.
        where: What this is, for messages.

    Raises:
        FormatError: The data is no such struct.
    """
    reader = _Reader(bytes(data), where)
    struct = reader.struct(0)
    return Decoded(struct, reader.position)


def encode(struct: Struct) -> bytes:
    """Return `struct` encoded, its fields in the order of the mapping."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def unsigned(value: int, bits: int) -> int:
    """Return the unsigned integer that a signed one of `bits` bits stands for."""
    return value & ((1 << bits) - 1)


def signed(value: int, bits: int) -> int:
    """Return the signed integer that carries an unsigned one of `bits` bits."""
    return value - (1 << bits) if value >> (bits - 1) else value


# Typed access ----------------------------------------------------------------------


def get_int(struct: Struct, field: int, default: int, where: str) -> int:
    """Return an integer field, `default` if it is absent.

    Raises:
        FormatError: The field is something else.
    """
    value = _get(struct, field, (Kind.BYTE, Kind.I16, Kind.I32, Kind.I64), where)
    return default if value is None else as_int(value)


def get_bool(struct: Struct, field: int, default: bool, where: str) -> bool:
    """Return a boolean field, `default` if it is absent.

    Raises:
        FormatError: The field is something else.
    """
    value = _get(struct, field, (Kind.BOOL,), where)
    return default if value is None else bool(value)


def get_bytes(struct: Struct, field: int, where: str) -> bytes | None:
    """Return a string field, None if it is absent.

    Raises:
        FormatError: The field is something else.
    """
    value = _get(struct, field, (Kind.BINARY,), where)
    return value if isinstance(value, bytes) else None


def get_struct(struct: Struct, field: int, where: str) -> Struct | None:
    """Return a struct field, None if it is absent.

    Raises:
        FormatError: The field is something else.
    """
    value = _get(struct, field, (Kind.STRUCT,), where)
    return value if isinstance(value, Mapping) else None


def get_items(struct: Struct, field: int, kind: Kind, where: str) -> list[Value] | None:
    """Return the elements of a list or set field, None if it is absent.

    Raises:
        FormatError: The field is something else, or has elements of another kind.
    """
    value = _get(struct, field, (Kind.LIST, Kind.SET), where)
    if not isinstance(value, Items):
        return None
    if value.values and value.kind != kind:
        raise FormatError(
            f"expected elements of kind {kind.name}, found {value.kind.name}, "
            f"at field {field} of the {where}"
        )
    return value.values


def get_pairs(
    struct: Struct, field: int, key_kind: Kind, value_kind: Kind, where: str
) -> list[tuple[Value, Value]]:
    """Return the entries of a map field, none if it is absent.

    Raises:
        FormatError: The field is something else, or has entries of other kinds.
    """
    value = _get(struct, field, (Kind.MAP,), where)
    if not isinstance(value, Pairs) or not value.values:
        return []
    if (value.key_kind, value.value_kind) != (key_kind, value_kind):
        raise FormatError(
            f"expected a map from {key_kind.name} to {value_kind.name}, found "
            f"{value.key_kind.name} to {value.value_kind.name}, "
            f"at field {field} of the {where}"
        )
    return value.values


def as_int(value: Value) -> int:
    """Narrow a value whose kind is known to be an integer."""
    assert isinstance(value, int)
    return value


def as_bytes(value: Value) -> bytes:
    """Narrow a value whose kind is known to be a string."""
    assert isinstance(value, bytes)
    return value


def as_struct(value: Value) -> Struct:
    """Narrow a value whose kind is known to be a struct."""
    assert isinstance(value, Mapping)
    return value


def _get(
    struct: Struct, field: int, kinds: tuple[Kind, ...], where: str
) -> Value | None:
    found = struct.get(field)
    if found is None:
        return None
    kind, value = found
    if kind not in kinds:
        raise FormatError(
            f"expected {' or '.join(wanted.name for wanted in kinds)}, "
            f"found {kind.name}, at field {field} of the {where}"
        )
    return value


# Reading ---------------------------------------------------------------------------


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        self.position = 0
        self._data = data
        self._where = where
        self._values_left = MAX_VALUES

    def struct(self, depth: int) -> dict[int, tuple[Kind, Value]]:
        self._enter(depth)
        fields: dict[int, tuple[Kind, Value]] = {}
        field = 0
        while head := self._byte():
            kind, delta = self._kind(head & 15), head >> 4
            field = field + delta if delta else self._integer(Kind.I16)
            if kind in (Kind.BOOL, Kind.FALSE):
                self._count_values(1)
                fields[field] = Kind.BOOL, kind == Kind.BOOL
            else:
                fields[field] = kind, self._value(kind, depth + 1)
        return fields

    def _value(self, kind: Kind, depth: int) -> Value:
        self._count_values(1)
        match kind:
            case Kind.BOOL | Kind.FALSE:
                return self._byte() == Kind.BOOL
            case Kind.BYTE:
                return signed(self._byte(), 8)
            case Kind.I16 | Kind.I32 | Kind.I64:
                return self._integer(kind)
            case Kind.DOUBLE:
                return self._bytes(8)
            case Kind.BINARY:
                return self._bytes(self._varint())
            case Kind.LIST | Kind.SET:
                return self._items(depth)
            case Kind.MAP:
                return self._pairs(depth)
            case Kind.STRUCT:
                return self.struct(depth)
            case _:
                raise self._error("a value", f"kind {kind.name}")

    def _items(self, depth: int) -> Items:
        self._enter(depth)
        head = self._byte()
        count = head >> 4
        kind = self._element_kind(head & 15)
        if count == _LONG_LIST:
            count = self._varint()
        self._check_count(count)
        return Items(kind, [self._value(kind, depth + 1) for _ in range(count)])

    def _pairs(self, depth: int) -> Pairs:
        self._enter(depth)
        count = self._varint()
        if count == 0:
            return Pairs(Kind.STOP, Kind.STOP, [])
        head = self._byte()
        self._check_count(2 * count)
        key_kind = self._element_kind(head >> 4)
        value_kind = self._element_kind(head & 15)
        values = [
            (self._value(key_kind, depth + 1), self._value(value_kind, depth + 1))
            for _ in range(count)
        ]
        return Pairs(key_kind, value_kind, values)

    def _enter(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(f"at most {MAX_DEPTH} levels", "more")

    def _count_values(self, count: int) -> None:
        self._values_left -= count
        if self._values_left < 0:
            raise self._error(f"at most {MAX_VALUES} values", "more")

    def _check_count(self, count: int) -> None:
        room = len(self._data) - self.position
        if count > room:  # every element takes a byte at least
            raise self._error(f"at most {room} elements", f"{count}")

    def _kind(self, number: int) -> Kind:
        if not Kind.STOP < number <= Kind.STRUCT:
            raise self._error("a type id from 1 to 12", f"{number}")
        return Kind(number)

    def _element_kind(self, number: int) -> Kind:
        kind = self._kind(number)
        return Kind.BOOL if kind == Kind.FALSE else kind

    def _byte(self) -> int:
        if self.position >= len(self._data):
            raise self._error("another byte", "the end")
        self.position += 1
        return self._data[self.position - 1]

    def _bytes(self, count: int) -> bytes:
        room = len(self._data) - self.position
        if count > room:
            raise self._error(f"{count} bytes", f"{room}")
        self.position += count
        return self._data[self.position - count : self.position]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 7 * _MAX_VARINT_BYTES, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if value >> 64:
                    break
                return value
        raise self._error("an integer of 64 bits", "a longer one")

    def _integer(self, kind: Kind) -> int:
        encoded = self._varint()
        bits = _INTEGER_BITS[kind]
        if encoded >> bits:
            raise self._error(f"an integer of {bits} bits", "a longer one")
        return (encoded >> 1) ^ -(encoded & 1)

    def _error(self, expected: str, found: str) -> FormatError:
        return FormatError(
            f"expected {expected}, found {found}, "
            f"at byte {self.position} of the {self._where}"
        )


# Writing ---------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """Return an unsigned integer as a varint (unsigned LEB128)."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> bytes:
    return varint(2 * value if value >= 0 else -2 * value - 1)


def _put_struct(out: bytearray, struct: Struct) -> None:
    previous = 0
    for field, (kind, value) in struct.items():
        number = kind
        if kind == Kind.BOOL:
            number = Kind.BOOL if value else Kind.FALSE
        if 0 < field - previous <= 15:
            out.append((field - previous) << 4 | number)
        else:
            out.append(number)
            out += _zigzag(field)
        if kind != Kind.BOOL:
            _put_value(out, kind, value)
        previous = field
    out.append(Kind.STOP)


def _put_value(out: bytearray, kind: Kind, value: Value) -> None:
    if isinstance(value, bytes):
        if kind == Kind.BINARY:
            out += varint(len(value))
        out += value
    elif isinstance(value, Items):
        _put_items(out, value)
    elif isinstance(value, Pairs):
        _put_pairs(out, value)
    elif isinstance(value, Mapping):
        _put_struct(out, value)
    elif kind == Kind.BOOL:
        out.append(Kind.BOOL if value else Kind.FALSE)
    elif kind == Kind.BYTE:
        out.append(value & 255)
    else:
        out += _zigzag(value)


def _put_items(out: bytearray, items: Items) -> None:
    count = len(items.values)
    if count <= _SHORT_LIST:
        out.append(count << 4 | items.kind)
    else:
        out.append(_LONG_LIST << 4 | items.kind)
        out += varint(count)
    for value in items.values:
        _put_value(out, items.kind, value)


def _put_pairs(out: bytearray, pairs: Pairs) -> None:
    out += varint(len(pairs.values))
    if pairs.values:
        out.append(pairs.key_kind << 4 | pairs.value_kind)
    for key, value in pairs.values:
        _put_value(out, pairs.key_kind, key)
        _put_value(out, pairs.value_kind, value)
