"""The similarity hash against its reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.kernels.similarity import SimilarityHasher, similarity_batch
from reference.similarity import similarity

DATA = st.binary(max_size=300) | st.text("ab\n", max_size=2000).map(str.encode)


@given(st.lists(DATA, max_size=8))
def test_batches(strings: list[bytes]) -> None:
    sizes = np.array([len(data) for data in strings], np.int64)
    hashes = np.zeros(len(strings), np.uint32)
    buffer = memoryview(b"?" + b"".join(strings))
    similarity_batch(buffer, 1 + np.cumsum(sizes) - sizes, sizes, hashes)
    assert hashes.tolist() == [similarity(data) for data in strings]


@given(st.lists(DATA, max_size=8))
def test_parts(parts: list[bytes]) -> None:
    hasher = SimilarityHasher()
    for part in parts:
        hasher.update(part)
    assert hasher.digest() == similarity(b"".join(parts))


def test_strings_outside_the_buffer_are_refused() -> None:
    for start, size in ((0, 5), (-1, 1), (4, 1), (2, -1)):
        with pytest.raises(ValueError, match="inside the buffer"):
            similarity_batch(
                memoryview(b"1234"),
                np.array([start]),
                np.array([size]),
                np.zeros(1, np.uint32),
            )
