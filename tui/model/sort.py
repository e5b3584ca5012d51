"""What a tree can be sorted by."""

from typing import Final, Literal

SortKey = Literal["size", "name", "files"]
SORT_KEYS: Final[tuple[SortKey, ...]] = ("size", "name", "files")
