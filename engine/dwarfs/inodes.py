"""The inodes of an image: attributes as columns.

DwarFS format, "Inode numbering", "Reader algorithms", "Times". Inodes are numbered by
kind: directories, symbolic links, regular files, devices, then FIFOs and sockets.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.metadata import Metadata, Options
from dwarfsmith.engine.dwarfs.packing import inode_ranges
from dwarfsmith.engine.errors import FormatError

I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint64]

WhichTime: TypeAlias = Literal["mtime", "atime", "ctime"]
Times: TypeAlias = tuple[I8, U4]
"""Seconds since 1970, i8, and nanoseconds, u4."""


class InodeTable:
    """All inodes as columns.

    Attributes:
        mode, uid, gid: i8[n].
        nlink: i8[n], names of a regular file, 1 for all others.
        symlinks, files, devices, specials: The first inode of each kind; directories
            come first.
    """

    def __init__(self, metadata: Metadata, options: Options, names: I8) -> None:
        """Take the inodes from metadata that is unpacked and checked.

        Args:
            metadata: The tables.
            options: The options as stored.
            names: The inode of each directory entry.

        Raises:
            FormatError: A time has more than a second in its fraction.
        """
        self._metadata = metadata
        self._options = options
        inodes = metadata.inodes
        self.mode: I8 = metadata.modes[inodes.mode_index].astype(np.int64)
        self.uid = _owners(metadata.uids, inodes.owner_index)
        self.gid = _owners(metadata.gids, inodes.group_index)
        ranges = inode_ranges(metadata)
        self.symlinks, self.files = ranges.symlinks, ranges.files
        self.devices, self.specials = ranges.devices, ranges.specials
        self.nlink = self._count_links(names)
        self._times: dict[WhichTime, Times] = {
            "mtime": self._time(inodes.mtime_offset, inodes.mtime_subsec),
            "atime": self._time(inodes.atime_offset, inodes.atime_subsec),
            "ctime": self._time(inodes.ctime_offset, inodes.ctime_subsec),
        }

    def __len__(self) -> int:
        return len(self.mode)

    def times(self, which: WhichTime) -> Times:
        """Return one of the times of all inodes.

        Where an image keeps only modification times, they stand for the others.
        """
        return self._times["mtime" if self._options.mtime_only else which]

    def rdev(self, inode: int) -> int:
        """Return the device number of a device, 0 for everything else."""
        devices = self._metadata.devices
        if devices is None or not self.devices <= inode < self.specials:
            return 0
        return int(devices[inode - self.devices])

    def _count_links(self, names: I8) -> I8:
        files = slice(self.files, self.devices)
        nlink = np.ones(len(self), np.int64)
        if self._options.inodes_have_nlink:
            nlink[files] += self._metadata.inodes.nlink_minus_one[files]
        else:
            nlink[files] = np.bincount(names, minlength=len(self))[files]
        return nlink

    def _time(self, offset: U8, subsecond: U8) -> Times:
        """Return the seconds and nanoseconds of what is stored."""
        resolution = np.uint64(self._options.time_resolution_sec or 1)
        base = np.uint64(self._metadata.timestamp_base)
        # Modulo 2^64 on purpose: that is how times before 1970 are stored.
        with np.errstate(over="ignore"):
            seconds = ((base + offset) * resolution).astype(np.int64)
        multiplier = self._options.subsecond_resolution_nsec_multiplier or 0
        most = int(subsecond.max()) * multiplier if len(subsecond) else 0
        if most >= 10**9:
            raise FormatError(
                f"expected less than a second, found {most} ns, in the inode table"
            )
        return seconds, (subsecond * np.uint64(multiplier)).astype(np.uint32)


def _owners(values: U4, index: U4) -> I8:
    """Look up owners; some old images have no table but the ids themselves."""
    owners: I8 = (values[index] if len(values) else index).astype(np.int64)
    return owners
