"""The compact protocol: known bytes, round trips, and hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine import thrift
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.thrift import Items, Kind, Pairs

KNOWN = {
    "14 04 13 10 13 61 00": {
        1: (Kind.I16, 2),
        2: (Kind.BYTE, 16),
        3: (Kind.BYTE, 0x61),
    },
    "15 80 02 14 02 13 02 13 00 11 14 02 00": {
        1: (Kind.I32, 128),
        2: (Kind.I16, 1),
        3: (Kind.BYTE, 2),
        4: (Kind.BYTE, 0),
        5: (Kind.BOOL, True),
        6: (Kind.I16, 1),
    },
    "12 06 c8 01 ff 03 00": {1: (Kind.BOOL, False), 100: (Kind.I64, -256)},
    "18 02 68 69 19 21 01 02 1b 01 58 02 01 78 00": {
        1: (Kind.BINARY, b"hi"),
        2: (Kind.LIST, Items(Kind.BOOL, [True, False])),
        3: (Kind.MAP, Pairs(Kind.I32, Kind.BINARY, [(1, b"x")])),
    },
}


@pytest.mark.parametrize(("text", "struct"), KNOWN.items())
def test_known_bytes(text, struct):
    data = bytes.fromhex(text)
    assert thrift.encode(struct) == data
    assert thrift.decode(data + b"more", "test") == (struct, len(data))


INTEGERS = {Kind.BYTE: 8, Kind.I16: 16, Kind.I32: 32, Kind.I64: 64}


def integers(kind):
    most = 1 << (INTEGERS[kind] - 1)
    return st.integers(-most, most - 1)


SCALARS = {
    Kind.BOOL: st.booleans(),
    Kind.BINARY: st.binary(max_size=300),
    Kind.DOUBLE: st.binary(min_size=8, max_size=8),
    **{kind: integers(kind) for kind in INTEGERS},
}


def lists(values):
    """Lists and sets of up to 20 elements: short and long headers."""
    return st.sampled_from([Kind.LIST, Kind.SET]).flatmap(
        lambda kind: values.flatmap(
            lambda pair: st.tuples(
                st.just(kind),
                st.lists(pair[1], max_size=20).map(lambda v: Items(pair[0], v)),
            )
        )
    )


def of_kinds():
    return st.sampled_from(sorted(SCALARS)).map(lambda kind: (kind, SCALARS[kind]))


FIELDS = st.one_of(
    of_kinds().flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1])),
    lists(of_kinds()),
)
STRUCTS = st.dictionaries(st.integers(-32768, 32767), FIELDS, max_size=8)


@given(outer=STRUCTS, inner=STRUCTS)
def test_round_trip_in_any_order_of_fields(outer, inner):
    struct = {**outer, 5: (Kind.STRUCT, inner)}
    data = thrift.encode(struct)
    found = thrift.decode(data, "test")
    assert found == (struct, len(data))
    assert list(found.struct) == list(struct)


@given(st.binary(max_size=60))
def test_noise_raises_nothing_else(data):
    try:
        size = thrift.decode(data, "test").size
    except FormatError:
        return
    assert 0 < size <= len(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected another byte, found the end, at byte 0 of the test"),
        ("15", "expected another byte, found the end"),
        ("1d 00", "expected a type id from 1 to 12, found 13"),
        ("18 05 61", "expected 5 bytes, found 1"),
        ("19 f3 ff ff ff ff 0f 00", "at most 1 elements, found 4294967295"),
        ("14 80 80 04 00", "expected an integer of 16 bits, found a longer one"),
        ("16" + " ff" * 10 + " 00", "expected an integer of 64 bits"),
        ("1c" * 40, "expected at most 16 levels, found more"),
    ],
)
def test_what_is_no_struct_says_why(text, message):
    with pytest.raises(FormatError, match=message):
        thrift.decode(bytes.fromhex(text), "test")


def test_fields_have_the_kind_that_is_asked_for():
    struct = thrift.decode(bytes.fromhex("14 04 12 00"), "test").struct
    assert thrift.get_int(struct, 1, 0, "test") == 2
    assert thrift.get_int(struct, 9, 7, "test") == 7
    assert thrift.get_bool(struct, 2, True, "test") is False
    with pytest.raises(FormatError, match="expected BINARY, found I16, at field 1"):
        thrift.get_bytes(struct, 1, "test")


def test_unsigned_integers_travel_as_signed_ones():
    assert thrift.signed(0xE3, 8) == -29
    assert thrift.unsigned(-29, 8) == 0xE3
    assert thrift.signed(127, 8) == thrift.unsigned(127, 8) == 127
