"""Measures building images beside mksquashfs and a reference mkdwarfs: `make bench`.

Prints tables and asserts nothing. All tools run in turn, several rounds, as whole
processes, on input that has been read before. Figures are medians; a ratio is the
median of the ratios of each round, so that a busy moment of the machine hits both.

Environment:
    BENCH_INPUTS: Further folders to pack, separated by colons. The demo tree is
        always there; BENCH_DEMO=0 leaves it out.
    BENCH_LEVELS: Levels to build at, by default "1 3 5 7 9".
    BENCH_ROUNDS: How often each tool runs, by default 3.
    REFERENCE_MKDWARFS: Path of another mkdwarfs to measure beside ours.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from measure import ProgramError, Usage, first_paint, machine, output_of, run

ROOT = pathlib.Path(__file__).parent.parent.parent
BIN = pathlib.Path(sys.executable).parent
OURS = "dwarfsmith"
MIB = 1 << 20

# What comes closest to each level. mksquashfs has blocks of at most 1 MiB, and finds
# duplicate files, but no duplicate parts of files.
SQUASHFS_OPTIONS = {
    0: ["-noI", "-noD", "-noF", "-noX"],
    1: ["-comp", "lz4"],
    2: ["-comp", "lz4", "-Xhc"],
    3: ["-comp", "lz4", "-Xhc"],
    4: ["-comp", "zstd", "-Xcompression-level", "11"],
    5: ["-comp", "zstd", "-Xcompression-level", "19"],
    6: ["-comp", "zstd", "-Xcompression-level", "22"],
    7: ["-comp", "zstd", "-Xcompression-level", "22"],
    8: ["-comp", "xz"],
    9: ["-comp", "xz"],
}


@dataclass(frozen=True)
class Tool:
    """A program that makes an image of a folder."""

    name: str
    command: Callable[[str, str, int], list[str]]
    """From input, output and level."""
    version: str


@dataclass
class Runs:
    """What a tool took in all rounds."""

    usages: list[Usage] = field(default_factory=list)
    size: int = 0
    failure: str = ""


def main() -> None:
    """Measure and print."""
    levels = [int(level) for level in setting("BENCH_LEVELS", "1 3 5 7 9").split()]
    rounds = int(setting("BENCH_ROUNDS", "3"))
    # An installed program has its modules compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    tools = list(find_tools())
    say(f"machine: {machine()}")
    for tool in tools:
        say(f"{tool.name}: {tool.version}")
    say(f"medians of {rounds} rounds, the tools in turn, all processors, warm input")
    say("mksquashfs: -b 1M, and by level " + squashfs_settings(levels) + "\n")
    inputs = list(find_inputs())
    for folder in inputs:
        compare_builds(folder, tools, levels, rounds)
    measure_starts(inputs[0] if inputs else str(ROOT))


def setting(name: str, default: str) -> str:
    """Return a setting from the environment."""
    return os.environ.get(name) or default


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def find_tools() -> Iterable[Tool]:
    """Yield ours first, then what there is to compare it with."""
    yield Tool(OURS, mkdwarfs(str(BIN / "mkdwarfs")), our_version())
    reference = os.environ.get("REFERENCE_MKDWARFS")
    if reference:
        found = re.search(r"mkdwarfs \((\S+)", output_of([reference, "--help"]))
        version = found[1] if found else "of unknown version"
        yield Tool("reference", mkdwarfs(reference), version)
    if shutil.which("mksquashfs"):
        version = output_of(["mksquashfs", "-version"]).partition("\n")[0]
        yield Tool("mksquashfs", mksquashfs, version)


def our_version() -> str:
    """Return our version and that of Python."""
    version = output_of([str(BIN / "dwarfsmith"), "--version"]).split()[-1:]
    return f"{' '.join(version)} on Python {sys.version.split()[0]}"


def mkdwarfs(program: str) -> Callable[[str, str, int], list[str]]:
    """Return how to call a mkdwarfs, ours or another."""
    return lambda folder, image, level: [
        program, "-i", folder, "-o", image, "-f", "-l", str(level), "--no-progress",
        "--log-level", "error",
    ]  # fmt: skip


def mksquashfs(folder: str, image: str, level: int) -> list[str]:
    """Return how to call mksquashfs."""
    return [
        "mksquashfs", folder, image, "-noappend", "-no-progress", "-quiet", "-b", "1M",
        *SQUASHFS_OPTIONS[level],
    ]  # fmt: skip


def squashfs_settings(levels: Iterable[int]) -> str:
    """Return the options of mksquashfs at each level, in one line."""
    return ", ".join(
        f"{level}: {' '.join(SQUASHFS_OPTIONS[level])}" for level in levels
    )


def find_inputs() -> Iterable[str]:
    """Yield the folders to pack; the demo tree is made if needed."""
    if setting("BENCH_DEMO", "1") != "0":
        demo = str(ROOT / "build/demo")
        run([str(BIN / "dwarfsmith"), "demo", demo])
        yield demo
    yield from filter(None, os.environ.get("BENCH_INPUTS", "").split(":"))


def compare_builds(
    folder: str, tools: Sequence[Tool], levels: Sequence[int], rounds: int
) -> None:
    """Print a table of what every tool takes at every level."""
    files, size = read_all(folder)
    say(f"### {os.path.basename(folder)}: {files:,} files, {size / MIB:,.1f} MiB\n")
    say(
        "| level | tool | wall s | CPU s | peak MiB | size MiB "
        "| wall × | CPU × | peak × | size × |"
    )
    say("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as scratch:
        image = os.path.join(scratch, "image")
        for level in levels:
            taken = {tool.name: Runs() for tool in tools}
            for _ in range(rounds):
                for tool in tools:
                    build(tool, folder, image, level, taken[tool.name])
            for tool in tools:
                say(row(level, tool.name, taken[tool.name], taken[OURS]))
    say("\n× is ours divided by the tool of the row.\n")


def read_all(folder: str) -> tuple[int, int]:
    """Read every file once, so that it is cached; return how many and their bytes."""
    files = size = 0
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            if os.path.isfile(path) and not os.path.islink(path):
                files += 1
                with open(path, "rb") as stream:
                    while data := stream.read(MIB):
                        size += len(data)
    return files, size


def build(tool: Tool, folder: str, image: str, level: int, runs: Runs) -> None:
    """Make one image and note what it took."""
    try:
        usage = run(tool.command(folder, image, level))
        runs.size = os.path.getsize(image)
        os.unlink(image)
    except ProgramError as failure:
        runs.failure = str(failure)
    else:
        runs.usages.append(usage)


def row(level: int, name: str, runs: Runs, ours: Runs) -> str:
    """Return a line of the table; ratios compare ours to the tool, round by round."""
    if runs.failure:
        return f"| {level} | {name} | {runs.failure} |" + " |" * 7
    cells = [
        f"{median(usage.wall for usage in runs.usages):.2f}",
        f"{median(usage.cpu for usage in runs.usages):.2f}",
        f"{median(usage.peak for usage in runs.usages):.0f}",
        f"{runs.size / MIB:.2f}",
    ]
    if runs is ours or ours.failure:
        cells += [""] * 4
    else:
        pairs = list(zip(ours.usages, runs.usages, strict=True))
        cells += [
            f"{median(a.wall / b.wall for a, b in pairs):.2f}",
            f"{median(a.cpu / b.cpu for a, b in pairs):.2f}",
            f"{median(a.peak / b.peak for a, b in pairs):.2f}",
            f"{ours.size / runs.size:.3f}",
        ]
    return f"| {level} | {name} | " + " | ".join(cells) + " |"


def measure_starts(folder: str) -> None:
    """Print how long it takes until help, and until the app shows something."""
    say("### starting\n")
    helps = [run([str(BIN / "mkdwarfs"), "--help"]).wall for _ in range(9)]
    say(f"mkdwarfs --help: {median(helps):.3f} s")
    app = [str(BIN / "dwarfsmith"), "--config", "none", folder]
    try:
        paints = [first_paint(app, b"q") for _ in range(5)]
    except ProgramError as failure:
        say(f"first paint of the app: {failure}")
    else:
        say(f"first paint of the app: {median(paints):.3f} s")


if __name__ == "__main__":
    main()
