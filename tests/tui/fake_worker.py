"""Stands in for the engine's worker: says canned events, does no work.

`play(script, request)` yields the events of a part, and between them `WAIT` (for a
cancel request), `KILL` (dies by SIGKILL) or `IGNORE` (works on, whatever it is told).
`fake_worker.py SCRIPT` plays it as a process that reads one request like the real one.

    done      scans and builds to the end, with two problems
    running   scans; a build stops in the middle and waits to be cancelled
    early     scans; a build has only begun and waits to be cancelled
    failed    scans; a build fails for want of disk space
    killed    scans; a build dies by SIGKILL
    scanning  a scan is half through and waits
    gone      a scan fails: the input is not there
    mute      dies at once, with a traceback
    stubborn  scans; a build ignores every request to stop
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Iterator

import numpy as np

from dwarfsmith.engine import events
from dwarfsmith.engine.requests import AnyRequest, BuildRequest, ScanRequest, from_line
from dwarfsmith.engine.source.tree import LISTING, ROW, Tree

WAIT, KILL, IGNORE = "wait", "kill", "ignore"
Step = events.Event | str

KIB = 1 << 10
MIB = 1 << 20
MTIME = 1_788_000_000 * 10**9
NOBODY = 65123

# name: size of a file, target of a link, or a folder's contents
TREE: dict[bytes, object] = {
    b"data": {
        b"levels": {
            b"world1.pak": 45 * MIB,
            b"world2.pak": 46 * MIB + 1234,
            b"world3.pak": 311 * MIB,
        },
        b"music": {b"theme.wav": 210 * MIB, b"menu.wav": 100 * MIB},
        b"textures": {b"tile-%03d.png" % n: 900 * KIB + n for n in range(60)},
    },
    b"cache": {b"shader-%02d.bin" % n: 4 * MIB for n in range(30)},
    b"saves": {b"slot1.sav": 6 * MIB, b"slot2.sav": 12 * MIB, b"latest": b"slot2.sav"},
    b"odd": {
        b"[bold]not markup[/bold].txt": 12,
        b"latin-1 \xe9\xe8.txt": 77,
        "übergröße-日本語.txt".encode(): 4096,
        b"tab\tand\x1b[31mescape": 0,
        b"run.sh": 300,
    },
    b"readme.txt": 4200,
    b"empty": {},
}


def write_tree(folder: str, root: bytes = b"/srv/tux") -> Tree:
    """Write the columns of `TREE` the way a walk would."""
    tree = Tree.create(root, folder)
    rows = np.zeros(1, ROW)
    rows["mode"] = stat.S_IFDIR | 0o755
    rows["mtime"] = MTIME
    tree.append(rows, b"")
    queue: list[tuple[int, dict]] = [(0, TREE)]
    while queue:
        parent, contents = queue.pop(0)
        rows = np.zeros(len(contents), ROW)
        text = b""
        first = len(tree)
        for number, (name, what) in enumerate(contents.items()):
            row = rows[number]
            row["parent"], row["mtime"], row["nlink"] = parent, MTIME, 1
            row["uid"] = row["gid"] = NOBODY
            row["name_start"], row["name_size"] = len(text), len(name)
            text += name
            if isinstance(what, dict):
                row["mode"], row["size"] = stat.S_IFDIR | 0o755, 4096
                queue.append((first + number, what))
            elif isinstance(what, bytes):
                row["mode"], row["size"] = stat.S_IFLNK | 0o777, len(what)
                row["target_start"], row["target_size"] = len(text), len(what)
                text += what
            else:
                script = 0o111 if name.endswith(b".sh") else 0
                row["mode"], row["size"] = stat.S_IFREG | 0o644 | script, what
                row["nlink"] = 3 if name == b"world2.pak" else 1
        listing = np.array([(parent, first, len(contents))], LISTING)
        tree.append(rows, text, listing)
    return tree


def scan(request: ScanRequest, script: str) -> Iterator[Step]:
    yield events.JobStarted(job="scan", pid=os.getpid())
    if script == "gone":
        path = events.printable(request.input)
        message = f"input: no such directory '{path}'"
        yield events.Failed(message=message, exit_code=1)
        return
    tree = write_tree(request.columns, request.input)
    counts = {
        "entries": len(tree),
        "directories": int(tree.is_directory.sum()),
        "files": int(tree.is_regular.sum()),
        "links": int(tree.is_symlink.sum()),
        "others": 0,
        "size_bytes": int(tree.size[tree.is_regular].sum()),
    }
    yield events.ScanProgress(**counts)
    if script == "scanning":
        yield WAIT
    yield events.Scanned(**counts, seconds=0.25, columns=request.columns)
    yield events.Finished(exit_code=0)


def gauges(seconds: float, share: float) -> events.Gauges:
    total = 768 * MIB
    return events.Gauges(
        seconds=seconds,
        read_bytes=int(total * min(share * 1.6, 1)),
        segmented_bytes=int(total * min(share * 1.4, 1)),
        matched_bytes=int(total * min(share * 1.4, 1)) // 16,
        compressed_bytes=int(total * share),
        written_bytes=int(total * share * 0.18),
        blocks_done=int(45 * share),
        blocks_total=45 if share * 1.4 >= 1 else None,
        in_flight_bytes=810 * MIB,
        limit_bytes=1024 * MIB,
        resident_bytes=930 * MIB,
        busy_workers=2 if share < 1 else 0,
        workers=2,
        bottleneck="compress",
    )


def early(scanned: dict[str, int]) -> Iterator[Step]:
    yield events.JobStarted(job="build", pid=os.getpid())
    yield events.StageStarted(stage="scan", unit="entries")
    yield events.StageProgress(stage="scan", done=scanned["entries"])
    yield events.Scanned(**scanned, seconds=0.25)
    detail = f"{scanned['entries']} entries"
    yield events.StageFinished(stage="scan", seconds=0.25, detail=detail)
    yield events.StageStarted(stage="identify", unit="bytes")
    yield events.StageProgress(stage="identify", done=36 * MIB)


def middle(share: float) -> Iterator[Step]:
    total = 768 * MIB
    yield events.Identified(
        contents=93,
        duplicate_files=29,
        duplicate_bytes=116 * MIB,
        hard_links=0,
        hard_link_bytes=0,
        hashed_files=60,
        hashed_bytes=300 * MIB,
    )
    detail = "saved 116 MiB in 29 duplicates"
    yield events.StageFinished(stage="identify", seconds=1.31, detail=detail)
    yield events.StageStarted(stage="order", unit="contents", total=93)
    detail = "nilsimsa, 93 contents"
    yield events.StageFinished(stage="order", seconds=0.42, detail=detail)
    yield events.StageStarted(stage="segment", unit="bytes", total=total)
    yield events.StageStarted(stage="compress", unit="blocks")
    yield events.Problem(
        message="changed while being read", path="saves/slot2.sav", path_b64=None
    )
    steps = round(share * 45)
    for step in range(steps):
        seconds = 1 + step * 1.5
        ratio = (5, 5, 9, 18, 33, 52, 80, 99)[step * 7 % 8]
        yield gauges(seconds, (step + 1) / 45)
        yield events.BlockDone(
            number=step,
            full_bytes=16 * MIB,
            stored_bytes=16 * MIB * ratio // 100,
            codec="zstd",
            seconds=1.9 + step % 3 / 10,
            worker=step % 2,
        )
    done = min(int(total * share * 1.4), total)
    yield events.StageProgress(stage="segment", done=done, total=total)
    yield events.StageProgress(stage="compress", done=steps, total=None)


def finish(output: bytes, verify: bool) -> Iterator[Step]:
    detail = "saved 48.0 MiB in 9,412 matches"
    yield events.StageFinished(stage="segment", seconds=41.2, detail=detail)
    yield events.StageFinished(stage="compress", seconds=66.1, detail="45 blocks")
    yield events.StageStarted(stage="metadata", unit="entries")
    yield events.StageFinished(stage="metadata", seconds=0.18, detail="6.12 KiB")
    path = "data/[a].bin"
    yield events.Problem(message="permission denied", path=path, path_b64=None)
    if verify:
        yield events.StageStarted(stage="verify", unit="bytes")
        yield events.StageFinished(stage="verify", seconds=2.2, detail="all read back")
        yield events.Verified(sections=48, entries=110, seconds=2.2)
    yield events.Built(
        output=events.printable(output),
        image_bytes=139 * MIB + 4711,
        input_bytes=884 * MIB,
        blocks=45,
        block_bytes=138 * MIB,
        metadata_bytes=6266,
        chunks=1234,
        inodes=101,
        problems=2,
        seconds=71.3,
        cpu_seconds=138.2,
        peak_memory_bytes=990 * MIB,
        verified=verify,
    )
    yield events.Finished(exit_code=2)


def build(request: BuildRequest, script: str) -> Iterator[Step]:
    scanned = {
        "entries": 110,
        "directories": 8,
        "files": 101,
        "links": 1,
        "others": 0,
        "size_bytes": 884 * MIB,
    }
    yield from early(scanned)
    if script == "early":
        yield WAIT
    yield from middle(1.0 if script == "done" else 0.6)
    if script == "running":
        yield WAIT
    if script == "failed":
        output = events.printable(request.plan.output)
        message = f"cannot write '{output}': No space left on device"
        yield events.Failed(message=message, exit_code=1)
    elif script == "killed":
        yield KILL
    elif script == "stubborn":
        yield IGNORE
    else:
        yield from finish(request.plan.output, request.plan.verify)


def verify() -> Iterator[Step]:
    yield events.JobStarted(job="verify", pid=os.getpid())
    yield events.Verified(sections=48, entries=110, seconds=2.2)
    yield events.Finished(exit_code=0)


def play(script: str, request: AnyRequest) -> Iterator[Step]:
    if script == "mute":
        raise RuntimeError("nothing to say")
    if isinstance(request, ScanRequest):
        return scan(request, script)
    if isinstance(request, BuildRequest):
        return build(request, script)
    return verify()


def main() -> None:
    request = from_line(sys.stdin.buffer.readline())
    for step in play(sys.argv[1], request):
        if step == WAIT:
            while json.loads(sys.stdin.buffer.readline()).get("type") != "cancel":
                pass
            step = events.Failed(message="cancelled", exit_code=130)
        elif step == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif step == IGNORE:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        sys.stdout.buffer.write(events.to_line(step))
        sys.stdout.buffer.flush()
        if isinstance(step, events.Finished | events.Failed):
            sys.exit(step.exit_code)


if __name__ == "__main__":
    main()
