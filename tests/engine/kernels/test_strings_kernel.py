"""Strings in columns against Python's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.kernels import strings

TEXTS = st.lists(
    st.one_of(st.binary(max_size=20), st.text("ab\0", max_size=30).map(str.encode)),
    min_size=1,
    max_size=20,
)


def precedes(columns: Strings, pairs: list[tuple[int, int]]) -> list[bool]:
    left, right = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    out = np.full(len(pairs), 7, np.uint8)
    strings.precedes(columns.text, columns.offsets, left, right, out)
    return out.tolist()


@given(texts=TEXTS, data=st.data())
def test_order_is_that_of_bytes(texts, data):
    index = st.integers(0, len(texts) - 1)
    pairs = data.draw(st.lists(st.tuples(index, index)))
    found = precedes(Strings.of(texts), pairs)
    assert found == [texts[a] < texts[b] for a, b in pairs]


@pytest.mark.parametrize("pair", [(0, 3), (-1, 0), (0, 1 << 62)])
def test_indices_are_checked(pair):
    with pytest.raises(IndexError, match="pair 1 has a string that is not there"):
        precedes(Strings.of([b"a", b"b", b"c"]), [(0, 0), pair])


@pytest.mark.parametrize("offsets", [[], [0], [0, 4], [-1, 2], [2, 1]])
def test_offsets_are_checked(offsets):
    columns = Strings(np.zeros(3, np.uint8), np.array(offsets, np.int64))
    with pytest.raises(IndexError, match="pair 0 has a string that is not there"):
        precedes(columns, [(0, 0)])


def test_sizes_are_checked():
    columns = Strings.of([b"a"])
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    for left, right, out in ((one, two, 1), (two, one, 2), (one, one, 2)):
        with pytest.raises(ValueError, match="differ in length"):
            strings.precedes(
                columns.text, columns.offsets, left, right, np.empty(out, np.uint8)
            )
