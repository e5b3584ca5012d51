"""A build as its events tell it."""

import pytest

from dwarfsmith.engine import events
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.tui.model.build_state import MOST_LINES, BuildState

PLAN = BuildPlan(input=b"in", output=b"out", verify=True)
MIB = 1 << 20


def gauges(seconds, **totals):
    values = {
        "read_bytes": 0,
        "segmented_bytes": 0,
        "matched_bytes": 0,
        "compressed_bytes": 0,
        "written_bytes": 0,
        "blocks_done": 0,
        "blocks_total": None,
        "in_flight_bytes": 0,
        "limit_bytes": 1,
        "resident_bytes": 0,
        "busy_workers": 0,
        "workers": 1,
    }
    return events.Gauges(seconds=seconds, **{**values, **totals})


def block(number, stored, full=MIB, worker=0):
    return events.BlockDone(
        number=number,
        full_bytes=full,
        stored_bytes=stored,
        codec="zstd",
        seconds=1.0,
        worker=worker,
    )


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def build(now):
    state = BuildState(clock=lambda: now[0])
    state.begin(PLAN)
    return state


def test_before_the_start_nothing_has_passed():
    assert BuildState().elapsed == 0
    assert not BuildState().active


def test_verify_is_a_stage_only_if_it_is_planned():
    state = BuildState()
    state.begin(BuildPlan(input=b"in", output=b"out"))
    assert "verify" not in state.stages
    state.begin(PLAN)
    assert "verify" in state.stages


def test_a_stage_goes_from_waiting_to_done(build):
    view = build.stages["identify"]
    assert (view.status, view.fraction) == ("waiting", None)
    build.apply(events.StageStarted(stage="identify", unit="bytes"))
    build.apply(events.StageProgress(stage="identify", done=5))
    assert (view.status, view.fraction) == ("running", None)
    build.apply(events.StageProgress(stage="identify", done=5, total=20))
    assert view.fraction == 0.25
    build.apply(events.StageFinished(stage="identify", seconds=2, detail="found"))
    assert (view.status, view.fraction, view.detail) == ("done", 1.0, "found")


def test_progress_without_a_total_keeps_the_one_that_is_known(build):
    build.apply(events.StageStarted(stage="segment", unit="bytes", total=100))
    build.apply(events.StageProgress(stage="segment", done=50))
    assert build.stages["segment"].fraction == 0.5


def test_the_number_of_blocks_becomes_the_total_of_compressing(build):
    build.apply(events.StageStarted(stage="compress", unit="blocks"))
    build.apply(gauges(1, blocks_total=8))
    assert build.stages["compress"].total == 8


def test_the_part_compressed_is_unknown_before_the_first_block(build):
    build.apply(events.StageStarted(stage="segment", unit="bytes", total=8 * MIB))
    build.apply(gauges(1, segmented_bytes=2 * MIB, compressed_bytes=12))
    assert build.fraction is None
    assert build.ratio is None


def test_the_part_compressed_counts_what_repeats_will_save(build):
    build.apply(events.StageStarted(stage="segment", unit="bytes", total=8 * MIB))
    build.apply(block(0, MIB // 4))
    build.apply(gauges(1, segmented_bytes=4 * MIB, matched_bytes=2 * MIB))
    # Half of all is cut and half of that repeats: 4 MiB of blocks are to come.
    assert build.fraction == pytest.approx(1 / 4)
    assert build.stages["compress"].fraction == build.fraction
    assert build.ratio == pytest.approx(1 / 4)


def test_the_part_compressed_never_runs_backwards(build):
    build.apply(events.StageStarted(stage="segment", unit="bytes", total=8 * MIB))
    build.apply(block(0, 1))
    build.apply(gauges(1, segmented_bytes=4 * MIB, matched_bytes=3 * MIB))
    high = build.fraction
    build.apply(gauges(2, segmented_bytes=8 * MIB, matched_bytes=3 * MIB))
    assert build.fraction == high


def test_workers_have_lanes(build):
    build.apply(block(0, 1, worker=1))
    build.apply(block(1, 1, worker=0))
    build.apply(block(2, 1, worker=1))
    assert {worker: lane.blocks for worker, lane in build.lanes.items()} == {1: 2, 0: 1}
    assert build.lanes[1].last.number == 2


def test_speed_is_known_after_two_samples(build):
    build.apply(gauges(1.0, read_bytes=0))
    assert build.rates.read is None
    build.apply(gauges(1.5, read_bytes=MIB, written_bytes=MIB // 2))
    assert build.rates.read == pytest.approx(2 * MIB)
    assert build.rates.written == pytest.approx(MIB)


def test_speed_is_that_of_the_last_moments(build):
    for second in range(20):
        total = second * MIB if second < 10 else 10 * MIB
        build.apply(gauges(float(second), read_bytes=total))
    assert build.rates.read == 0
    assert max(build.rates.read_history) == pytest.approx(MIB)


def test_all_problems_are_counted_and_the_newest_kept(build):
    for number in range(MOST_LINES + 5):
        build.apply(events.Problem(message="unreadable", path=f"file{number}"))
    build.apply(events.LogLine(level="info", message="going on"))
    assert build.problems == MOST_LINES + 5
    assert len(build.lines) == MOST_LINES
    assert build.lines[-1].message == "going on"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (events.Finished(exit_code=0), "done"),
        (events.Finished(exit_code=2), "done"),
        (events.Failed(message="no", exit_code=1), "failed"),
        (events.Failed(message="cancelled", exit_code=130), "cancelled"),
    ],
)
def test_the_end_stops_the_clock(build, now, event, status):
    now[0] = 107.0
    build.apply(event)
    now[0] = 200.0
    assert (build.status, build.elapsed, build.active) == (status, 7.0, False)
    assert build.seconds_left is None


def test_the_time_left_needs_a_few_blocks(build, now):
    build.apply(events.StageStarted(stage="segment", unit="bytes", total=64 * MIB))
    build.apply(events.StageStarted(stage="compress", unit="blocks"))
    for second in range(30):
        now[0] += 1
        build.apply(block(second, MIB // 2))
        build.apply(gauges(float(second), segmented_bytes=64 * MIB))
        if second == 2:
            assert build.seconds_left is None
    soonest, latest = build.seconds_left
    assert soonest <= 34 <= latest
    build.apply(events.StageFinished(stage="compress", seconds=30))
    assert build.seconds_left is None


def test_reading_back_later_is_a_job_of_its_own(build):
    build.apply(events.Finished(exit_code=0))
    build.begin_verify()
    assert build.active and build.status == "done"
    build.apply(events.Verified(sections=5, entries=9, seconds=0.1))
    build.end_verify(events.Finished(exit_code=0))
    assert not build.active and build.verified.entries == 9
    build.begin_verify()
    assert build.verified is None
    build.end_verify(events.Failed(message="section 3: checksum", exit_code=1))
    assert build.verify_failure.message == "section 3: checksum"


def test_an_old_sample_does_not_speak_for_the_present(build, now):
    assert build.present is None
    build.apply(gauges(1.0))
    assert build.present is build.gauges
    now[0] += 60
    assert build.present is None
