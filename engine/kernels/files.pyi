"""Reading many files into one buffer: openat, fstat and read, the GIL released."""

import numpy as np
from numpy.typing import NDArray

OK: int
CANNOT_OPEN: int
SIZE_CHANGED: int
SHORT: int
READ_FAILED: int

class Source:
    """The files of a tree, opened by their path below an open folder.

    Names may be any bytes and paths of any length. Nothing here waits for a FIFO,
    follows a symlink at the end of a path, or changes access times where the system
    lets us choose. May be used from several threads at once.

    Args:
        root: Descriptor of the folder; stays the caller's and must stay open.
        parent: Column of the tree, as are all that follow.
    """

    def __init__(
        self,
        root: int,
        parent: NDArray[np.int32],
        name_start: NDArray[np.int64],
        name_size: NDArray[np.uint16],
        text: NDArray[np.uint8],
    ) -> None: ...
    def stop(self) -> None:
        """Have calls that run in other threads return soon, their rest unread."""

    def open(self, entry: int, size: int) -> tuple[int, int]:
        """Open one file; returns OK and its descriptor, or what is wrong and -1."""

    def probe(
        self,
        entries: NDArray[np.int32],
        sizes: NDArray[np.int64],
        status: NDArray[np.uint8],
    ) -> None:
        """Find out which files can be opened and still have the expected sizes."""

    def read_batch(
        self,
        entries: NDArray[np.int32],
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
        buffer: memoryview,
        status: NDArray[np.uint8],
    ) -> None:
        """Read whole files, each to its place in a buffer.

        Args:
            entries: Which files.
            starts: Where in `buffer` each one goes.
            sizes: The sizes they must have; nothing is opened for 0.
            buffer: Writable; what is there after a failure is undefined.
            status: Receives OK, CANNOT_OPEN, SIZE_CHANGED, SHORT or READ_FAILED.
        """
