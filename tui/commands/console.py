"""What the console scripts share: arguments, log lines, errors, exit codes.

Nothing here loads the engine's tables or Rich, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TextIO

from dwarfsmith.engine.errors import (
    EXIT_FATAL,
    CancelledError,
    DwarfsmithError,
    NotAvailableError,
    UsageError,
)

if TYPE_CHECKING:
    from dwarfsmith.engine.events import Event
    from dwarfsmith.engine.job import Job, Level

LOG_LEVELS: Final[tuple[Level, ...]] = (
    "error",
    "warn",
    "info",
    "verbose",
    "debug",
    "trace",
)
DEFAULT_LOG_LEVEL: Final = "info"
EXIT_BROKEN_PIPE: Final = 141
"""What a shell reports for a program ended by SIGPIPE."""

_COLORS: Final[Mapping[str, str]] = {
    "error": "\x1b[1;31m",
    "warn": "\x1b[33m",
    "verbose": "\x1b[36m",
    "debug": "\x1b[2m",
    "trace": "\x1b[2m",
}
_RESET: Final = "\x1b[0m"


class Log:
    """Log lines `L HH:MM:SS.ffffff message` on standard error.

    Args:
        level: The least important level that is shown.
        stream: Default: standard error.
        color: None: when the stream is a terminal and `NO_COLOR` is not set.
        now: The clock; replaceable in tests.

    Attributes:
        write: Takes each line without its end; replaceable, for a display that
            shares the terminal.
    """

    def __init__(
        self,
        level: str = DEFAULT_LOG_LEVEL,
        *,
        stream: TextIO | None = None,
        color: bool | None = None,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._shown = LOG_LEVELS[: [*LOG_LEVELS].index(_as_level(level)) + 1]
        self._stream = sys.stderr if stream is None else stream
        if color is None:
            color = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._color = color
        self._now = now
        self.write: Callable[[str], None] = self._print

    def shows(self, level: Level) -> bool:
        """Return whether lines of this level are shown."""
        return level in self._shown

    def line(self, level: Level, message: str) -> None:
        """Write a message; its further lines have dots for the time."""
        if not self.shows(level):
            return
        first, *more = message.splitlines() or [""]
        letter = level[0].upper()
        self._write(level, f"{letter} {self._time()} {first}")
        for text in more:
            self._write(level, f"{letter} {'.' * 15} {text}")

    def plain(self, level: Level, text: str) -> None:
        """Write a line without level and time."""
        if self.shows(level):
            self.write(text)

    def progress(self, text: str) -> None:
        """Write a progress line, whatever the level."""
        self.write(f"- {self._time()} {text}")

    def _time(self) -> str:
        return self._now().strftime("%H:%M:%S.%f")

    def _write(self, level: Level, text: str) -> None:
        color = _COLORS.get(level) if self._color else None
        self.write(f"{color}{text}{_RESET}" if color else text)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def job_for(log: Log) -> Job:
    """Return a job whose narration and problems become log lines."""
    from dwarfsmith.engine.events import LogLine, Problem
    from dwarfsmith.engine.job import Job

    def show(event: Event) -> None:
        if isinstance(event, LogLine):
            log.line(event.level, event.message)
        elif isinstance(event, Problem):
            log.line("error", event.message)

    return Job(show)


def _as_level(level: str) -> Level:
    for known in LOG_LEVELS:
        if level == known:
            return known
    raise UsageError(f"expected one of {', '.join(LOG_LEVELS)}, found '{level}'")


class _StoreOnce(argparse.Action):
    """Stores a value, and refuses to store another one over it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        assert isinstance(parser, Parser)
        if self.dest in parser.given:
            raise argparse.ArgumentError(self, "cannot be given more than once")
        parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


class _Refused(argparse.Action):
    """Refuses an option by name."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        name = max(self.option_strings, key=len)
        raise NotAvailableError(f"option '{name}' is not available in this release")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError`.

    Long options can be shortened as long as they stay unambiguous; an option with
    one value cannot be given twice. `-h` is left to the command.
    """

    given: set[str]
    """Destinations of the options that have got their value."""

    def __init__(self, prog: str, description: str, **arguments: Any) -> None:
        super().__init__(
            prog=prog, description=description, add_help=False, **arguments
        )
        self.given = set()
        self.register("action", None, _StoreOnce)
        self.register("action", "store", _StoreOnce)

    def parse_known_args(  # type: ignore[override]
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, with nothing given yet."""
        self.given.clear()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting with code 2.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message)

    def refuse(self, options: Mapping[str, str | None]) -> None:
        """Declare options that are known but not available in this release.

        Args:
            options: Names, separated by blanks, to the kind of value: None for a
                flag, a leading `?` for an optional one.
        """
        for names, value in options.items():
            nargs: int | str | None = None
            if value is None:
                nargs = 0
            elif value.startswith("?"):
                nargs = "?"
            self.add_argument(
                *names.split(), action=_Refused, nargs=nargs, help=argparse.SUPPRESS
            )


def add_common_options(parser: Parser) -> None:
    """Add the options that every command has: `--log-level` and `--help`."""
    parser.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default=DEFAULT_LOG_LEVEL,
        metavar="LEVEL",
        help=f"{', '.join(LOG_LEVELS)} (default {DEFAULT_LOG_LEVEL})",
    )
    parser.add_argument("-h", "--help", action="store_true", help="this text")


def parse_offset(text: str) -> int | Literal["auto"]:
    """Return the value of `--image-offset`: a number of bytes, or `auto`.

    Raises:
        UsageError: Anything else.
    """
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--image-offset expects a number or auto, found '{text}'")
    return int(text)


def parse_count(text: str, option: str) -> int:
    """Return the value of an option that counts something from 1 on.

    Raises:
        UsageError: Anything else.
    """
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) < 1 << 16:
        raise UsageError(f"{option} expects a number from 1 to 65535, found '{text}'")
    return int(text)


def write_output(parts: Iterable[bytes | bytearray]) -> None:
    """Write bytes to standard output: names need not be text."""
    sys.stdout.flush()
    stream = sys.stdout.buffer
    for part in parts:
        # Where Python was told not to buffer, a write may take only a part.
        view = memoryview(part)
        while view:
            view = view[stream.write(view) :]
    stream.flush()


def run_command(name: str, run: Callable[[], int]) -> int:
    """Run a command and return its exit code; what goes wrong is one line.

    Args:
        name: The command, for the line that says it was interrupted.
        run: Does the work and returns an exit code.
    """
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain when it
        # flushes at the end, so let it flush into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return CancelledError.exit_code
    except DwarfsmithError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {_describe(error)}", file=sys.stderr)
        return EXIT_FATAL
    except MemoryError:
        print("error: not enough memory", file=sys.stderr)
        return EXIT_FATAL
    return code


def _describe(error: OSError) -> str:
    from dwarfsmith.engine.events import printable

    text = error.strerror or str(error)
    if error.filename is None or isinstance(error.filename, int):
        return text
    return f"{text}: '{printable(os.fsencode(error.filename))}'"
