"""The walk: every entry below a folder, directory by directory, into a tree."""

from __future__ import annotations

import os
from typing import Final

import numpy as np

from dwarfsmith.engine.errors import InputError
from dwarfsmith.engine.events import Scanned, ScanProgress, printable
from dwarfsmith.engine.job import PROGRESS_INTERVAL_S, Job, StageHandle
from dwarfsmith.engine.kernels import walk as kernel
from dwarfsmith.engine.source.rules import Rules
from dwarfsmith.engine.source.tree import LISTING, ROW, Tree

_STEP_ROWS: Final = 16384
_STEP_SECONDS: Final = 0.05

_MESSAGES: Final = {
    kernel.READING_ENTRY: "error reading entry {path}: {reason}",
    kernel.READING_DIRECTORY: "cannot read directory {path}: {reason}",
    kernel.UNKNOWN_TYPE: "unsupported entry type: {path}",
}


def walk(
    root: bytes,
    job: Job,
    *,
    tree: Tree | None = None,
    with_devices: bool = False,
    with_specials: bool = False,
    leave_out: tuple[int, int] | None = None,
    rules: Rules | None = None,
    keep_excluded: bool = False,
) -> Tree:
    """Read everything below `root` into a tree.

    Each directory is read completely, then its subdirectories in the order they
    were found. An entry that cannot be read is a problem and left out; a directory
    that cannot be read is a problem and stays empty. Excluded directories are not
    read at all.

    Args:
        root: The input folder; a symlink to one will do.
        job: Hears of progress and problems.
        tree: An empty tree to fill, in memory if not given.
        with_devices: Keep block and character devices.
        with_specials: Keep FIFOs and sockets.
        leave_out: Device and inode number of a file to pass over, if any.
        rules: Filter rules; what they exclude is left out.
        keep_excluded: Leave out only what is inside excluded directories.

    Returns:
        The tree; only its rows are visible to others while the walk runs.

    Raises:
        InputError: `root` is no directory or cannot be opened.
        CancelledError: The job was asked to stop.
    """
    started = job.clock()
    if tree is None:
        tree = Tree(os.path.realpath(root))
    with job.stage("scan", "entries") as stage:
        descriptor = open_root(root)
        try:
            walker = kernel.Walker(
                descriptor,
                with_devices=with_devices,
                with_specials=with_specials,
                leave_out=leave_out,
                program=rules.program if rules else None,
                keep_excluded=keep_excluded,
            )
            _fill(tree, walker, job, stage)
        finally:
            os.close(descriptor)
        stage.total = len(tree)
        stage.detail = f"{walker.directories} directories, {walker.files} files"
    job.emit(
        Scanned(
            entries=walker.entries,
            directories=walker.directories,
            files=walker.files,
            links=walker.links,
            others=walker.others,
            size_bytes=walker.size_bytes,
            seconds=job.clock() - started,
            columns=None if tree.folder is None else os.fsdecode(tree.folder),
        )
    )
    return tree


def open_root(root: bytes) -> int:
    """Open the input folder and return its descriptor.

    Raises:
        InputError: It is no directory or cannot be opened.
    """
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(
            f"expected a directory as input, found: {error.strerror}, "
            f"at {printable(root)}"
        ) from error


def _fill(tree: Tree, walker: kernel.Walker, job: Job, stage: StageHandle) -> None:
    next_report = job.clock() + PROGRESS_INTERVAL_S
    more = True
    while more:
        job.check()
        more = walker.step(_STEP_ROWS, _STEP_SECONDS)
        rows, text, listings = walker.take()
        before = len(tree)
        tree.append(np.frombuffer(rows, ROW), text, np.frombuffer(listings, LISTING))
        for kind, number, path in walker.take_problems():
            full = os.path.join(tree.root, path) if path else tree.root
            reason = os.strerror(number)
            message = _MESSAGES[kind].format(path=printable(full), reason=reason)
            job.problem(full, message)
        stage.advance(len(tree) - before)
        if job.clock() >= next_report:
            next_report = job.clock() + PROGRESS_INTERVAL_S
            job.emit(
                ScanProgress(
                    entries=walker.entries,
                    directories=walker.directories,
                    files=walker.files,
                    links=walker.links,
                    others=walker.others,
                    size_bytes=walker.size_bytes,
                )
            )
