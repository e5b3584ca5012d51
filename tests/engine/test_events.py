"""Events survive their JSON line; paths stay exact and printable."""

import base64
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine import events
from dwarfsmith.engine.errors import CancelledError
from dwarfsmith.engine.job import PROGRESS_INTERVAL_S, Job, Stopwatch


def test_line_and_back():
    before = events.BlockDone(
        number=3, full_bytes=10, stored_bytes=4, codec="ZSTD", seconds=0.5, worker=1
    )
    line = events.to_line(before)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert events.from_line(line) == before


def test_unknown_line_is_an_error():
    with pytest.raises(msgspec.DecodeError):
        events.from_line(b'{"type": "no-such-event"}')


@given(st.binary(max_size=40))
def test_printable_never_holds_control_characters(path):
    text = events.printable(path)
    assert text.isprintable()
    text.encode("utf-8")


def test_printable_keeps_what_is_readable():
    assert events.printable("ü/ナ".encode()) == "ü/ナ"
    assert events.printable(b"a\nb\xff") == "a\\nb\\xff"


@given(st.binary(max_size=20))
def test_problem_carries_the_exact_path(path):
    seen = []
    job = Job(seen.append)
    job.problem(path, "cannot read")
    (problem,) = seen
    exact = base64.b64decode(problem.path_b64) if problem.path_b64 else None
    assert (exact if exact is not None else problem.path.encode()) == path
    assert job.problems == 1
    assert events.from_line(events.to_line(problem)) == problem


def test_progress_is_rate_limited_and_ends_exact():
    now = [0.0]
    seen = []
    job = Job(seen.append, clock=lambda: now[0])
    with job.stage("scan", "entries", 1000) as stage:
        for _ in range(1000):
            now[0] += PROGRESS_INTERVAL_S / 100
            stage.advance(1, b"name")
        stage.detail = "all of it"
    ticks = [event for event in seen if isinstance(event, events.StageProgress)]
    assert 10 <= len(ticks) <= 12
    assert ticks[-1].done == 1000
    assert isinstance(seen[0], events.StageStarted)
    assert seen[-1].detail == "all of it"


def test_cancelled_stage_stops():
    job = Job()
    with pytest.raises(CancelledError), job.stage("scan", "entries") as stage:
        job.cancel()
        stage.advance(1)


def test_events_from_threads_do_not_mix():
    inside = []
    overlaps = []

    def listen(event):
        inside.append(event)
        overlaps.append(len(inside) > 1)
        inside.pop()

    job = Job(listen)
    threads = [
        threading.Thread(target=lambda: [job.log("info", "x") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(overlaps) == 800
    assert not any(overlaps)


def test_stopwatch_laps():
    now = [0.0]
    watch = Stopwatch(clock=lambda: now[0])
    with watch:
        now[0] = 2.0
        assert watch.lap() == 2.0
        now[0] = 3.0
    now[0] = 9.0
    assert watch.lap() == 1.0
    assert watch.lap() == 0.0
    assert watch.seconds == 3.0
