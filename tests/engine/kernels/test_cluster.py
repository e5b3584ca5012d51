"""The clustering kernel against its reference."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels.cluster import Clustering
from reference.cluster import cluster_order

Drawn = tuple[list[int], list[int]]


@st.composite
def elements(draw: st.DrawFn) -> Drawn:
    """Distinct hashes around a few centers, and sizes with ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, 60))
    centers = [
        int.from_bytes(rng.bytes(32), "big") for _ in range(draw(st.integers(1, 5)))
    ]
    spread = draw(st.sampled_from([1, 2, 8, 40, 128]))
    hashes: dict[int, None] = {}
    for _ in range(count):
        value = centers[rng.integers(len(centers))]
        for bit in rng.integers(0, 256, spread):
            value ^= 1 << int(bit)
        hashes[value] = None
    return list(hashes), rng.integers(1, 20, len(hashes)).tolist()


def clustering(drawn: Drawn, **options: int) -> tuple[Clustering, list[int]]:
    hashes, sizes = drawn
    words = [[value >> (64 * k) & (2**64 - 1) for k in range(4)] for value in hashes]
    by_size = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    rank = np.zeros(len(sizes), np.int32)
    rank[by_size] = np.arange(len(sizes))
    kernel = Clustering(
        np.array(words, np.uint64).reshape(-1, 4),
        np.array(sizes, np.int64),
        rank,
        **options,
    )
    return kernel, rank.tolist()


@settings(deadline=None)
@given(elements(), st.sampled_from([1, 2, 5, 16384]), st.sampled_from([1, 2, 7, 16384]))
def test_order(drawn: Drawn, max_children: int, max_cluster_size: int) -> None:
    kernel, rank = clustering(
        drawn, max_children=max_children, max_cluster_size=max_cluster_size
    )
    order = np.zeros(len(rank), np.int32)
    assert kernel.run(order)
    assert order.tolist() == cluster_order(*drawn, rank, max_children, max_cluster_size)


def test_many_are_a_permutation() -> None:
    rng = np.random.default_rng(2)
    values = [int.from_bytes(rng.bytes(32), "big") for _ in range(3000)]
    kernel, _ = clustering(
        (values, [1] * 3000), max_children=16384, max_cluster_size=100
    )
    order = np.zeros(3000, np.int32)
    assert kernel.run(order)
    assert sorted(order.tolist()) == list(range(3000))
    assert kernel.done == 3000


def test_a_stop() -> None:
    rng = np.random.default_rng(2)
    count = 200_000  # one cluster: takes many seconds
    kernel = Clustering(
        rng.integers(0, 2**63, (count, 4), np.uint64),
        np.ones(count, np.int64),
        np.arange(count, dtype=np.int32),
        max_children=1,
        max_cluster_size=count,
    )
    results: list[bool] = []
    order = np.zeros(count, np.int32)
    thread = threading.Thread(target=lambda: results.append(kernel.run(order)))
    thread.start()
    kernel.stop()
    thread.join(30)
    assert results == [False]


def test_bad_arguments_are_refused() -> None:
    hashes, sizes = np.zeros((2, 4), np.uint64), np.zeros(2, np.int64)
    rank = np.arange(2, dtype=np.int32)
    with pytest.raises(ValueError, match="one length"):
        Clustering(hashes, sizes[:1], rank, max_children=1, max_cluster_size=1)
    with pytest.raises(ValueError, match="limits from 1 on"):
        Clustering(hashes, sizes, rank, max_children=0, max_cluster_size=1)
    kernel = Clustering(hashes, sizes, rank, max_children=1, max_cluster_size=1)
    with pytest.raises(ValueError, match="room for each"):
        kernel.run(np.zeros(1, np.int32))
