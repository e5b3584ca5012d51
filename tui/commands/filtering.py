"""`mkdwarfs --debug-filter`: print what filter rules do, make nothing."""

from __future__ import annotations

from collections.abc import Sequence

from dwarfsmith.engine.errors import EXIT_OK, EXIT_WITH_PROBLEMS
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.source.debug_filter import check_mode, debug_lines
from dwarfsmith.engine.source.rules import load_rules
from dwarfsmith.engine.source.walk import walk
from dwarfsmith.tui.commands.console import Log, write_output
from dwarfsmith.tui.commands.progress import QuietDisplay


def print_debug_filter(
    root: bytes, filters: Sequence[bytes], mode: str, log_level: str
) -> int:
    """Print a line for each entry below `root` that `mode` is about.

    Returns:
        The exit code.

    Raises:
        UsageError: There is no such mode, or a rule is none.
        InputError: `root` is no directory.
    """
    check_mode(mode)
    rules = load_rules(filters)
    job = Job(QuietDisplay(Log(log_level)).handle)
    # What is dropped for being a device is so after the rules had their say.
    tree = walk(
        root,
        job,
        with_devices=True,
        with_specials=True,
        rules=rules,
        keep_excluded=True,
    )
    write_output(debug_lines(tree, rules.evaluate(tree), mode))
    return EXIT_WITH_PROBLEMS if job.problems else EXIT_OK
