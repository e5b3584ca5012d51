"""What the app is told by its workers: one message per event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from textual.message import Message

from dwarfsmith.engine.events import AnyEvent

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.tree_index import Arrangement

JobName: TypeAlias = Literal["scan", "build", "verify"]


@dataclass
class JobEvent(Message):
    """A worker process has told something."""

    job: JobName
    run: int
    """Which start of that job it belongs to; events of earlier ones are late."""
    event: AnyEvent


@dataclass
class TreeArranged(Message):
    """The tree has grown or was sorted anew."""

    tree: Tree
    arrangement: Arrangement
