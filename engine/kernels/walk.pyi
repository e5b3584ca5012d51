"""Reading folders into rows: readdir, fstatat and readlinkat with the GIL released."""

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.kernels.rules import Program

READING_ENTRY: int
READING_DIRECTORY: int
UNKNOWN_TYPE: int

class Walker:
    """A walk over everything below an open folder, directory by directory.

    Each directory is read completely, then its subdirectories in the order they were
    found. Not for use from several threads at once.

    Attributes:
        directories: Directories found so far, the root included.
        files: Regular files found so far.
        links: Symbolic links found so far.
        others: Devices and specials found so far.
        size_bytes: Sizes of the regular files added up.
    """

    directories: int
    files: int
    links: int
    others: int
    size_bytes: int

    def __init__(
        self,
        root: int,
        *,
        with_devices: bool,
        with_specials: bool,
        leave_out: tuple[int, int] | None = None,
        program: Program | None = None,
        keep_excluded: bool = False,
    ) -> None:
        """Begin at a folder.

        Args:
            root: Its open descriptor, which stays the caller's.
            with_devices: Keep block and character devices.
            with_specials: Keep FIFOs and sockets.
            leave_out: Device and inode number of a file to pass over.
            program: Filter rules; what they exclude is passed over.
            keep_excluded: Pass only over what excluded directories contain.
        """

    @property
    def entries(self) -> int:
        """Entries found so far, the root included."""

    def step(self, max_rows: int, max_seconds: float) -> bool:
        """Read on until that many rows wait or that time is over.

        Returns:
            Whether there is more to read.
        """

    def take(self) -> tuple[bytes, bytes, bytes]:
        """Return and forget what was found: rows, their text, listings.

        Rows and listings are records as `source.tree.ROW` and `LISTING` declare
        them. A directory may be listed several times, the last one counts.
        """

    def take_problems(self) -> list[tuple[int, int, bytes]]:
        """Return and forget what went wrong: what about, errno, relative path."""

def stat_paths(
    root: int,
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.uint16],
    rows: NDArray[np.uint8],
    numbers: NDArray[np.int32],
) -> bytes:
    """Fill in what lstat says of paths below an open folder. Releases the GIL.

    Args:
        root: The folder's descriptor.
        text: Holds the paths; an empty one is not found.
        starts: Where each path begins in `text`.
        sizes: Bytes in each path.
        rows: Receives `source.tree.ROW` records, without names and parents.
        numbers: Receives errno for each path that cannot be read, else 0.

    Returns:
        The targets of the symlinks; `target_start` counts from here.
    """
