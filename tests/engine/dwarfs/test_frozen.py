"""Frozen data and schemas: against the reference, round trips, hostile input."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import plain, values

from dwarfsmith.engine.dwarfs import frozen
from dwarfsmith.engine.dwarfs.frozen import (
    Array,
    Bool,
    Field,
    ListOf,
    Maybe,
    SetOf,
    Struct,
    Table,
    Text,
    TextTable,
    UInt,
    map_of,
)
from dwarfsmith.engine.dwarfs.metadata import METADATA, Metadata
from dwarfsmith.engine.dwarfs.schema import (
    Layout,
    Placement,
    Schema,
    decode_schema,
    encode_schema,
)
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.errors import FormatError, UnsupportedError
from reference import frozen as reference


@dataclass(eq=False)
class Rows:
    small: np.ndarray
    large: np.ndarray


@dataclass(eq=False)
class Sample:
    number: int
    flag: bool
    text: bytes
    column: np.ndarray
    table: Rows
    names: Strings
    map: frozen.UIntMap
    inner: list["Inner"]
    tags: list[bytes]
    maybe: "Inner | None"


@dataclass(eq=False)
class Inner:
    text: bytes | None
    count: int | None
    column: np.ndarray
    deep: list[bytes]


INNER = Struct(
    Inner,
    (
        Field(1, "text", Maybe(Text())),
        Field(2, "count", Maybe(UInt(16))),
        Field(4, "column", Array(UInt(64))),
        Field(3, "deep", ListOf(Text())),
    ),
)
ROWS = Struct(Rows, (Field(2, "small", UInt(32)), Field(1, "large", UInt(64))))
SAMPLE = Struct(
    Sample,
    (
        Field(1, "number", UInt(64)),
        Field(2, "flag", Bool()),
        Field(3, "text", Text()),
        Field(5, "column", Array(UInt(32))),
        Field(6, "table", Table(ROWS)),
        Field(7, "names", TextTable()),
        Field(8, "map", map_of(UInt(32), UInt(64))),
        Field(9, "inner", ListOf(INNER)),
        Field(10, "tags", SetOf(Text())),
        Field(11, "maybe", Maybe(INNER)),
    ),
)


@given(values(SAMPLE))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_kind_agrees_with_the_reference(value):
    """The data is what the description yields, and both decoders get it back.

    Lists of structs with strings and lists in them do not occur in this form in
    metadata, but the description covers them.
    """
    schema, data = frozen.encode(SAMPLE, value)
    rows = reference.rows(SAMPLE, plain(value))
    assert data == reference.encode(SAMPLE, rows)
    assert reference.decode(SAMPLE, schema, data) == rows
    assert plain(frozen.decode(SAMPLE, schema, data)) == plain(value)
    assert decode_schema(encode_schema(schema)) == schema


@given(values(METADATA))
@settings(max_examples=50, suppress_health_check=list(HealthCheck))
def test_random_metadata_agrees_with_the_reference(value: Metadata):
    schema, data = frozen.encode(METADATA, value)
    rows = reference.rows(METADATA, plain(value))
    assert data == reference.encode(METADATA, rows)
    assert plain(frozen.decode(METADATA, schema, data)) == plain(value)
    for ascending in (False, True):
        encoded = encode_schema(schema, ascending=ascending)
        assert decode_schema(encoded) == schema


@given(values(METADATA))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_aligned_arrays_decode_alike(value: Metadata):
    schema, data = frozen.encode(METADATA, value, align=True)
    assert plain(frozen.decode(METADATA, schema, data)) == plain(value)


def test_items_with_a_byte_size_are_read():
    """No writer in use makes them; the format allows it."""
    kind = Struct(
        dict, (Field(1, "table", Table(ROWS)), Field(2, "names", TextTable()))
    )
    count, byte, row, rows, text, texts, root = range(7)
    layouts = {
        count: Layout(0, 3, {}),
        byte: Layout(0, 8, {}),
        row: Layout(2, 0, {1: Placement(byte, 0, 0), 2: Placement(byte, 1, 0)}),
        rows: Layout(
            0,
            11,
            {
                2: Placement(count, 0, 0),
                1: Placement(byte, 0, 3),
                3: Placement(row, 0, 0),
            },
        ),
        text: Layout(2, 0, {1: Placement(byte, 0, 0), 2: Placement(byte, 1, 0)}),
        texts: Layout(
            0,
            11,
            {
                2: Placement(count, 0, 0),
                1: Placement(byte, 0, 3),
                3: Placement(text, 0, 0),
            },
        ),
        root: Layout(3, 22, {1: Placement(rows, 0, 0), 2: Placement(texts, 0, 11)}),
    }
    head = (2 | 3 << 3 | 2 << 11 | 7 << 14).to_bytes(3, "little")
    # Two rows from byte 3 on, two strings from byte 7 on; a string's distance counts
    # from its own item.
    data = head + bytes([1, 2, 3, 4]) + bytes([4, 1, 3, 2]) + b"ABC" + bytes(8)
    found = frozen.decode(kind, Schema(list(layouts.values()), root), data)
    assert plain(found["table"]) == {"large": [1, 3], "small": [2, 4]}
    assert list(found["names"]) == [b"A", b"BC"]


def test_values_must_fit():
    column = Array(UInt(32))
    too_large = np.array([1 << 40], np.uint64)
    with pytest.raises(ValueError, match="needs 41 bits, its field has 32"):
        frozen.encode(column, too_large)
    with pytest.raises(ValueError, match="cannot hold -1"):
        frozen.encode(UInt(32), -1)
    ragged = Rows(np.zeros(2, np.uint32), np.zeros(3, np.uint64))
    with pytest.raises(ValueError, match="differ in length"):
        frozen.encode(Table(ROWS), ragged)


def test_a_column_of_zeros_takes_no_memory():
    count = 1 << 16
    schema, data = frozen.encode(
        Table(ROWS), Rows(np.zeros(count, np.uint32), np.arange(count, dtype=np.uint64))
    )
    found = frozen.decode(Table(ROWS), schema, data)
    assert found.small.strides == (0,)
    assert len(found.small) == count
    assert not found.small.flags.writeable


# Schemas ---------------------------------------------------------------------------


def test_the_schema_starts_with_its_version():
    schema = Schema([Layout(0, 3, {})], 0)
    old = encode_schema(schema)
    new = encode_schema(schema, ascending=True)
    assert old.startswith(bytes.fromhex("45 02 01 02 1b 01 4c"))
    assert new.startswith(bytes.fromhex("11 1b 01 4c"))
    assert new.endswith(bytes.fromhex("14 00 15 02 00"))
    assert decode_schema(old) == decode_schema(new) == schema


BAD_SCHEMAS = {
    "no layouts": (Schema([], 0), "without gaps, found 0"),
    "no such root": (Schema([Layout(0, 1, {})], 1), "a layout below 1, found 1"),
    "negative root": (Schema([Layout(0, 1, {})], -1), "a layout below 1, found -1"),
    "no such layout": (
        Schema([Layout(1, 1, {1: Placement(7, 0, 0)})], 0),
        "a layout below 1, found 7",
    ),
    "negative size": (Schema([Layout(-1, 1, {})], 0), "0 or more, found -1"),
    "negative width": (Schema([Layout(1, -5, {})], 0), "0 or more, found -5"),
}


@pytest.mark.parametrize(("schema", "message"), BAD_SCHEMAS.values(), ids=BAD_SCHEMAS)
def test_bad_schemas(schema, message):
    with pytest.raises(FormatError, match=message):
        decode_schema(encode_schema(schema))


def test_later_schemas():
    data = bytearray(encode_schema(Schema([Layout(0, 1, {})], 0)))
    data[1] = 4  # version 2, as zigzag
    with pytest.raises(UnsupportedError, match="expected version 1, found 2"):
        decode_schema(data)


# Hostile data ----------------------------------------------------------------------


def one_array(count_bits: int, distance_bits: int, item: Layout) -> Schema:
    """A schema of nothing but an array, its count and distance first."""
    return Schema(
        [
            Layout(0, count_bits, {}),
            Layout(0, distance_bits, {}),
            item,
            Layout(
                (count_bits + distance_bits + 7) // 8,
                count_bits + distance_bits,
                {
                    2: Placement(0, 0, 0),
                    1: Placement(1, 0, count_bits),
                    3: Placement(2, 0, 0),
                },
            ),
        ],
        3,
    )


def positions(count: int, distance: int) -> bytes:
    return count.to_bytes(8, "little") + distance.to_bytes(8, "little") + bytes(16)


@pytest.mark.parametrize(
    "kind", [Array(UInt(32)), Table(ROWS), TextTable(), ListOf(INNER)]
)
@pytest.mark.parametrize("item_bits", [1, 7, 32767])
@pytest.mark.parametrize(
    ("count", "distance"),
    [
        ((1 << 64) - 1, 0),
        (1 << 32, 16),
        (1, (1 << 64) - 1),
        (300, 16),
        (1, 33),
    ],
)
def test_arrays_must_lie_within_the_data(kind, item_bits, count, distance):
    schema = one_array(64, 64, Layout(0, item_bits, {}))
    with pytest.raises(FormatError):
        frozen.decode(kind, schema, positions(count, distance))


@pytest.mark.parametrize(
    "kind", [Array(UInt(32)), Table(ROWS), TextTable(), ListOf(INNER), ListOf(Text())]
)
@pytest.mark.parametrize("count", [1 << 17, 1 << 31, (1 << 64) - 1])
def test_items_without_data_are_bounded(kind, count):
    schema = one_array(64, 64, Layout(0, 0, {}))
    with pytest.raises(FormatError, match="expected at most"):
        frozen.decode(kind, schema, positions(count, 16))


def test_objects_are_bounded():
    count = frozen.MAX_OBJECTS + 1
    schema = one_array(64, 64, Layout(0, 1, {}))
    with pytest.raises(FormatError, match="at most 65536 items, found 65537"):
        frozen.decode(ListOf(UInt(1)), schema, positions(count, 16) + bytes(count))


def test_fields_may_not_exceed_their_item():
    item = Layout(0, 3, {1: Placement(0, 0, 0)})
    schema = one_array(64, 64, item)
    with pytest.raises(FormatError, match="fields of 3 bits at most, found 64"):
        frozen.decode(Table(ROWS), schema, positions(2, 16))
    with pytest.raises(FormatError, match="fields of 3 bits at most, found 64"):
        frozen.decode(TextTable(), schema, positions(2, 16))


def test_integers_may_not_exceed_their_kind():
    schema = Schema([Layout(0, 33, {})], 0)
    with pytest.raises(FormatError, match="32 bits at most, found one of 33"):
        frozen.decode(UInt(32), schema, bytes(16))
    with pytest.raises(FormatError, match="32 bits at most, found one of 33"):
        frozen.decode(
            Array(UInt(32)), one_array(8, 8, Layout(0, 33, {})), b"\1\2" + bytes(9)
        )


def test_arrays_may_not_share_their_data():
    """Otherwise a few bytes of metadata could fill any memory."""
    count = 1000
    fields = tuple(Field(n, f"f{n}", Array(UInt(64))) for n in range(1, 40))
    kind = Struct(dict, fields)
    part = one_array(10, 10, Layout(0, 1, {})).layouts
    schema = Schema(
        [*part, Layout(3, 20, {n: Placement(3, 0, 0) for n in range(1, 40)})], 4
    )
    data = (count | 8 << 10).to_bytes(8, "little") + bytes(count // 8 + 1)
    with pytest.raises(FormatError, match="arrays that do not overlap"):
        frozen.decode(kind, schema, data)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_data_that_ends_early(size):
    with pytest.raises(FormatError, match=f"found the end after {size} bytes"):
        frozen.decode(Array(UInt(32)), one_array(64, 64, Layout(0, 1, {})), bytes(size))


def test_mutated_samples_raise_nothing_else():
    """Also makes sure that no decoded value is out of proportion to the data."""
    chance = random.Random(20)
    rows = Rows(np.arange(9, dtype=np.uint32), np.arange(9, dtype=np.uint64) << 30)
    inner = Inner(b"text", 7, np.arange(5, dtype=np.uint64), [b"x", b"", b"yz"])
    sample = Sample(
        number=5,
        flag=True,
        text=b"hello",
        column=np.arange(20, dtype=np.uint32),
        table=rows,
        names=Strings.of([b"a", b"", b"bcd"]),
        map=frozen.UIntMap(
            np.arange(3, dtype=np.uint32), np.arange(3, dtype=np.uint64)
        ),
        inner=[inner, inner],
        tags=[b"a", b"b"],
        maybe=inner,
    )
    schema, data = frozen.encode(SAMPLE, sample)
    outcomes = {"fine": 0, "refused": 0}
    for _ in range(500):
        mutated = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        try:
            found = frozen.decode(SAMPLE, schema, bytes(mutated))
        except FormatError:
            outcomes["refused"] += 1
        else:
            outcomes["fine"] += 1
            assert found.names.text.nbytes <= len(data)
            assert found.column.nbytes <= 64 * len(data)
    assert min(outcomes.values()) > 10


@given(st.data())
@settings(max_examples=50)
def test_noise_as_schema(data):
    noise = data.draw(st.binary(max_size=80))
    try:
        schema = decode_schema(noise)
    except FormatError:
        return
    assert 0 <= schema.root < len(schema.layouts)
