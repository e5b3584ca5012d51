"""Making folders, and describing them so that two can be compared."""

import hashlib
import os
import stat


def describe(root: bytes | str, *, owners: bool = True) -> dict[bytes, tuple]:
    """Return one row per entry below `root`, by relative path; the root is b"".

    Rows hold the mode, the owner (unless told otherwise), the modification time in
    seconds, and what the kind of entry adds. Hard links are named by the first path
    of their group.
    """
    base = os.fsencode(root)
    rows: dict[bytes, tuple] = {}
    groups: dict[tuple[int, int], bytes] = {}
    for path in sorted(_paths(base)):
        full = os.path.join(base, path) if path else base
        found = os.lstat(full)
        row: tuple = (oct(found.st_mode), int(found.st_mtime_ns // 10**9))
        if owners:
            row += (found.st_uid, found.st_gid)
        if stat.S_ISREG(found.st_mode):
            group = groups.setdefault((found.st_dev, found.st_ino), path)
            row += (found.st_size, _digest(full), group, found.st_nlink)
        elif stat.S_ISLNK(found.st_mode):
            row += (os.readlink(full),)
        elif stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            row += (found.st_rdev,)
        rows[path] = row
    return rows


def _paths(base: bytes):
    pending = [b""]
    while pending:
        path = pending.pop()
        yield path
        with os.scandir(os.path.join(base, path) if path else base) as entries:
            for entry in entries:
                below = os.path.join(path, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(below)
                else:
                    yield below


def _digest(path: bytes) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while data := stream.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()
