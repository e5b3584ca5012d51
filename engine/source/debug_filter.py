"""What filter rules do to a folder, as text: the lines of `--debug-filter`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.kernels import rules as kernel
from dwarfsmith.engine.source.rules import Decisions
from dwarfsmith.engine.source.tree import Mask, Tree

MODES: Final = (
    "all",
    "excluded",
    "excluded-files",
    "files",
    "included",
    "included-files",
)
"""Which entries have a line; those of `all` and `files` begin with `+` or `-`."""

_STEP: Final = 1 << 16


def check_mode(mode: str) -> None:
    """Check the name of a mode.

    Raises:
        UsageError: There is no such mode.
    """
    if mode not in MODES:
        raise UsageError(f"invalid filter debug mode '{mode}'")


def chosen(tree: Tree, decisions: Decisions, mode: str) -> Mask:
    """Return which entries have a line, bool[n].

    The root has none, and neither has what is inside an excluded directory.
    """
    some = decisions.reached.copy()
    some[:1] = False
    if mode.startswith("included"):
        some &= decisions.included
    elif mode.startswith("excluded"):
        some &= ~decisions.included
    if mode.endswith("files"):
        some &= ~tree.is_directory
    return some


def debug_lines(tree: Tree, decisions: Decisions, mode: str) -> Iterator[bytearray]:
    """Yield the lines of a mode, many at a time, in the order of the tree.

    Raises:
        UsageError: There is no such mode.
    """
    check_mode(mode)
    sign = decisions.included if mode in ("all", "files") else np.empty(0, np.bool_)
    entries = np.flatnonzero(chosen(tree, decisions, mode)).astype(np.int32)
    root = tree.root.rstrip(b"/")
    directory = tree.is_directory.view(np.uint8)
    for at in range(0, len(entries), _STEP):
        yield kernel.lines(
            entries[at : at + _STEP],
            sign.view(np.uint8),
            root,
            tree.parent,
            directory,
            tree.name_start,
            tree.name_size,
            tree.text,
        )
