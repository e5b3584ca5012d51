"""Types of the rolling-hash segmenter."""

from collections.abc import Callable
from typing import Final

from numpy import int32, int64
from numpy.typing import NDArray
from typing_extensions import Buffer

MAX_CANDIDATES: Final[int]
HORIZON: Final[int]

class RollingSegmenter:
    """Fill blocks and note which chunks make up which content."""

    matched_bytes: int
    segmented_bytes: int
    block_count: int

    def __init__(
        self,
        capacity: int,
        window: int,
        step: int,
        lookback: int,
        bloom_bits: int,
        granularity: int,
        on_block: Callable[[memoryview], object],
        *,
        horizon: int = ...,
    ) -> None: ...
    def add_batch(
        self,
        contents: NDArray[int32],
        buffer: Buffer,
        starts: NDArray[int64],
        sizes: NDArray[int64],
    ) -> None:
        """Take whole contents."""

    def add_window(self, content: int, buffer: Buffer, last: bool) -> int:
        """Take the next part of a large content; return how much was consumed."""

    def finish(self) -> None:
        """Hand over the last block."""

    def drop(self, content: int) -> None:
        """Forget the chunks of a content."""

    def chunks(self) -> bytes:
        """Return all chunks: 16 bytes each, i4 content, u4 block, offset and size."""
