"""Stands in for the engine's worker: says canned events, does no work.

`fake_worker.py SCRIPT` reads one request like the real one and plays a part of it:

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

import numpy as np

from dwarfsmith.engine import events
from dwarfsmith.engine.requests import BuildRequest, ScanRequest, from_line
from dwarfsmith.engine.source.tree import LISTING, ROW, Tree

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


def say(event: events.Event) -> None:
    sys.stdout.buffer.write(events.to_line(event))
    sys.stdout.buffer.flush()


def wait_for_cancel() -> None:
    for line in sys.stdin.buffer:
        if json.loads(line).get("type") == "cancel":
            break
    say(events.Failed(message="cancelled", exit_code=130))
    sys.exit(130)


def scan(request: ScanRequest, script: str) -> None:
    say(events.JobStarted(job="scan", pid=os.getpid()))
    if script == "gone":
        path = events.printable(request.input)
        message = f"input: no such directory '{path}'"
        say(events.Failed(message=message, exit_code=1))
        sys.exit(1)
    tree = write_tree(request.columns)
    counts = {
        "entries": len(tree),
        "directories": int(tree.is_directory.sum()),
        "files": int(tree.is_regular.sum()),
        "links": int(tree.is_symlink.sum()),
        "others": 0,
        "size_bytes": int(tree.size[tree.is_regular].sum()),
    }
    say(events.ScanProgress(**counts))
    if script == "scanning":
        wait_for_cancel()
    say(events.Scanned(**counts, seconds=0.25, columns=request.columns))
    say(events.Finished(exit_code=0))


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


def early(scanned: dict[str, int]) -> None:
    say(events.JobStarted(job="build", pid=os.getpid()))
    say(events.StageStarted(stage="scan", unit="entries"))
    say(events.StageProgress(stage="scan", done=scanned["entries"]))
    say(events.Scanned(**scanned, seconds=0.25))
    detail = f"{scanned['entries']} entries"
    say(events.StageFinished(stage="scan", seconds=0.25, detail=detail))
    say(events.StageStarted(stage="identify", unit="bytes"))
    say(events.StageProgress(stage="identify", done=36 * MIB))


def middle(share: float) -> None:
    total = 768 * MIB
    say(
        events.Identified(
            contents=93,
            duplicate_files=29,
            duplicate_bytes=116 * MIB,
            hard_links=0,
            hard_link_bytes=0,
            hashed_files=60,
            hashed_bytes=300 * MIB,
        )
    )
    detail = "saved 116 MiB in 29 duplicates"
    say(events.StageFinished(stage="identify", seconds=1.31, detail=detail))
    say(events.StageStarted(stage="order", unit="contents", total=93))
    detail = "nilsimsa, 93 contents"
    say(events.StageFinished(stage="order", seconds=0.42, detail=detail))
    say(events.StageStarted(stage="segment", unit="bytes", total=total))
    say(events.StageStarted(stage="compress", unit="blocks"))
    say(
        events.Problem(
            message="changed while being read", path="saves/slot2.sav", path_b64=None
        )
    )
    steps = round(share * 45)
    for step in range(steps):
        seconds = 1 + step * 1.5
        ratio = (5, 5, 9, 18, 33, 52, 80, 99)[step * 7 % 8]
        say(gauges(seconds, (step + 1) / 45))
        say(
            events.BlockDone(
                number=step,
                full_bytes=16 * MIB,
                stored_bytes=16 * MIB * ratio // 100,
                codec="zstd",
                seconds=1.9 + step % 3 / 10,
                worker=step % 2,
            )
        )
    done = min(int(total * share * 1.4), total)
    say(events.StageProgress(stage="segment", done=done, total=total))
    say(events.StageProgress(stage="compress", done=steps, total=None))


def finish(output: bytes, verify: bool) -> None:
    detail = "saved 48.0 MiB in 9,412 matches"
    say(events.StageFinished(stage="segment", seconds=41.2, detail=detail))
    say(events.StageFinished(stage="compress", seconds=66.1, detail="45 blocks"))
    say(events.StageStarted(stage="metadata", unit="entries"))
    say(events.StageFinished(stage="metadata", seconds=0.18, detail="6.12 KiB"))
    path = "data/[a].bin"
    say(events.Problem(message="permission denied", path=path, path_b64=None))
    if verify:
        say(events.StageStarted(stage="verify", unit="bytes"))
        say(events.StageFinished(stage="verify", seconds=2.2, detail="all read back"))
        say(events.Verified(sections=48, entries=110, seconds=2.2))
    say(
        events.Built(
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
    )
    say(events.Finished(exit_code=2))
    sys.exit(2)


def build(request: BuildRequest, script: str) -> None:
    scanned = {
        "entries": 110,
        "directories": 8,
        "files": 101,
        "links": 1,
        "others": 0,
        "size_bytes": 884 * MIB,
    }
    early(scanned)
    if script == "early":
        wait_for_cancel()
    middle(1.0 if script == "done" else 0.6)
    if script == "running":
        wait_for_cancel()
    if script == "failed":
        output = events.printable(request.plan.output)
        message = f"cannot write '{output}': No space left on device"
        say(events.Failed(message=message, exit_code=1))
        sys.exit(1)
    if script == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if script == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    finish(request.plan.output, request.plan.verify)


def main() -> None:
    script = sys.argv[1]
    if script == "mute":
        raise RuntimeError("nothing to say")
    request = from_line(sys.stdin.buffer.readline())
    if isinstance(request, ScanRequest):
        scan(request, script)
    elif isinstance(request, BuildRequest):
        build(request, script)
    else:
        say(events.JobStarted(job="verify", pid=os.getpid()))
        say(events.Verified(sections=48, entries=110, seconds=2.2))
        say(events.Finished(exit_code=0))


if __name__ == "__main__":
    main()
