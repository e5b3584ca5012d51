"""Extracts an image into a directory.

Directories come first, then files in the order of their blocks, then links, devices
and other special files, and at last the attributes of directories, which all of that
would change again.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.entries import ROOT
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.dwarfs.scatter import Scatterer
from dwarfsmith.engine.dwarfs.target import Target
from dwarfsmith.engine.errors import DwarfsmithError, OutputError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.job import Job

I4 = npt.NDArray[np.int32]

DEFAULT_WORKERS: Final = 4
_FATAL: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
"""Errors that the next entry would meet as well."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an extraction has done."""

    entries: int
    """Made, or found in place; without the root."""
    size_bytes: int
    """Of all files, hard links counted once."""
    problems: int


def extract(
    image: Image,
    target: bytes,
    job: Job,
    *,
    workers: int = DEFAULT_WORKERS,
    continue_on_error: bool = False,
    skip_devices: bool = False,
    skip_specials: bool = False,
) -> Extracted:
    """Extract everything in `image` into the directory `target`.

    The target's own attributes are left alone. Devices and special files that cannot
    be made are problems, not errors.

    Args:
        image: What to extract; its cache size bounds the blocks in flight.
        target: An existing directory.
        job: Hears of problems; its cancellation stops the work.
        workers: Number of decompressing threads.
        continue_on_error: Make a problem of other things as well: entries that
            cannot be made, and blocks that cannot be read, which leave holes in
            their files.
        skip_devices: Leave out devices.
        skip_specials: Leave out FIFOs and sockets.

    Raises:
        OutputError: The target cannot be written, or an entry cannot be made.
        ChecksumError, CodecError, FormatError: A block cannot be read.
        CancelledError: The job was cancelled.
    """
    problems = job.problems
    size = int(image.size[image.inodes.files : image.inodes.devices].sum())
    with contextlib.closing(Target(image, target, job)) as place:
        extraction = _Extraction(image, place, job, continue_on_error=continue_on_error)
        with job.stage("extract", "bytes", size) as stage:
            extraction.make_directories()
            Scatterer(image, extraction, job).run(stage, workers)
            extraction.make_links()
            if not skip_devices:
                extraction.make_nodes(image.inodes.devices, image.inodes.specials)
            if not skip_specials:
                extraction.make_nodes(image.inodes.specials, len(image.inodes))
            extraction.finish_directories()
    return Extracted(extraction.made, size, job.problems - problems)


class _Extraction:
    """What has been made, and what to do when something cannot be made."""

    def __init__(
        self, image: Image, target: Target, job: Job, *, continue_on_error: bool
    ) -> None:
        self._image = image
        self._entries = image.entries
        self._target = target
        self._job = job
        self._continue = continue_on_error
        self._first = _first_entries(image)
        """i4[inodes]: the entry that stands for each inode."""
        self._failed: set[int] = set()
        """Inodes that could not be made."""
        self.made = 0

    def make_directories(self) -> None:
        """Make all directories, outer ones first."""
        self._each(0, self._image.inodes.symlinks, self._target.make_directory)

    def finish_directories(self) -> None:
        """Give directories their attributes, inner ones first.

        An outer one may become unreadable to us by that.
        """
        directories = self._of_kind(0, self._image.inodes.symlinks)[::-1]
        for entry in directories.tolist():
            if int(self._entries.inode[entry]) not in self._failed:
                self._try(entry, partial(self._target.finish_directory, entry))

    def make_links(self) -> None:
        """Make the further names of files, then the symbolic links.

        Symbolic links come after everything that is put into directories: an image
        in which one has the name of a directory gains nothing by it.
        """
        files = slice(self._image.inodes.files, self._image.inodes.devices)
        self._each(files.start, files.stop, self._make_hard_link)
        symlinks = slice(self._image.inodes.symlinks, self._image.inodes.files)
        self._each(symlinks.start, symlinks.stop, self._target.make_symlink)

    def make_nodes(self, start: int, stop: int) -> None:
        """Make the devices or special files of a range of inodes."""
        self._each(start, stop, self._target.make_node)

    # What the scatterer asks for

    def create(self, inode: int) -> int | None:
        """Create a file, None if that fails."""
        return self._open(inode, self._target.create_file)

    def reopen(self, inode: int) -> int | None:
        """Open a file again, None if that fails or anything did before."""
        return self._open(inode, self._target.reopen_file)

    def attempt(self, inode: int, work: Callable[[], None]) -> bool:
        """Do something for a file; return whether it worked."""
        return inode not in self._failed and self._try(int(self._first[inode]), work)

    def finish(self, inode: int, handle: int) -> None:
        """Set the attributes of a complete file."""
        self._target.set_attributes(handle, inode)
        self.made += 1

    def damage(self, inode: int, error: DwarfsmithError) -> None:
        """Report a file with a hole where a block could not be read, or raise."""
        if not self._continue:
            raise error
        path = self._entries.path(int(self._first[inode]))
        self._job.problem(path, f"'{printable(path)}' has a hole: {error}")

    def _open(self, inode: int, open_file: Callable[[int], int]) -> int | None:
        entry = int(self._first[inode])
        if entry < 0 or inode in self._failed:
            return None
        try:
            return open_file(entry)
        except OSError as error:
            self._fail(entry, error)
            return None

    # Entries

    def _of_kind(self, start: int, stop: int) -> I4:
        """Return the entries of a range of inodes, in the order of a walk."""
        inode = self._entries.inode[self._entries.walk]
        chosen = (inode >= start) & (inode < stop) & (self._entries.walk != ROOT)
        entries: I4 = self._entries.walk[chosen]
        return entries

    def _each(self, start: int, stop: int, make: Callable[[int], None]) -> None:
        for entry in self._of_kind(start, stop).tolist():
            self._job.check()
            if self._try(entry, partial(make, entry)):
                self.made += 1

    def _make_hard_link(self, entry: int) -> None:
        inode = int(self._entries.inode[entry])
        first = int(self._first[inode])
        if entry == first:
            self.made -= 1  # counted when it was finished
        elif inode not in self._failed:
            self._target.make_hard_link(entry, first)

    def _try(self, entry: int, work: Callable[[], None]) -> bool:
        try:
            work()
        except (OSError, OverflowError) as error:
            self._fail(entry, error)
            return False
        return True

    def _fail(self, entry: int, error: OSError | OverflowError) -> None:
        """Take note that an entry cannot be made; stop unless asked to go on."""
        inode = int(self._entries.inode[entry])
        self._failed.add(inode)
        path = self._entries.path(entry)
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot extract '{printable(path)}': {reason}"
        is_node = inode >= self._image.inodes.devices
        fatal = isinstance(error, OSError) and error.errno in _FATAL
        if fatal or not (self._continue or is_node):
            raise OutputError(message) from None
        self._job.problem(path, message)


def _first_entries(image: Image) -> I4:
    """Return the first entry of each inode in a walk, -1 for an inode without."""
    first = np.full(len(image.inodes), -1, np.int32)
    backwards = image.entries.walk[::-1]
    first[image.entries.inode[backwards]] = backwards
    return first
