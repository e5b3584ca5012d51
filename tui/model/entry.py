"""One entry of a tree, put into words."""

from __future__ import annotations

import grp
import pwd
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dwarfsmith.engine.events import printable
from dwarfsmith.tui.model import units

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.tree_index import Shape

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
}
_KIND_BITS = 0o170000


@dataclass(frozen=True, slots=True)
class Entry:
    """What the detail pane says about one entry; all of it printable."""

    path: str
    raw_path: bytes
    kind: str
    size_bytes: int
    total_bytes: int
    """Of the whole tree."""
    files: int
    entries: int
    """Below a folder."""
    mode: str
    owner: str
    modified: str
    links: int
    target: str


def describe(tree: Tree, known: Shape, entry: int) -> Entry:
    """Look everything up that there is to say about `entry`."""
    mode = int(tree.mode[entry])
    raw_path = tree.path(entry)
    is_link = stat.S_ISLNK(mode)
    return Entry(
        path=printable(raw_path),
        raw_path=raw_path,
        kind=kind(mode),
        size_bytes=int(known.size[entry]),
        total_bytes=int(known.size[0]),
        files=int(known.files[entry]),
        entries=int(known.extent[entry]) - 1,
        mode=stat.filemode(mode),
        owner=f"{_user(int(tree.uid[entry]))}:{_group(int(tree.gid[entry]))}",
        modified=units.moment(int(tree.mtime[entry])),
        links=int(tree.nlink[entry]),
        target=printable(tree.target(entry)) if is_link else "",
    )


def kind(mode: int) -> str:
    """Return the word for a file type."""
    return _KINDS.get(mode & _KIND_BITS, "unknown kind")


def suffix(mode: int) -> str:
    """Return the sign `ls -F` puts after a name."""
    if stat.S_ISREG(mode):
        return "*" if mode & 0o111 else ""
    signs = {
        stat.S_IFDIR: "/",
        stat.S_IFLNK: "@",
        stat.S_IFIFO: "|",
        stat.S_IFSOCK: "=",
    }
    return signs.get(mode & _KIND_BITS, "")


@lru_cache(1024)
def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@lru_cache(1024)
def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
