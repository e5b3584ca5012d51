"""FSST against its reference, and what it saves."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.engine.kernels import fsst
from reference import fsst as reference

# Few different bytes, so that symbols and their parts occur again and again.
TEXTS = st.one_of(st.binary(max_size=12), st.text("abc", max_size=30).map(str.encode))
TABLES = st.lists(TEXTS, max_size=20)
SYMBOLS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.text("abc", min_size=1, max_size=8).map(str.encode),
    ),
    unique=True,
    max_size=40,
)


def encode(symbols: list[bytes], strings: Strings) -> Strings:
    out = np.empty(2 * len(strings.text), np.uint8)
    offsets = np.empty_like(strings.offsets)
    size = fsst.encode(symbols, strings.text, strings.offsets, out, offsets)
    return Strings(out[:size], offsets)


def decode(symbols: list[bytes], strings: Strings) -> Strings:
    offsets = np.empty_like(strings.offsets)
    size = fsst.measure(symbols, strings.text, strings.offsets, offsets)
    out = np.empty(size, np.uint8)
    fsst.decode(symbols, strings.text, strings.offsets, out)
    return Strings(out, offsets)


@given(TABLES)
def test_training_agrees_with_the_reference(texts):
    strings = Strings.of(texts)
    symbols = fsst.train(strings.text, strings.offsets)
    assert symbols == reference.train(texts)
    assert list(decode(symbols, encode(symbols, strings))) == texts


@given(symbols=SYMBOLS, texts=TABLES)
def test_any_symbols_will_do(symbols, texts):
    encoded = encode(symbols, Strings.of(texts))
    assert list(encoded) == [reference.encode(symbols, text) for text in texts]
    assert list(decode(symbols, encoded)) == texts


@given(symbols=SYMBOLS, codes=st.lists(st.binary(max_size=20), max_size=10))
def test_decoding_noise(symbols, codes):
    try:
        expected = [reference.decode(symbols, code) for code in codes]
    except (IndexError, RuntimeError, StopIteration):
        with pytest.raises(ValueError, match="unknown code or ends in an escape"):
            decode(symbols, Strings.of(codes))
    else:
        assert list(decode(symbols, Strings.of(codes))) == expected


def file_names(count: int) -> list[bytes]:
    chance = random.Random(5)
    words = ["config", "test", "module", "utils", "linux", "header", "data", "image"]
    kinds = [".py", ".c", ".h", ".txt", ".json", "_test.py", ".html", ""]
    names = {
        f"{chance.choice(words)}_{chance.choice(words)}{chance.randrange(1000)}"
        f"{chance.choice(kinds)}".encode()
        for _ in range(count)
    }
    return sorted(names)


def test_a_table_larger_than_the_sample():
    """Only a part is looked at, and the same as in the reference."""
    texts = file_names(6000)
    strings = Strings.of(texts)
    assert len(strings.text) > 1.3 * reference.SAMPLE_BYTES
    symbols = fsst.train(strings.text, strings.offsets)
    assert symbols == reference.train(texts)
    encoded = encode(symbols, strings)
    assert list(decode(symbols, encoded)) == texts
    assert len(encoded.text) < 0.4 * len(strings.text)


def test_one_string_longer_than_the_sample():
    text = random.Random(3).randbytes(2 * reference.SAMPLE_BYTES)
    strings = Strings.of([text, b"end"])
    symbols = fsst.train(strings.text, strings.offsets)
    assert len(symbols) == 255
    assert list(decode(symbols, encode(symbols, strings))) == [text, b"end"]


def test_nothing_to_train_on():
    for texts in ([], [b""], [b"", b""]):
        strings = Strings.of(texts)
        assert fsst.train(strings.text, strings.offsets) == []
        assert list(decode([], encode([], strings))) == texts


BAD_OFFSETS = {
    "empty": [],
    "negative": [-1, 2],
    "outside": [0, 6],
    "falling": [0, 4, 2],
}


@pytest.mark.parametrize("offsets", BAD_OFFSETS.values(), ids=BAD_OFFSETS)
def test_offsets_are_checked(offsets):
    text = np.zeros(5, np.uint8)
    bad = np.array(offsets, np.int64)
    with pytest.raises(ValueError, match="offsets"):
        fsst.train(text, bad)
    with pytest.raises(ValueError, match="offsets"):
        fsst.encode([], text, bad, np.empty(10, np.uint8), np.empty_like(bad))
    with pytest.raises(ValueError, match="offsets"):
        fsst.measure([], text, bad, np.empty_like(bad))
    with pytest.raises(ValueError, match="offsets"):
        fsst.decode([], text, bad, np.empty(5, np.uint8))


@pytest.mark.parametrize("symbols", [[b""], [b"123456789"], [b"a"] * 256])
def test_symbols_are_checked(symbols):
    strings = Strings.of([b"aaa"])
    with pytest.raises(ValueError, match="symbol"):
        encode(symbols, strings)
    with pytest.raises(ValueError, match="symbol"):
        decode(symbols, strings)


def test_outputs_are_checked():
    strings = Strings.of([b"abc"])
    offsets = np.empty(2, np.int64)
    with pytest.raises(ValueError, match="twice as large"):
        fsst.encode([], strings.text, strings.offsets, np.empty(5, np.uint8), offsets)
    with pytest.raises(ValueError, match="another number of strings"):
        fsst.measure([], strings.text, strings.offsets, np.empty(1, np.int64))
    encoded = encode([b"ab"], strings)
    for size in (2, 4):
        with pytest.raises(ValueError, match="measured size"):
            fsst.decode(
                [b"ab"], encoded.text, encoded.offsets, np.empty(size, np.uint8)
            )
