"""Bit columns against a row of bits that is one large integer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import bits
from reference import bits as reference


@st.composite
def columns(draw):
    """Values of some width, where they go, and the element type of their column."""
    dtype = draw(st.sampled_from([np.uint32, np.uint64]))
    width = draw(st.integers(0, 8 * dtype().itemsize))
    values = draw(st.lists(st.integers(0, (1 << width) - 1), max_size=40))
    bit = draw(st.integers(0, 100))
    stride = width + draw(st.integers(0, 70))
    used = bit + stride * (len(values) - 1) + width if values else 0
    size = (used + 7) // 8 + draw(st.integers(0, 9))
    return np.array(values, dtype), bit, stride, width, size


@given(columns())
def test_pack_and_unpack_agree_with_the_reference(column):
    values, bit, stride, width, size = column
    data = bytearray(size)
    bits.pack(data, bit, stride, width, values)
    assert data == reference.pack(size, bit, stride, values.tolist())
    found = np.full_like(values, 7)
    bits.unpack(data, bit, stride, width, found)
    assert found.tolist() == values.tolist()
    assert found.tolist() == reference.unpack(data, bit, stride, width, len(values))


@given(first=columns(), second=columns())
def test_columns_may_interleave(first, second):
    """Two fields of the same items: neither disturbs the other."""
    count = min(len(first[0]), len(second[0]))
    widths = first[3], second[3]
    stride = sum(widths)
    data = bytearray((stride * count + 7) // 8)
    columns = first[0][:count], second[0][:count]
    bits.pack(data, 0, stride, widths[0], columns[0])
    if count:
        bits.pack(data, widths[0], stride, widths[1], columns[1])
    for at, width, column in zip((0, widths[0]), widths, columns, strict=True):
        found = np.empty_like(column)
        bits.unpack(data, at if count else 0, stride, width, found)
        assert found.tolist() == column.tolist()


@pytest.mark.parametrize(
    ("bit", "stride", "width", "count"),
    [
        (0, 8, 8, 5),
        (25, 8, 8, 1),
        (0, 12, 9, 3),
        (1 << 63, 1, 1, 1),
        (0, 1 << 63, 1, 2),
        ((1 << 64) - 1, 1, 1, 1),
        (0, (1 << 64) - 1, 1, 3),
    ],
)
def test_nothing_outside_the_data_is_touched(bit, stride, width, count):
    data = bytearray(4)
    column = np.zeros(count, np.uint32)
    with pytest.raises(IndexError):
        bits.unpack(data, bit, stride, width, column)
    with pytest.raises(IndexError):
        bits.pack(data, bit, stride, width, column)


def test_values_must_fit_their_width():
    data = bytearray(8)
    with pytest.raises(ValueError, match="more than 3 bits"):
        bits.pack(data, 0, 3, 3, np.array([1, 8], np.uint32))
    assert data == bytes(8)


@pytest.mark.parametrize("width", [-1, 33])
def test_widths_must_fit_the_elements(width):
    column = np.zeros(1, np.uint32)
    with pytest.raises(ValueError, match="a width of 0 to 32 bits"):
        bits.unpack(bytes(16), 0, 0, width, column)
    with pytest.raises(ValueError, match="a width of 0 to 32 bits"):
        bits.pack(bytearray(16), 0, 0, width, column)
