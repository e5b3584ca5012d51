"""The Nilsimsa hash against its reference and published digests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.kernels.nilsimsa import NilsimsaHasher, nilsimsa_batch
from reference.nilsimsa import nilsimsa

DATA = st.binary(max_size=60) | st.text("ab\n", max_size=700).map(str.encode)


def hash_of(*parts: bytes) -> tuple[int, int, int, int]:
    hasher = NilsimsaHasher()
    for part in parts:
        hasher.update(part)
    return hasher.digest()


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "0" * 64),
        (
            b"abcdefgh",
            "14c8118000000000030800000004042004189020001308014088003280000078",
        ),
        (
            b"abcdefghijk",
            "14c811840010000c0328200108040630041890200217582d4098103280000078",
        ),
    ],
)
def test_known_digests(data: bytes, digest: str) -> None:
    words = hash_of(data)
    assert f"{sum(word << (64 * k) for k, word in enumerate(words)):064x}" == digest


@given(st.lists(DATA, max_size=8))
def test_batches(strings: list[bytes]) -> None:
    sizes = np.array([len(data) for data in strings], np.int64)
    hashes = np.zeros((len(strings), 4), np.uint64)
    buffer = memoryview(b"?" + b"".join(strings))
    nilsimsa_batch(buffer, 1 + np.cumsum(sizes) - sizes, sizes, hashes)
    assert [tuple(row) for row in hashes.tolist()] == [nilsimsa(s) for s in strings]


@given(st.lists(DATA, max_size=8))
def test_parts(parts: list[bytes]) -> None:
    assert hash_of(*parts) == nilsimsa(b"".join(parts))


@given(st.binary(max_size=400), st.integers(0, 400))
def test_parts_of_random_data(data: bytes, cut: int) -> None:
    assert hash_of(data[:cut], data[cut:]) == nilsimsa(data)


def test_all_bytes_in_all_places() -> None:
    data = np.random.default_rng(3).integers(0, 256, 20_000, np.uint8).tobytes()
    assert hash_of(data) == nilsimsa(data)


def test_strings_outside_the_buffer_are_refused() -> None:
    for start, size in ((0, 5), (-1, 1), (4, 1), (2, -1)):
        with pytest.raises(ValueError, match="inside the buffer"):
            nilsimsa_batch(
                memoryview(b"1234"),
                np.array([start]),
                np.array([size]),
                np.zeros((1, 4), np.uint64),
            )
