"""What a stage is doing or has found, in a phrase."""

from __future__ import annotations

from dwarfsmith.engine.events import Stage
from dwarfsmith.tui.model import plan_text, units
from dwarfsmith.tui.model.build_state import BuildState, StageView


def note(build: BuildState, stage: Stage) -> str:
    """Return the phrase beside a stage's bar."""
    view = build.stages[stage]
    if view.status == "waiting":
        return ""
    if view.status == "running":
        return amounts(view)
    return _found(build, stage) or view.detail


def amounts(view: StageView) -> str:
    """Return how much of a running stage is done, in its own unit."""
    if view.unit == "bytes":
        done, total, words = units.size(view.done), units.size(view.total), ""
    else:
        done, total = units.number(view.done), units.number(view.total)
        words = f" {view.unit}"
    if view.total is None:
        return f"{done}{words} so far" if view.done else ""
    return f"{done} of {total}{words}"


def _found(build: BuildState, stage: Stage) -> str:
    """Return what a finished stage was good for; empty: the engine knows better."""
    match stage:
        case "identify" if build.identified and build.identified.duplicate_bytes:
            found = build.identified
            files = units.counted(found.duplicate_files, "duplicate")
            return f"{units.size(found.duplicate_bytes)} in {files}"
        case "order" if build.identified and build.plan:
            order = plan_text.order_of(build.plan)
            return f"{order}, {units.counted(build.identified.contents, 'content')}"
        case "segment" if build.gauges and build.gauges.matched_bytes:
            return f"{units.size(build.gauges.matched_bytes)} found again"
        case "compress" if len(build.blocks):
            return units.counted(len(build.blocks), "block")
        case _:
            return ""
