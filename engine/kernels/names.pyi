"""Names and paths: distinct names in order, pre-order, paths, sums over subtrees."""

import numpy as np
from numpy.typing import NDArray

def rank_strings(
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.uint16],
    rank: NDArray[np.int32],
) -> tuple[bytearray, bytearray]:
    """Sort distinct strings bytewise and number them.

    Args:
        text: Holds all strings; none contains a NUL byte.
        starts: Where each string begins in `text`.
        sizes: Bytes in each string.
        rank: In: negative for strings to leave out. Out: for all others their
            position among the distinct strings.

    Returns:
        The distinct strings concatenated, and as int64 where each begins, plus the end.
    """

def suffixed(
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.uint16],
    marked: NDArray[np.uint8],
    suffix: int,
    new_starts: NDArray[np.int64],
    new_sizes: NDArray[np.uint16],
) -> bytearray:
    """Return all strings concatenated, `suffix` appended to the marked ones.

    Where they begin and how long they are goes to `new_starts` and `new_sizes`.
    """

def preorder(
    parent: NDArray[np.int32], rank: NDArray[np.int32], position: NDArray[np.int32]
) -> None:
    """Number entries as a depth-first walk meets them, siblings by `rank`.

    Args:
        parent: The containing directory of each entry, itself an earlier entry.
        rank: Not negative but for entry 0, the root.
        position: Receives the numbers, the root's 0 first.
    """

def rollup(parent: NDArray[np.int32], values: NDArray[np.int64]) -> None:
    """Add to each entry's value those of everything below it, in place."""

def paths(
    entries: NDArray[np.int32],
    parent: NDArray[np.int32],
    name_start: NDArray[np.int64],
    name_size: NDArray[np.uint16],
    text: NDArray[np.uint8],
) -> tuple[bytearray, bytearray]:
    """Return the paths of `entries` concatenated, and as int64 where each begins.

    Paths are relative to the root, whose own path is empty; the end is added to
    the beginnings.

    Raises:
        IndexError: An entry is out of range.
    """
