"""Filter rules decide about the entries of a tree, and the lines that tell of it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

class Program(Protocol):
    """All rules, compiled; `source.globs.Program` says what the columns mean."""

    @property
    def class_of(self) -> NDArray[np.uint8]: ...
    @property
    def member(self) -> NDArray[np.uint8]: ...
    @property
    def set_of(self) -> NDArray[np.int32]: ...
    @property
    def follow_start(self) -> NDArray[np.int32]: ...
    @property
    def follow(self) -> NDArray[np.int32]: ...
    @property
    def accept_start(self) -> NDArray[np.int32]: ...
    @property
    def accept(self) -> NDArray[np.int32]: ...
    @property
    def includes(self) -> NDArray[np.uint8]: ...

def decide(
    program: Program,
    parent: NDArray[np.int32],
    directory: NDArray[np.uint8],
    name_start: NDArray[np.int64],
    name_size: NDArray[np.uint16],
    text: NDArray[np.uint8],
    deciding: NDArray[np.int32],
    included: NDArray[np.uint8],
    matches: NDArray[np.int64],
    *,
    table_limit_bytes: int = ...,
) -> None:
    """Decide about all entries of a tree, the root first. Releases the GIL.

    Args:
        program: All rules.
        parent: The containing directory of each entry, itself an earlier entry.
        directory: Which entries are directories.
        name_start: Where each name begins in `text`.
        name_size: Bytes in each name.
        text: Holds all names.
        deciding: Receives the first rule that matches each entry, -1 if none does;
            below an excluded directory the rule that excluded it.
        included: Receives which entries are included.
        matches: How many entries each rule matches, first or not, is added here.
        table_limit_bytes: Most memory for the table of transitions.
    """

def matching(program: Program, path: bytes, directory: bool) -> list[int]:
    """Return all rules that match a path relative to the input folder."""

def lines(
    entries: NDArray[np.int32],
    sign: NDArray[np.uint8],
    root: bytes,
    parent: NDArray[np.int32],
    directory: NDArray[np.uint8],
    name_start: NDArray[np.int64],
    name_size: NDArray[np.uint16],
    text: NDArray[np.uint8],
) -> bytearray:
    """Return a line for each of `entries`: its path, directories with a slash after it.

    Args:
        entries: None of them the root.
        sign: For each entry of the tree whether its line begins with `+ ` or `- `; of
            length 0 for lines with neither.
        root: What paths begin with.
        parent: The containing directory of each entry.
        directory: Which entries are directories.
        name_start: Where each name begins in `text`.
        name_size: Bytes in each name.
        text: Holds all names.

    Raises:
        IndexError: An entry is out of range.
    """
