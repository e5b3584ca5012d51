"""Clustering of 256-bit hashes by Hamming distance, and chains of near neighbors."""

import numpy as np
from numpy.typing import NDArray

class Clustering:
    """Puts hashes into an order in which neighbors are similar.

    Args:
        hashes: u8[n, 4], in the order in which they meet the clusters.
        sizes: Bytes behind each hash, i8[n]; the weight of a cluster is their sum.
        size_rank: The place of each when sorted by falling size, i4[n], no two alike.
        max_children: Most clusters a set is divided into.
        max_cluster_size: A larger cluster is divided again.
    """

    def __init__(
        self,
        hashes: NDArray[np.uint64],
        sizes: NDArray[np.int64],
        size_rank: NDArray[np.int32],
        *,
        max_children: int,
        max_cluster_size: int,
    ) -> None: ...
    @property
    def done(self) -> int:
        """How many hashes have their place in a chain; may be read while it runs."""

    def stop(self) -> None:
        """Have `run` in another thread return soon."""

    def run(self, order: NDArray[np.int32]) -> bool:
        """Write the order, a permutation of all rows.

        Returns:
            Whether it is complete, False if `stop` came first.
        """
