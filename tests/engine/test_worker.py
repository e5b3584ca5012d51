"""The worker process: one request in, events out, and it stops when told to."""

import os
import signal
import subprocess
import sys

import pytest

from dwarfsmith.engine import events, requests
from dwarfsmith.engine.plan import BuildPlan
from dwarfsmith.engine.source.tree import Tree

TIMEOUT_S = 60


class Worker:
    """A worker process and what it has said."""

    def __init__(self, first_line: bytes) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dwarfsmith.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.send(first_line)

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def until(self, wanted: type) -> events.AnyEvent:
        """Read events up to one of a kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = events.from_line(line)
            if isinstance(event, wanted):
                return event
        raise AssertionError(f"no {wanted.__name__} before the end")

    def end(self) -> tuple[list[events.AnyEvent], int]:
        """Read the rest without closing the input; return it and the exit code."""
        assert self.process.stdout is not None
        rest = [events.from_line(line) for line in self.process.stdout]
        code = self.process.wait(TIMEOUT_S)
        assert self.process.stderr is not None
        assert self.process.stderr.read() == b""
        return rest, code


@pytest.fixture
def start():
    workers = []

    def launch(request: requests.Request | bytes) -> Worker:
        line = request if isinstance(request, bytes) else requests.to_line(request)
        worker = Worker(line)
        workers.append(worker)
        return worker

    yield launch
    for worker in workers:
        worker.process.kill()
        worker.process.wait(TIMEOUT_S)
        for stream in (
            worker.process.stdin,
            worker.process.stdout,
            worker.process.stderr,
        ):
            stream.close()


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        (folder / f"file{number}").write_bytes(os.urandom(100 << 10))
    return folder


def slow_build(source, target) -> requests.BuildRequest:
    """Return a build that takes many seconds."""
    plan = BuildPlan(
        input=os.fsencode(source),
        output=os.fsencode(target),
        compression="lzma:level=9:extreme",
        block_bits=22,
        workers=1,
    )
    return requests.BuildRequest(plan=plan)


def test_build(start, source, tmp_path):
    plan = BuildPlan(
        input=os.fsencode(source),
        output=os.fsencode(tmp_path / "image"),
        level=1,
        verify=True,
    )
    said, code = start(requests.BuildRequest(plan=plan)).end()
    assert code == 0
    assert isinstance(said[0], events.JobStarted)
    assert said[0].job == "build"
    assert said[-1] == events.Finished(exit_code=0)
    assert isinstance(said[-2], events.Built)
    assert said[-2].verified
    stages = [event.stage for event in said if isinstance(event, events.StageStarted)]
    assert set(stages) == set(events.STAGES)


def test_scan_writes_columns_that_can_be_mapped(start, source, tmp_path):
    columns = tmp_path / "columns"
    columns.mkdir()
    request = requests.ScanRequest(input=os.fsencode(source), columns=str(columns))
    said, code = start(request).end()
    assert code == 0
    tree = Tree.attach(str(columns))
    assert len(tree) == 21
    assert tree.root == os.fsencode(source)
    (scanned,) = [event for event in said if isinstance(event, events.Scanned)]
    assert scanned.entries == 21
    assert scanned.columns == str(columns)


def test_verify(start, source, tmp_path):
    plan = BuildPlan(
        input=os.fsencode(source), output=os.fsencode(tmp_path / "image"), level=1
    )
    start(requests.BuildRequest(plan=plan)).end()
    request = requests.VerifyRequest(image=os.fsencode(tmp_path / "image"))
    said, code = start(request).end()
    assert code == 0
    (verified,) = [event for event in said if isinstance(event, events.Verified)]
    assert verified.entries == 21

    damaged = bytearray((tmp_path / "image").read_bytes())
    damaged[100_000] ^= 1
    (tmp_path / "image").write_bytes(damaged)
    said, code = start(request).end()
    assert code == 1
    assert isinstance(said[-1], events.Failed)
    assert "at section 0 (BLOCK)" in said[-1].message


@pytest.mark.parametrize("how", ["request", "signal", "end of input"])
def test_cancel_leaves_nothing(start, source, tmp_path, how):
    worker = start(slow_build(source, tmp_path / "image"))
    worker.until(events.StageProgress)
    if how == "request":
        worker.send(requests.to_line(requests.CancelRequest()))
    elif how == "signal":
        worker.process.send_signal(signal.SIGTERM)
    else:
        worker.process.stdin.close()
    said, code = worker.end()
    assert code == 130
    assert said[-1] == events.Failed(message="cancelled", exit_code=130)
    assert os.listdir(tmp_path) == ["in"]


def test_interrupt_of_the_terminal_is_not_for_the_worker(start, source, tmp_path):
    worker = start(slow_build(source, tmp_path / "image"))
    worker.until(events.StageProgress)
    worker.process.send_signal(signal.SIGINT)
    worker.send(requests.to_line(requests.CancelRequest()))
    said, code = worker.end()
    assert code == 130
    assert isinstance(said[-1], events.Failed)


def test_killed_worker_leaves_nothing(start, source, tmp_path):
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("files have a name from the start on this system")
    worker = start(slow_build(source, tmp_path / "image"))
    worker.until(events.StageProgress)
    worker.process.kill()
    worker.process.wait(TIMEOUT_S)
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{}\n", b"\xff\n", b'{"type":"dance"}\n']
)
def test_unreadable_request(start, line):
    worker = start(line)
    worker.process.stdin.close()
    (failed,), code = worker.end()
    assert code == 1
    assert failed.message.startswith("unreadable request")


def test_failure_is_the_last_event(start, tmp_path):
    plan = BuildPlan(
        input=os.fsencode(tmp_path / "missing"), output=os.fsencode(tmp_path / "image")
    )
    said, code = start(requests.BuildRequest(plan=plan)).end()
    assert code == 1
    assert isinstance(said[-1], events.Failed)
    assert "expected a directory" in said[-1].message
