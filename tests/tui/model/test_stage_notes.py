"""What a stage says beside its bar."""

import pytest

from dwarfsmith.engine import events
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.model.stage_notes import note

IDENTIFIED = events.Identified(
    contents=8148,
    duplicate_files=44_120,
    duplicate_bytes=512 << 20,
    hard_links=0,
    hard_link_bytes=0,
    hashed_files=0,
    hashed_bytes=0,
)


@pytest.fixture
def build():
    state = BuildState()
    state.begin(BuildPlan(input=b"in", output=b"out", level=5))
    return state


def finish(build, stage, detail=""):
    build.apply(events.StageFinished(stage=stage, seconds=1, detail=detail))


def test_a_stage_that_waits_says_nothing(build):
    assert note(build, "order") == ""


@pytest.mark.parametrize(
    ("unit", "done", "total", "words"),
    [
        ("bytes", 0, None, ""),
        ("bytes", 36 << 20, None, "36.0 MiB so far"),
        ("bytes", 0, 48 << 20, "0 B of 48.0 MiB"),
        ("blocks", 3, 1200, "3 of 1,200 blocks"),
        ("entries", 5000, None, "5,000 entries so far"),
    ],
)
def test_a_running_stage_says_how_far_it_is(build, unit, done, total, words):
    build.apply(events.StageStarted(stage="segment", unit=unit, total=total))
    build.apply(events.StageProgress(stage="segment", done=done))
    assert note(build, "segment") == words


def test_a_finished_stage_says_what_it_was_good_for(build):
    build.apply(IDENTIFIED)
    for stage in ("scan", "identify", "order", "metadata"):
        finish(build, stage, f"what {stage} says")
    assert note(build, "identify") == "512 MiB in 44,120 duplicates"
    assert note(build, "order") == "similarity, 8,148 contents"
    assert note(build, "scan") == "what scan says"


def test_a_stage_that_found_nothing_says_what_the_engine_says(build):
    finish(build, "identify", "12 contents")
    assert note(build, "identify") == "12 contents"
    assert note(build, "segment") == ""
