"""The similarity hash: the four most frequent mixed four-byte sequences."""

import numpy as np
from numpy.typing import NDArray

def similarity_batch(
    buffer: memoryview,
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    hashes: NDArray[np.uint32],
) -> None:
    """Hash many strings of one buffer; `hashes` receives the results."""

class SimilarityHasher:
    """Hashes one string that comes in parts."""

    def update(self, data: memoryview | bytes) -> None:
        """Add the next part, of any size."""

    def digest(self) -> int:
        """Return the hash of all parts so far."""
