"""Contents in, full blocks and the chunks that refer to them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.kernels.rolling import HORIZON, RollingSegmenter

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK = np.dtype(
    [("content", "i4"), ("block", "u4"), ("offset", "u4"), ("size", "u4")]
)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Which stretches of which blocks make up the contents, in order of writing.

    The columns have one row for each chunk. Offsets and sizes are bytes.
    """

    content: NDArray[np.int32]
    block: NDArray[np.uint32]
    offset: NDArray[np.uint32]
    size: NDArray[np.uint32]

    def __len__(self) -> int:
        """Return the number of chunks."""
        return len(self.content)


class Segmenter:
    """Cuts contents into blocks; what an active block has already is not repeated.

    Contents come one after the other. The result is the same whether a content
    comes whole or in windows of whatever size.

    Args:
        block_bits: Binary logarithm of the bytes of a block, up to 30.
        window_bits: Binary logarithm of the frames of a window, the shortest stretch
            that is searched for; 0 turns the search off.
        window_step: Every `window >> window_step` frames (at least 1) a window of a
            block is noted to be found later: repeated stretches of a window and a
            step are found for certain.
        lookback: How many of the newest blocks are searched; 0 turns it off.
        bloom_bits: Binary logarithm of the bits of bloom filter for each noted window.
        granularity: Bytes of a frame, which is never divided.
        on_block: Gets every block, a read-only view that never changes again. It is
            called from within the methods that add and finish; what it raises
            ends the segmenting.

    Raises:
        ValueError: A parameter is out of range.
    """

    def __init__(
        self,
        block_bits: int,
        window_bits: int,
        window_step: int,
        lookback: int,
        bloom_bits: int,
        granularity: int = 1,
        *,
        on_block: Callable[[memoryview], object],
    ) -> None:
        window = 1 << window_bits if window_bits else 0
        self.granularity = granularity
        self.most_left_over = granularity * (2 * window + 2 * (window >> window_step))
        """Largest unconsumed tail of a window, in bytes."""
        self.most_left_over += HORIZON
        self._kernel = RollingSegmenter(
            (1 << block_bits) // granularity * granularity,
            window,
            max(1, window >> window_step),
            lookback,
            bloom_bits,
            granularity,
            on_block,
        )

    def add_batch(
        self,
        contents: NDArray[np.int32],
        buffer: Buffer,
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> None:
        """Take whole contents.

        Args:
            contents: Their numbers, in order.
            buffer: Holds them all.
            starts: Where in the buffer each one starts.
            sizes: The bytes of each one; those of size 0 have no chunk.

        Raises:
            ValueError: A content is out of the buffer or no whole number of frames,
                or another one is unfinished.
        """
        self._kernel.add_batch(contents, buffer, starts, sizes)

    def add_window(self, content: int, buffer: Buffer, last: bool) -> int:
        """Take the next part of a large content.

        Args:
            content: Its number.
            buffer: What was not consumed last time, followed by more (if there is
                any: an empty last window is fine).
            last: Whether it ends here; everything is consumed then.

        Returns:
            The bytes consumed; less than `most_left_over` are not.

        Raises:
            ValueError: Another content is unfinished, or the last window ends
                inside a frame.
        """
        return self._kernel.add_window(content, buffer, last)

    def drop(self, content: int) -> None:
        """Forget `content`, be it finished or not; its bytes stay in their blocks."""
        self._kernel.drop(content)

    def finish(self) -> None:
        """Hand over the last block, which may be shorter than the others.

        Raises:
            ValueError: A content is unfinished.
        """
        self._kernel.finish()

    def chunks(self) -> Chunks:
        """Return the chunks so far; neighbours in a block are merged."""
        rows = np.frombuffer(self._kernel.chunks(), dtype=_CHUNK)
        names = ("content", "block", "offset", "size")
        return Chunks(*(np.ascontiguousarray(rows[name]) for name in names))

    @property
    def matched_bytes(self) -> int:
        """Bytes that refer to a stretch stored before."""
        return self._kernel.matched_bytes

    @property
    def segmented_bytes(self) -> int:
        """Bytes consumed so far."""
        return self._kernel.segmented_bytes

    @property
    def block_count(self) -> int:
        """Blocks begun so far."""
        return self._kernel.block_count
