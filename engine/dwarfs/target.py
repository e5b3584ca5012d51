"""The directory that an extraction fills.

Nothing is ever made outside of it, whatever the image says and whatever lies in the
target: names cannot contain `/` and are never `..` (checked when an image is opened),
every directory is opened by name relative to its parent's handle, and no symbolic
link is followed. What is in the way of an entry is removed first.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dwarfsmith.engine.dwarfs.entries import ROOT, Entries
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.errors import OutputError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.job import Job

_TARGET_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DIRECTORY_FLAGS: Final = _TARGET_FLAGS | os.O_NOFOLLOW
_REOPEN_FLAGS: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE_FLAGS: Final = _REOPEN_FLAGS | os.O_CREAT | os.O_EXCL
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_MAX_OPEN: Final = 256
_NO_OWNERS: Final = (errno.EPERM, errno.EINVAL, errno.ENOTSUP)
"""Root without the right to set owners, or a file system that has none."""


def max_open_files() -> int:
    """Return how many handles of one kind may be kept open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(_MAX_OPEN, soft // 4))


class Folders:
    """Handles of the target's directories; those used last stay open."""

    def __init__(self, target: bytes, entries: Entries) -> None:
        """Open the target.

        Raises:
            OutputError: It is no directory that can be opened.
        """
        self._entries = entries
        self._open: OrderedDict[int, int] = OrderedDict()
        self._limit = max_open_files()
        try:
            self._root = os.open(target, _TARGET_FLAGS)
        except OSError as error:
            raise OutputError(
                f"output: expected a directory '{printable(target)}': {error.strerror}"
            ) from None

    def close(self) -> None:
        """Close all handles."""
        while self._open:
            os.close(self._open.popitem()[1])
        os.close(self._root)

    def get(self, entry: int) -> int:
        """Return a handle of a directory; the next call may close it.

        Raises:
            OSError: It is not there, or something else is in its place.
        """
        handle = self._find(entry)
        if handle is not None:
            return handle
        missing = []
        while handle is None:
            missing.append(entry)
            entry = int(self._entries.parent[entry])
            handle = self._find(entry)
        for entry in reversed(missing):
            name = self._entries.name(entry)
            handle = os.open(name, _DIRECTORY_FLAGS, dir_fd=handle)
            self._open[entry] = handle
            if len(self._open) > self._limit:
                os.close(self._open.popitem(last=False)[1])
        return handle

    def _find(self, entry: int) -> int | None:
        if entry == ROOT:
            return self._root
        if entry in self._open:
            self._open.move_to_end(entry)
        return self._open.get(entry)


class Target:
    """Makes an image's entries in a directory and gives them their attributes.

    Owners are set when running as root; without that, set-user-id and set-group-id
    bits are left out. All methods raise `OSError` if the system refuses, and
    `OverflowError` if a time is beyond what it knows.
    """

    def __init__(self, image: Image, target: bytes, job: Job) -> None:
        """Open the target; raises what `Folders` does."""
        self._image = image
        self._job = job
        self._names = image.entries
        self._folders = Folders(target, image.entries)
        self._owners = os.geteuid() == 0
        self._warned = False
        self._modified = image.inodes.times("mtime")
        self._accessed = image.inodes.times("atime")

    def close(self) -> None:
        """Let go of the directory."""
        self._folders.close()

    def make_directory(self, entry: int) -> None:
        """Make a directory that only we can use, or take the one that is there."""
        name, folder = self._place(entry)
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            present = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(present.st_mode):
                os.unlink(name, dir_fd=folder)
                os.mkdir(name, 0o700, dir_fd=folder)

    def finish_directory(self, entry: int) -> None:
        """Set a directory's attributes; nothing can be made in it afterwards."""
        inode = int(self._names.inode[entry])
        self.set_attributes(self._folders.get(entry), inode)

    def create_file(self, entry: int) -> int:
        """Create an empty file that only we can use; return a handle to write to."""
        name, folder = self._place(entry)
        try:
            return os.open(name, _CREATE_FLAGS, 0o600, dir_fd=folder)
        except FileExistsError:
            _remove(name, folder)
            return os.open(name, _CREATE_FLAGS, 0o600, dir_fd=folder)

    def reopen_file(self, entry: int) -> int:
        """Return another handle to write to a file that was created."""
        name, folder = self._place(entry)
        return os.open(name, _REOPEN_FLAGS, dir_fd=folder)

    def make_hard_link(self, entry: int, first: int) -> None:
        """Make a further name for the file that is at the entry `first`."""
        first_name, first_folder = self._place(first)
        # A copy: looking up the second place may close the first folder.
        source = os.dup(first_folder)
        try:
            name, folder = self._place(entry)

            def link() -> None:
                os.link(
                    first_name,
                    name,
                    src_dir_fd=source,
                    dst_dir_fd=folder,
                    follow_symlinks=False,
                )

            _replace(link, name, folder)
        finally:
            os.close(source)

    def make_symlink(self, entry: int) -> None:
        """Make a symbolic link with its attributes."""
        name, folder = self._place(entry)
        inode = int(self._names.inode[entry])
        link = self._image.readlink(inode)
        _replace(lambda: os.symlink(link, name, dir_fd=folder), name, folder)
        self._own(inode, name, folder)
        os.utime(name, ns=self._times(inode), dir_fd=folder, follow_symlinks=False)

    def make_node(self, entry: int) -> None:
        """Make a device, FIFO or socket with its attributes."""
        name, folder = self._place(entry)
        inode = int(self._names.inode[entry])
        mode = stat.S_IFMT(int(self._image.inodes.mode[inode])) | 0o600
        device = self._image.inodes.rdev(inode)
        _replace(lambda: _make_node(name, mode, device, folder), name, folder)
        owned = self._own(inode, name, folder)
        # Opening some devices has effects, so this goes by name; what was just
        # made under it is no link.
        os.chmod(name, self._permissions(inode, owned=owned), dir_fd=folder)
        os.utime(name, ns=self._times(inode), dir_fd=folder, follow_symlinks=False)

    def set_attributes(self, handle: int, inode: int) -> None:
        """Set owner, permissions and times of a file or directory, in this order."""
        owned = self._own(inode, handle, None)
        os.fchmod(handle, self._permissions(inode, owned=owned))
        os.utime(handle, ns=self._times(inode))

    def _place(self, entry: int) -> tuple[bytes, int]:
        """Return an entry's name and a handle of the directory it belongs in."""
        folder = self._folders.get(int(self._names.parent[entry]))
        return self._names.name(entry), folder

    def _own(self, inode: int, name: bytes | int, folder: int | None) -> bool:
        """Set the owner if we may at all; return whether that was done."""
        if not self._owners:
            return False
        uid, gid = (
            int(self._image.inodes.uid[inode]),
            int(self._image.inodes.gid[inode]),
        )
        try:
            if folder is None:
                os.chown(name, uid, gid)
            else:
                os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_OWNERS:
                raise
            if not self._warned:
                self._warned = True
                self._job.log("warn", f"cannot restore owners: {error.strerror}")
            return False
        return True

    def _permissions(self, inode: int, *, owned: bool) -> int:
        mode = stat.S_IMODE(int(self._image.inodes.mode[inode]))
        return mode if owned else mode & ~_SET_ID

    def _times(self, inode: int) -> tuple[int, int]:
        """Return access and modification time in nanoseconds."""
        return (
            int(self._accessed[0][inode]) * 10**9 + int(self._accessed[1][inode]),
            int(self._modified[0][inode]) * 10**9 + int(self._modified[1][inode]),
        )


def _make_node(name: bytes, mode: int, device: int, folder: int) -> None:
    try:
        os.mknod(name, mode, device, dir_fd=folder)
    except NotImplementedError:  # macOS cannot make nodes relative to a handle
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from None


def _replace(make: Callable[[], None], name: bytes, folder: int) -> None:
    """Make something, removing what is in the way."""
    try:
        make()
    except FileExistsError:
        _remove(name, folder)
        make()


def _remove(name: bytes, folder: int) -> None:
    """Remove anything but a directory with something in it."""
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):  # as Linux and as macOS say it
        os.rmdir(name, dir_fd=folder)
