"""Reading folders into rows: readdir, fstatat and readlinkat with the GIL released."""

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
    ) -> None:
        """Begin at a folder.

        Args:
            root: Its open descriptor, which stays the caller's.
            with_devices: Keep block and character devices.
            with_specials: Keep FIFOs and sockets.
            leave_out: Device and inode number of a file to pass over.
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
