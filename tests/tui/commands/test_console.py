"""What the console scripts share."""

import io
import os
import subprocess
import sys
from datetime import datetime

import pytest

from dwarfsmith.engine.errors import (
    CancelledError,
    FormatError,
    NotAvailableError,
    UsageError,
)
from dwarfsmith.engine.events import StageStarted
from dwarfsmith.tui.commands.console import (
    LOG_LEVELS,
    Log,
    Parser,
    add_common_options,
    job_for,
    parse_count,
    parse_offset,
    run_command,
)

NOON = datetime(2024, 1, 2, 12, 0, 0, 5)


def make_log(level="info", **options):
    stream = io.StringIO()
    return Log(level, stream=stream, now=lambda: NOON, **options), stream


def test_log_lines():
    log, stream = make_log()
    log.line("error", "first\nsecond")
    log.line("verbose", "not shown")
    log.plain("info", "plain")
    log.plain("debug", "not shown")
    log.progress("==> 5% done")
    assert stream.getvalue() == (
        "E 12:00:00.000005 first\n"
        "E ............... second\n"
        "plain\n"
        "- 12:00:00.000005 ==> 5% done\n"
    )


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_levels_hide_what_is_less_important(level):
    log, stream = make_log(level)
    for other in LOG_LEVELS:
        log.line(other, "x")
    shown = LOG_LEVELS[: LOG_LEVELS.index(level) + 1]
    assert [line[0] for line in stream.getvalue().splitlines()] == [
        other[0].upper() for other in shown
    ]


def test_an_unknown_level_is_refused():
    with pytest.raises(UsageError, match="found 'loud'"):
        make_log("loud")


def test_colors_are_for_terminals():
    log, stream = make_log(color=True)
    log.line("error", "x")
    log.line("info", "y")
    lines = stream.getvalue().splitlines()
    assert lines == ["\x1b[1;31mE 12:00:00.000005 x\x1b[0m", "I 12:00:00.000005 y"]
    plain, stream = make_log()
    plain.line("error", "x")
    assert "\x1b" not in stream.getvalue()


def test_no_color_is_honored(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for value, colored in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        stream = Terminal()
        Log(stream=stream).line("warn", "x")
        assert ("\x1b" in stream.getvalue()) == colored


def test_a_display_can_take_the_lines():
    log, stream = make_log()
    lines = []
    log.write = lines.append
    log.line("info", "x")
    log.plain("info", "y")
    assert lines == ["I 12:00:00.000005 x", "y"]
    assert stream.getvalue() == ""


def test_a_job_narrates_to_the_log():
    log, stream = make_log()
    job = job_for(log)
    job.log("warn", "careful")
    job.problem(b"p", "broken")
    job.emit(StageStarted(stage="scan", unit="entries"))
    assert [line[0] for line in stream.getvalue().splitlines()] == ["W", "E"]


def make_parser():
    parser = Parser("tool", "Does things.")
    add_common_options(parser)
    parser.add_argument("-i", "--input")
    parser.add_argument("-n", "--number", type=int)
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("--filter", action="append")
    parser.refuse({"-z --zap": "N", "--zip": None, "--zoom": "?N"})
    return parser


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "x", "-f"],
        ["-ix", "--force"],
        ["--input=x", "--for"],
        ["--inp", "x", "-f", "-f"],
    ],
)
def test_ways_to_write_options(words):
    found = make_parser().parse_args(words)
    assert (found.input, found.force) == ("x", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--unknown"], "unrecognized arguments: --unknown"),
        (["stray"], "unrecognized arguments: stray"),
        (["-i"], "expected one argument"),
        (["--fo=1"], "ignored explicit argument"),
        (["--fi", "a", "--f"], "ambiguous option: --f"),
        (["-n", "x"], "invalid int value: 'x'"),
        (["--log-level=loud"], "invalid choice: 'loud'"),
        (["-i", "x", "--input=y"], "cannot be given more than once"),
    ],
)
def test_what_cannot_be_parsed_is_an_error_of_one_line(words, message):
    with pytest.raises(UsageError) as caught:
        make_parser().parse_args(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parser_can_be_used_again():
    parser = make_parser()
    for value in ("x", "y"):
        assert parser.parse_args(["-i", value]).input == value


def test_options_that_may_be_repeated():
    found = make_parser().parse_args(["--filter", "a", "--filter", "b"])
    assert found.filter == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--zap=3"], "--zap"),
        (["-z3"], "--zap"),
        (["--zip"], "--zip"),
        (["--zoom"], "--zoom"),
        (["--zoom=3"], "--zoom"),
    ],
)
def test_refused_options_are_named(words, name):
    with pytest.raises(NotAvailableError, match=f"'{name}' is not available"):
        make_parser().parse_args(words)
    assert name not in make_parser().format_help()


def test_offsets_and_counts():
    assert parse_offset("auto") == "auto"
    assert parse_offset("123") == 123
    assert parse_count("7", "--x") == 7
    for wrong in ("", "-1", "1k", "x", "٣"):
        with pytest.raises(UsageError):
            parse_offset(wrong)
        with pytest.raises(UsageError, match="--x expects"):
            parse_count(wrong, "--x")
    with pytest.raises(UsageError):
        parse_count("0", "--x")


def failing(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FormatError("expected a, found b"), 1, "error: expected a, found b\n"),
        (CancelledError("cancelled"), 130, "error: cancelled\n"),
        (OSError(28, "No space left", "/x"), 1, "error: No space left: '/x'\n"),
        (OSError(28, "No space left", b"/\xff"), 1, "error: No space left: '/\\xff'\n"),
        (OSError("odd"), 1, "error: odd\n"),
        (MemoryError(), 1, "error: not enough memory\n"),
        (KeyboardInterrupt(), 130, "tool: interrupted\n"),
    ],
)
def test_errors_are_one_line_and_a_code(capsys, error, code, line):
    assert run_command("tool", failing(error)) == code
    assert capsys.readouterr().err == line


def test_success_is_the_code_of_the_command():
    assert run_command("tool", lambda: 2) == 2


def test_mistakes_of_ours_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_command("tool", failing(ZeroDivisionError()))


def test_a_reader_that_goes_away_is_no_error():
    """As in `dwarfsck --list | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    code = (
        "import sys; from dwarfsmith.tui.commands.console import run_command;"
        "sys.exit(run_command('tool', lambda: print('x' * 100) or 0))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["dwarfsck", "dwarfsextract"])
def test_help_loads_nothing_heavy(command):
    code = (
        f"import sys; from dwarfsmith.tui.commands.{command} import main;"
        "assert main(['--help']) == 0;"
        "heavy = {'numpy', 'rich', 'textual', 'lz4', 'zstandard', 'xxhash'};"
        "print(*heavy & set(sys.modules), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stderr == "\n"
    assert found.stdout.startswith(f"usage: {command}")
