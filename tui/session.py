"""What the app knows: the input, the plan, the tree and the running jobs.

Screens read it and ask the app to change it; nothing here draws or starts anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from dwarfsmith.engine.events import AnyEvent, Failed, Finished, printable
from dwarfsmith.engine.plan import LEVELS, BuildPlan
from dwarfsmith.tui.model import machine
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.model.glyphs import UNICODE, Glyphs
from dwarfsmith.tui.model.output import default_output
from dwarfsmith.tui.model.scan_state import ScanState
from dwarfsmith.tui.model.settings import Settings
from dwarfsmith.tui.model.sort import SORT_KEYS, SortKey

if TYPE_CHECKING:
    from dwarfsmith.engine.source.tree import Tree
    from dwarfsmith.tui.model.tree_index import Arrangement


@dataclass
class Session:
    """The state of one run of the app."""

    settings: Settings = field(default_factory=Settings)
    glyphs: Glyphs = UNICODE
    clock: Callable[[], float] = time.monotonic
    memory: Callable[[], int | None] = machine.free_memory
    plan: BuildPlan | None = None
    """What would be built; its input is what is browsed."""
    scan: ScanState = field(default_factory=ScanState)
    build: BuildState = field(default_factory=BuildState)
    tree: Tree | None = None
    arrangement: Arrangement | None = None
    sort: SortKey = "size"
    descending: bool = True
    free_memory: int | None = None

    def open(self, folder: bytes) -> BuildPlan:
        """Make `folder` the input; nothing is known about it yet."""
        settings = self.settings
        level = settings.level if settings.level in LEVELS else Settings().level
        self.plan = BuildPlan(
            input=folder,
            output=default_output(folder),
            level=level,
            workers=settings.workers,
            with_devices=settings.with_devices,
            with_specials=settings.with_specials,
            keep_all_times=settings.keep_all_times,
            create_timestamp=not settings.reproducible,
            history=not settings.reproducible,
            verify=settings.verify,
        )
        if settings.sort in SORT_KEYS:
            self.sort, self.descending = settings.sort, settings.sort != "name"
        self.settings = settings.with_recent(os.fsdecode(os.path.abspath(folder)))
        self.scan = ScanState()
        self.build = BuildState(clock=self.clock)
        self.tree = self.arrangement = None
        return self.plan

    def choose(self, plan: BuildPlan) -> None:
        """Make `plan` the plan, and what is general in it the default for others."""
        self.plan = plan
        self.settings = msgspec.structs.replace(
            self.settings,
            level=plan.level,
            workers=plan.workers,
            with_devices=plan.with_devices,
            with_specials=plan.with_specials,
            keep_all_times=plan.keep_all_times,
            reproducible=not (plan.create_timestamp or plan.history),
            verify=plan.verify,
        )

    def begin_scan(self) -> None:
        """Forget the former tree: a new scan is being started."""
        self.scan = ScanState(status="running")
        self.tree = self.arrangement = None

    def begin_build(self, plan: BuildPlan) -> None:
        """Forget the former build: a new one is being started."""
        self.build = BuildState(clock=self.clock)
        self.build.begin(plan)

    def apply(self, job: str, event: AnyEvent) -> None:
        """Take an event of a job in."""
        if job == "scan":
            self.scan.apply(event)
        elif job == "verify" and isinstance(event, Finished | Failed):
            self.build.end_verify(event)
        else:
            self.build.apply(event)

    def sort_by(self, key: SortKey) -> None:
        """Sort by `key`; by the present one, turn the order around."""
        if key == self.sort:
            self.descending = not self.descending
        else:
            self.sort, self.descending = key, key != "name"

    @property
    def busy(self) -> bool:
        """Whether leaving now would stop a job."""
        return self.scan.active or self.build.active

    @property
    def input_label(self) -> str:
        """The input folder, printable, with `~` for the home folder."""
        if self.plan is None:
            return ""
        return home_relative(os.path.abspath(self.plan.input))


def home_relative(path: bytes) -> str:
    """Return a path for display, the home folder as `~`."""
    home = os.fsencode(os.path.expanduser("~")).rstrip(b"/")
    if home and (path == home or path.startswith(home + b"/")):
        path = b"~" + path[len(home) :]
    return printable(path)
