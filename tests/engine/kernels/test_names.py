"""The names kernel against its reference."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import names
from reference import names as reference

NAMES = st.lists(
    st.binary(max_size=40).map(lambda name: name.replace(b"\0", b"\x01"))
    # Long common beginnings, and lengths around the eight bytes compared at a time.
    | st.sampled_from([b"a" * k for k in range(26)])
    | st.builds(
        lambda n, end: b"\xffsame/beginning" * n + end,
        st.integers(0, 3),
        st.binary(max_size=2).map(lambda b: b.replace(b"\0", b"\1")),
    ),
    max_size=60,
)
# The parent of entry i + 1 is any earlier entry.
PARENTS = st.lists(st.integers(0, 10**6), max_size=40).map(
    lambda drawn: [0, *(value % (i + 1) for i, value in enumerate(drawn))]
)


def columns(strings: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = np.array([len(string) for string in strings], np.uint16)
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    return np.frombuffer(b"".join(strings), np.uint8), starts, sizes


def split(blob: bytearray, offsets: bytearray) -> list[bytes]:
    bounds = np.frombuffer(offsets, np.int64)
    return [bytes(blob[a:b]) for a, b in itertools.pairwise(bounds)]


@given(NAMES)
def test_rank_strings(strings: list[bytes]) -> None:
    rank = np.zeros(len(strings), np.int32)
    blob, offsets = names.rank_strings(*columns(strings), rank)
    assert (rank.tolist(), split(blob, offsets)) == reference.rank_strings(strings)


def test_rank_strings_sorts_many() -> None:
    rng = np.random.default_rng(5)
    strings = [b"%x" % value for value in rng.integers(1, 1 << 20, 20_000)]
    rank = np.zeros(len(strings), np.int32)
    blob, offsets = names.rank_strings(*columns(strings), rank)
    distinct = sorted(set(strings))
    place = {string: i for i, string in enumerate(distinct)}
    assert split(blob, offsets) == distinct
    assert rank.tolist() == [place[string] for string in strings]


@given(NAMES, st.data())
def test_rank_strings_leaves_out_what_is_marked(strings, data) -> None:
    wanted = data.draw(
        st.lists(st.booleans(), min_size=len(strings), max_size=len(strings))
    )
    rank = np.array([0 if want else -1 for want in wanted], np.int32)
    blob, offsets = names.rank_strings(*columns(strings), rank)
    chosen = [s for s, want in zip(strings, wanted, strict=True) if want]
    expected, distinct = reference.rank_strings(chosen)
    assert split(blob, offsets) == distinct
    assert rank[rank >= 0].tolist() == expected
    assert (rank >= 0).tolist() == wanted


@given(NAMES, st.data())
def test_suffixed(strings, data) -> None:
    marked = data.draw(
        st.lists(st.booleans(), min_size=len(strings), max_size=len(strings))
    )
    starts = np.empty(len(strings), np.int64)
    sizes = np.empty(len(strings), np.uint16)
    blob = names.suffixed(
        *columns(strings), np.array(marked, np.uint8), ord("/"), starts, sizes
    )
    expected = [s + b"/" * m for s, m in zip(strings, marked, strict=True)]
    assert bytes(blob) == b"".join(expected)
    assert sizes.tolist() == [len(s) for s in expected]
    assert [
        bytes(blob[a : a + n]) for a, n in zip(starts, sizes, strict=True)
    ] == expected


@given(PARENTS, st.data())
def test_preorder(parent: list[int], data) -> None:
    # Siblings have different names, hence ranks; others may share them.
    rank = data.draw(st.permutations(range(len(parent))))
    divisor = data.draw(st.sampled_from([1, 2]))
    seen: set[tuple[int, int]] = set()
    for entry in range(1, len(parent)):
        while (parent[entry], rank[entry] // divisor) in seen:
            rank[entry] += divisor
        seen.add((parent[entry], rank[entry] // divisor))
    rank = [value // divisor for value in rank]
    position = np.zeros(len(parent), np.int32)
    names.preorder(np.array(parent, np.int32), np.array(rank, np.int32), position)
    assert position.tolist() == reference.preorder(parent, rank)


@given(PARENTS, st.data())
def test_rollup(parent: list[int], data) -> None:
    values = data.draw(
        st.lists(
            st.integers(-(2**40), 2**40), min_size=len(parent), max_size=len(parent)
        )
    )
    total = np.array(values, np.int64)
    names.rollup(np.array(parent, np.int32), total)
    assert total.tolist() == reference.rollup(parent, values)


@given(PARENTS, st.data())
def test_paths(parent: list[int], data) -> None:
    name = st.binary(min_size=1, max_size=9)
    strings = [
        b"",
        *data.draw(st.lists(name, min_size=len(parent) - 1, max_size=len(parent) - 1)),
    ]
    entries = data.draw(st.lists(st.integers(0, len(parent) - 1)))
    text, starts, sizes = columns(strings)
    blob, offsets = names.paths(
        np.array(entries, np.int32), np.array(parent, np.int32), starts, sizes, text
    )
    expected = [reference.path(entry, parent, strings) for entry in entries]
    assert split(blob, offsets) == expected


def test_bad_arguments_are_refused() -> None:
    one = np.zeros(1, np.int32)
    two = np.zeros(2, np.int32)
    with pytest.raises(ValueError, match="one length"):
        names.preorder(two, one, two)
    with pytest.raises(ValueError, match="earlier parent"):
        names.preorder(np.array([0, 1], np.int32), two, two.copy())
    with pytest.raises(ValueError, match="earlier parent"):
        names.rollup(np.array([0, 5], np.int32), np.zeros(2, np.int64))
    with pytest.raises(IndexError, match="expected an entry below 1, found 7"):
        names.paths(
            np.array([7], np.int32),
            one,
            np.zeros(1, np.int64),
            np.zeros(1, np.uint16),
            np.zeros(0, np.uint8),
        )
