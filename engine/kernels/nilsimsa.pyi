"""The Nilsimsa hash: 256 bits, of which similar data has many in common."""

import numpy as np
from numpy.typing import NDArray

def nilsimsa_batch(
    buffer: memoryview,
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> None:
    """Hash many strings of one buffer.

    Args:
        buffer: Holds all strings.
        starts: Where each one begins, i8[n].
        sizes: Their sizes, i8[n].
        hashes: Receives the hashes, u8[n, 4]: bit i is bit i % 64 of word i // 64.
    """

class NilsimsaHasher:
    """Hashes one string that comes in parts."""

    def update(self, data: memoryview | bytes) -> None:
        """Add the next part, of any size."""

    def digest(self) -> tuple[int, int, int, int]:
        """Return the hash of all parts so far as four 64-bit words."""
