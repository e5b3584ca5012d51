"""Sample conversion against the slow reference and known bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import pcm
from reference import pcm as reference
from reference.pcm import Layout

LAYOUTS = st.integers(1, 4).flatmap(
    lambda width: st.builds(
        Layout,
        width=st.just(width),
        bits=st.integers(8, 8 * width),
        big_endian=st.booleans(),
        is_signed=st.booleans(),
        lsb=st.booleans(),
    )
)


@given(st.binary(max_size=600), LAYOUTS, LAYOUTS)
def test_agrees_with_the_reference(data, source, target):
    data = data[: len(data) // source.width * source.width]
    values = reference.unpack(data, source)
    assert pcm.repack(data, source, target) == reference.pack(values, target)


@given(st.data(), LAYOUTS, LAYOUTS)
def test_samples_that_fit_survive(data, source, target):
    half = 1 << (min(source.bits, target.bits) - 1)
    values = data.draw(st.lists(st.integers(-half, half - 1), max_size=50))
    packed = reference.pack(values, source)
    assert pcm.repack(packed, source, source) == packed
    there = pcm.repack(packed, source, target)
    assert reference.unpack(there, target) == values
    assert pcm.repack(there, target, source) == packed


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000])
def test_long_data(count):
    source, target = (
        Layout(2, 16, True, True, False),
        Layout(2, 16, False, False, False),
    )
    data = b"".join(i.to_bytes(2, "big") for i in range(count))
    expected = b"".join((i ^ 0x8000).to_bytes(2, "little") for i in range(count))
    assert pcm.repack(data, source, target) == expected


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("fe ff ff", Layout(3, 24, False, True, False)),
        ("ff ff fe", Layout(3, 24, True, True, False)),
        ("ff fe 00", Layout(3, 16, True, True, True)),
        ("ff fe", Layout(2, 9, True, True, False)),
        ("ff ff ff fe", Layout(4, 20, True, True, False)),
        ("00 e0 ff ff", Layout(4, 20, False, True, True)),
        ("7e", Layout(1, 8, False, False, False)),
        ("00 07 ff fe", Layout(4, 20, True, False, False)),
    ],
)
def test_minus_two_in_many_layouts(text, layout):
    eight = Layout(1, 8, False, True, False)
    assert pcm.repack(b"\xfe", eight, layout) == bytes.fromhex(text)
    assert pcm.repack(bytes.fromhex(text), layout, eight) == b"\xfe"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("12 34 56", Layout(3, 20, True, True, True)),
        ("7f ff 00", Layout(3, 20, False, True, True)),
        ("0f ff ff", Layout(3, 20, True, True, False)),
        ("10 00 00", Layout(3, 20, True, False, False)),
    ],
)
def test_odd_padding_does_not_survive(text, layout):
    data = bytes.fromhex(text)
    assert pcm.repack(data, layout, layout) != data


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (Layout(0, 8, False, True, False), "1 to 4 bytes, found 0"),
        (Layout(5, 8, False, True, False), "1 to 4 bytes, found 5"),
        (Layout(2, 7, False, True, False), "8 to 16 bits, found 7"),
        (Layout(2, 17, False, True, False), "8 to 16 bits, found 17"),
    ],
)
def test_layouts_are_checked(layout, message):
    good = Layout(1, 8, False, True, False)
    for pair in ((layout, good), (good, layout)):
        with pytest.raises(ValueError, match=message):
            pcm.repack(b"", *pair)
    with pytest.raises(ValueError, match="whole samples of 2 bytes, found 3"):
        pcm.repack(b"abc", Layout(2, 16, False, True, False), good)
