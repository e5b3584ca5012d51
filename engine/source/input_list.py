"""A tree made of a list of paths instead of a walk."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.errors import InputError
from dwarfsmith.engine.events import Scanned, printable
from dwarfsmith.engine.job import Job, StageHandle
from dwarfsmith.engine.kernels import names
from dwarfsmith.engine.kernels import walk as kernel
from dwarfsmith.engine.source.tree import ROW, Int32s, Int64s, Tree
from dwarfsmith.engine.source.walk import open_root

_STEP: Final = 8192
_MAX_PATH: Final = 0xFFFF
# What shows that a list of paths, each between line ends, has one to be normalized.
_NOT_NORMAL: Final = (
    *(b"\n/", b"\n./", b"\n../", b"\n.\n", b"\n..\n"),
    *(b"//", b"/./", b"/../", b"/.\n", b"/..\n", b"/\n", b"\0"),
)


def tree_from_list(
    root: bytes,
    content: bytes,
    job: Job,
    *,
    tree: Tree | None = None,
    leave_out: tuple[int, int] | None = None,
) -> Tree:
    """Make a tree of listed entries and the directories above them.

    The list has one path per line, below `root`. Directories come without what is in
    them. A path that is listed again, or lies outside, is passed over; one that cannot
    be read is a problem.

    Args:
        root: The input folder, absolute and free of symlinks.
        content: The list.
        job: Hears of progress and problems.
        tree: An empty tree to fill, in memory if not given.
        leave_out: Device and inode number of a file to pass over, if any.

    Returns:
        The tree, with `listed` set.

    Raises:
        InputError: `root` is no directory, or a path leads through something else.
        CancelledError: The job was asked to stop.
    """
    started = job.clock()
    tree = Tree(root) if tree is None else tree
    paths = _Paths.of(_normal_lines(content, root, job))
    entries = _entries(paths, job)
    descriptor = open_root(root)
    try:
        with job.stage("scan", "entries", len(entries)) as stage:
            rows, text, numbers = _read(descriptor, entries, job, stage)
    finally:
        os.close(descriptor)
    _check(root, entries, rows, numbers, job)
    good = numbers == 0
    if leave_out is not None:
        good &= (rows["dev"] != leave_out[0]) | (rows["ino"] != leave_out[1])
        good[0] = True
    tree.listed = _arrange(tree, rows, text, entries.paths.depths(), good)
    job.log("info", "scanned input list")
    job.emit(_summary(tree, job.clock() - started))
    return tree


@dataclass(frozen=True, slots=True)
class _Paths:
    """Paths as runs of one text; parents share the text of what is in them."""

    text: NDArray[np.uint8]
    slashes: NDArray[np.intp]
    """Where they are in the text."""
    starts: Int64s
    sizes: NDArray[np.uint16]
    line: Int64s
    """Where the list first has use for each one."""

    @classmethod
    def of(cls, lines: list[bytes]) -> _Paths:
        sizes = np.fromiter(map(len, lines), np.int64, len(lines))
        text = np.frombuffer(b"".join(lines), np.uint8)
        return cls(
            text,
            np.flatnonzero(text == ord("/")),
            np.cumsum(sizes) - sizes,
            sizes.astype(np.uint16),
            np.arange(len(lines)),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> bytes:
        start = int(self.starts[number])
        return self.text[start : start + int(self.sizes[number])].tobytes()

    def select(self, some: NDArray[np.intp]) -> _Paths:
        return replace(
            self, starts=self.starts[some], sizes=self.sizes[some], line=self.line[some]
        )

    def __add__(self, other: _Paths) -> _Paths:
        return replace(
            self,
            starts=np.concatenate((self.starts, other.starts)),
            sizes=np.concatenate((self.sizes, other.sizes)),
            line=np.concatenate((self.line, other.line)),
        )

    def ranks(self) -> Int32s:
        """Return a number for each path, the same for equal ones."""
        rank = np.zeros(len(self), np.int32)
        names.rank_strings(self.text, self.starts, self.sizes, rank)
        return rank

    def parents(self) -> _Paths:
        """Return the path of the directory of each; empty for the root."""
        last = np.searchsorted(self.slashes, self.starts + self.sizes) - 1
        inside = np.flatnonzero(last >= np.searchsorted(self.slashes, self.starts))
        sizes = np.zeros(len(self), np.uint16)
        sizes[inside] = self.slashes[last[inside]] - self.starts[inside]
        return replace(self, sizes=sizes)

    def depths(self) -> NDArray[np.intp]:
        """Return how many slashes are in each path."""
        ends = np.searchsorted(self.slashes, self.starts + self.sizes)
        return ends - np.searchsorted(self.slashes, self.starts)

    def first_of_each(self) -> _Paths:
        """Return each path once, as where the list first has use for it."""
        rank = self.ranks()
        order = np.lexsort((self.line, rank))
        new = np.ones(len(rank), np.bool_)
        new[1:] = rank[order[1:]] != rank[order[:-1]]
        return self.select(np.sort(order[new]))


@dataclass(frozen=True, slots=True)
class _Entries:
    """Distinct paths in the order of need, the root first."""

    paths: _Paths
    parent: Int32s

    def __len__(self) -> int:
        return len(self.parent)


def _normal_lines(content: bytes, root: bytes, job: Job) -> list[bytes]:
    """Return the paths of a list relative to `root`, without detours."""
    content = b"\n" + content + b"\n"
    if b"//" not in content:
        # What `find .` and `find "$PWD"` print should not need a look at each line.
        content = content.replace(b"\n./", b"\n").replace(b"\n" + root + b"/", b"\n")
    lines = [line for line in content.split(b"\n") if line]
    longest = max(map(len, lines), default=0)
    if longest > _MAX_PATH or any(part in content for part in _NOT_NORMAL):
        normal = (_normalize(line, root, job) for line in lines)
        lines = [line for line in normal if line is not None]
    return lines


def _normalize(line: bytes, root: bytes, job: Job) -> bytes | None:
    """Return one path relative to `root`; None if it names nothing below that."""
    if len(line) > _MAX_PATH or b"\0" in line:
        number = errno.ENAMETOOLONG if len(line) > _MAX_PATH else errno.EINVAL
        _report(os.path.join(root, line), number, job)
        return None
    path = os.path.normpath(line)
    if path.startswith(b"/"):
        below = root.rstrip(b"/") + b"/"
        path = b"/" + path.lstrip(b"/")
        path = path[len(below) :] if (path + b"/").startswith(below) else b".."
    if path == b".." or path.startswith(b"../"):
        job.log(
            "error",
            f"ignoring path '{printable(line)}' not below input path "
            f"'{printable(root)}'",
        )
        return None
    return b"" if path == b"." else path


def _entries(lines: _Paths, job: Job) -> _Entries:
    """Return the entries to read: the paths of the list and all above them."""
    paths = lines
    parents = lines
    while len(parents):
        above = parents.parents()
        parents = above.select(np.flatnonzero(above.sizes)).first_of_each()
        paths += parents
    # A directory that a line needs comes before that line, the topmost first.
    order = np.lexsort((paths.sizes, paths.line))
    rank = paths.ranks()
    place = np.empty(len(paths), np.intp)
    place[order] = np.arange(len(paths))
    first = np.full(int(rank.max(initial=-1)) + 1, len(paths))
    np.minimum.at(first, rank, place)
    repeated = first[rank] != place
    repeated |= paths.sizes == 0  # the root is there anyway
    for number in np.flatnonzero(repeated[: len(lines)]).tolist():
        path = printable(lines[number] or b".")
        job.log("info", f"skipping duplicate entry '{path}' in input list")
    found = paths.select(order[~repeated[order]])
    nothing = np.zeros(1, np.int64)
    top = replace(paths, starts=nothing, sizes=np.zeros(1, np.uint16), line=nothing)
    return _with_parents(top + found)


def _with_parents(paths: _Paths) -> _Entries:
    rank = (paths + paths.parents()).ranks()
    entry = np.empty(int(rank.max()) + 1, np.int32)
    entry[rank[: len(paths)]] = np.arange(len(paths))
    return _Entries(paths, entry[rank[len(paths) :]])


def _read(
    root: int, entries: _Entries, job: Job, stage: StageHandle
) -> tuple[NDArray[np.void], bytes, Int32s]:
    """Return rows with names and parents, their text, and errno for each or 0."""
    paths = entries.paths
    rows = np.zeros(len(entries), ROW)
    numbers = np.zeros(len(entries), np.int32)
    targets: list[bytes] = []
    size = 0
    for at in range(1, len(entries), _STEP):
        some = slice(at, min(at + _STEP, len(entries)))
        targets.append(
            kernel.stat_paths(
                root,
                paths.text,
                paths.starts[some],
                paths.sizes[some],
                rows[some].view(np.uint8),
                numbers[some],
            )
        )
        rows["target_start"][some] += size
        size += len(targets[-1])
        stage.advance(some.stop - some.start)
    dot = np.frombuffer(b".", np.uint8)
    kernel.stat_paths(
        root,
        dot,
        np.zeros(1, np.int64),
        np.ones(1, np.uint16),
        rows[:1].view(np.uint8),
        numbers[:1],
    )
    text = _name(rows, entries)
    rows["target_start"] += len(text)
    return rows, b"".join([text, *targets]), numbers


def _name(rows: NDArray[np.void], entries: _Entries) -> bytearray:
    """Fill in parents and names; return the text of the names."""
    paths, above = entries.paths, entries.paths.parents()
    skipped = above.sizes.astype(np.int64) + (above.sizes > 0)
    starts = np.empty(len(entries), np.int64)
    sizes = np.empty(len(entries), np.uint16)
    text = names.suffixed(
        paths.text,
        paths.starts + skipped,
        (paths.sizes - skipped).astype(np.uint16),
        np.zeros(len(entries), np.uint8),
        0,
        starts,
        sizes,
    )
    rows["name_start"], rows["name_size"] = starts, sizes
    rows["parent"] = entries.parent
    return text


def _check(
    root: bytes,
    entries: _Entries,
    rows: NDArray[np.void],
    numbers: Int32s,
    job: Job,
) -> None:
    """Report what cannot be read, up to where something leads through no directory.

    Raises:
        InputError: Something does.
    """
    directory = ((rows["mode"] & 0o170000) == 0o040000) & (numbers == 0)
    wrong = np.flatnonzero(~directory[entries.parent])
    end = int(wrong[0]) if len(wrong) else len(entries)
    for entry in np.flatnonzero(numbers[:end]).tolist():
        path = os.path.join(root, entries.paths[entry])
        _report(path, int(numbers[entry]), job)
    if len(wrong):
        path = entries.paths[int(entries.parent[end])]
        raise InputError(
            f"invalid path '{printable(path)}' in input list: expected a directory, "
            f"for '{printable(entries.paths[end])}'"
        )


def _report(path: bytes, number: int, job: Job) -> None:
    job.problem(path, f"error reading entry {printable(path)}: {os.strerror(number)}")


def _arrange(
    tree: Tree,
    rows: NDArray[np.void],
    text: bytes,
    depth: NDArray[np.intp],
    good: NDArray[np.bool_],
) -> Int32s:
    """Put the good rows into `tree`; return the place of each in the list."""
    order = _by_directory(rows["parent"], depth, np.flatnonzero(good))
    number = np.empty(len(rows), np.int32)
    number[order] = np.arange(len(order))
    rows = rows[order]
    rows["parent"] = parent = number[rows["parent"]]
    rows["child_count"] = np.bincount(parent[1:], minlength=len(rows))
    # Backwards, so that the first child of each directory is written last.
    rows["first_child"][parent[:0:-1]] = np.arange(len(rows) - 1, 0, -1)
    tree.append(rows, text)
    listed: Int32s = order.astype(np.int32)
    return listed


def _by_directory(
    parent: Int32s, depth: NDArray[np.intp], some: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return `some` entries level by level, those of one directory together."""
    place = np.zeros(len(parent), np.intp)
    by_depth = some[1:][np.argsort(depth[some[1:]], kind="stable")]
    steps = np.flatnonzero(np.diff(depth[by_depth])) + 1
    levels = [some[:1]]
    for level in np.split(by_depth, steps):
        # Stable: entries of one directory stay in the order of the list.
        levels.append(level[np.argsort(place[parent[level]], kind="stable")])
        place[levels[-1]] = np.arange(len(level))
    return np.concatenate(levels)


def _summary(tree: Tree, seconds: float) -> Scanned:
    regular = tree.is_regular
    return Scanned(
        entries=len(tree),
        directories=int(tree.is_directory.sum()),
        files=int(regular.sum()),
        links=int(tree.is_symlink.sum()),
        others=int((tree.is_device | tree.is_special).sum()),
        size_bytes=int(tree.size[regular].sum()),
        seconds=seconds,
        columns=None if tree.folder is None else os.fsdecode(tree.folder),
    )
