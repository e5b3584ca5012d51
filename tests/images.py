"""Describing images the way `trees.describe` describes folders."""

import hashlib
import stat

from dwarfsmith.engine.dwarfs.reader import Image


def describe_image(path: bytes | str, *, owners: bool = True) -> dict[bytes, tuple]:
    """Return one row per entry of an image, by path; see `trees.describe`."""
    with Image.open(path) as image:
        rows: dict[bytes, tuple] = {}
        groups: dict[int, bytes] = {}
        for name, inode in sorted(image_entries(image)):
            found = image.stat(inode)
            row: tuple = (oct(found.mode), found.mtime_ns // 10**9)
            if owners:
                row += (found.uid, found.gid)
            if stat.S_ISREG(found.mode):
                digest = hashlib.sha256(image.read(inode)).hexdigest()
                group = groups.setdefault(inode, name)
                row += (found.size, digest, group, found.nlink)
            elif stat.S_ISLNK(found.mode):
                row += (image.readlink(inode),)
            elif stat.S_ISCHR(found.mode) or stat.S_ISBLK(found.mode):
                row += (found.rdev,)
            rows[name] = row
        return rows


def image_entries(image: Image) -> list[tuple[bytes, int]]:
    """Return path and inode of every entry; the root's path is b""."""
    return [
        (image.entries.path(entry), int(image.entries.inode[entry]))
        for entry in range(len(image.entries.inode))
    ]
