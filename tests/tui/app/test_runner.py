"""The process that does the work: told what to do, listened to, and reaped."""

import asyncio
import contextlib
import os
import sys

import pytest

from dwarfsmith.engine import events
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.engine.requests import BuildRequest, ScanRequest
from dwarfsmith.tui import runner
from dwarfsmith.tui.runner import WorkerProcess

REQUEST = BuildRequest(plan=BuildPlan(input=b"/srv/tux", output=b"tux.dwarfs"))


@pytest.fixture
def start(fake_worker):
    """Make a worker process that plays a part, and the list its events go to."""

    def make(script, request=REQUEST):
        told = []
        command = (sys.executable, fake_worker.__file__, script)
        return WorkerProcess(request, told.append, command), told

    return make


def python(code):
    return (sys.executable, "-c", code)


def alive(told):
    """Return whether the process that introduced itself still exists."""
    pid = next(event.pid for event in told if isinstance(event, events.JobStarted))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_events_arrive_in_order(start):
    worker, told = start("done")
    await worker.run()
    assert isinstance(told[0], events.JobStarted)
    assert told[-1] == events.Finished(exit_code=2)
    blocks = [e.number for e in told if isinstance(e, events.BlockDone)]
    assert blocks == list(range(45))
    assert not alive(told)


async def test_a_scan_fills_the_folder(start, tmp_path):
    worker, told = start("done", ScanRequest(input=b"/srv/tux", columns=str(tmp_path)))
    await worker.run()
    assert told[-1] == events.Finished(exit_code=0)
    assert (tmp_path / "header").exists()


async def test_cancel_is_answered(start):
    worker, told = start("running")
    running = asyncio.create_task(worker.run())
    while not any(isinstance(event, events.BlockDone) for event in told):
        await asyncio.sleep(0.01)
    worker.cancel()
    await running
    assert told[-1] == events.Failed(message="cancelled", exit_code=130)


async def test_cancel_before_the_start_counts(start):
    worker, told = start("running")
    worker.cancel()
    await worker.run()
    assert told[-1].exit_code == 130


async def test_who_does_not_listen_is_killed(start, monkeypatch):
    monkeypatch.setattr(runner, "STOP_PATIENCE_S", 0.1)
    worker, told = start("stubborn")
    running = asyncio.create_task(worker.run())
    while not any(isinstance(event, events.BlockDone) for event in told):
        await asyncio.sleep(0.01)
    worker.cancel()
    await running
    assert told[-1] == events.Failed(message="cancelled", exit_code=130)
    assert not alive(told)


async def test_no_process_outlives_a_cancelled_task(start, monkeypatch):
    monkeypatch.setattr(runner, "STOP_PATIENCE_S", 0.1)
    worker, told = start("stubborn")
    running = asyncio.create_task(worker.run())
    while not any(isinstance(event, events.BlockDone) for event in told):
        await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert not alive(told)


async def test_a_sudden_death_is_named(start):
    worker, told = start("killed")
    await worker.run()
    assert told[-1] == events.Failed(
        message="the worker was stopped by SIGKILL", exit_code=1
    )


async def test_last_words_are_told(start):
    worker, told = start("mute")
    await worker.run()
    (failed,) = told
    assert failed.message == (
        "the worker ended unexpectedly with code 1: RuntimeError: nothing to say"
    )


async def test_a_worker_that_cannot_be_started_is_told(tmp_path):
    told = []
    await WorkerProcess(REQUEST, told.append, (str(tmp_path / "none"),)).run()
    assert [event.message for event in told] == [
        "the worker cannot be started: No such file or directory"
    ]


async def test_what_is_no_event_is_logged():
    told = []
    code = "print('Segmentation fault', flush=True)"
    await WorkerProcess(REQUEST, told.append, python(code)).run()
    assert told[0].level == "warn"
    assert told[0].message.startswith("unreadable event: ")
    assert isinstance(told[-1], events.Failed)


async def test_much_narration_on_the_side_blocks_nobody():
    told = []
    code = "import sys; sys.stderr.write('x' * 79 + '\\n' * 100_000)"
    code += '; print(\'{"type": "finished", "exit_code": 0}\')'
    await WorkerProcess(REQUEST, told.append, python(code)).run()
    assert told == [events.Finished(exit_code=0)]


async def test_the_worker_has_no_terminal_and_no_stray_modules(tmp_path, monkeypatch):
    """Files of the user's own in the current folder must not shadow ours."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "msgspec.py").write_text("raise RuntimeError('shadowed')")
    told = []
    request = ScanRequest(input=bytes(tmp_path / "missing"), columns=str(tmp_path))
    await WorkerProcess(request, told.append).run()
    assert isinstance(told[-1], events.Failed)
    assert "shadowed" not in told[-1].message
