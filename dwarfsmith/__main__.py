"""The `dwarfsmith` command: opens the app, or writes the demo tree.

Help and version are answered before anything heavy is imported.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from dwarfsmith import __version__

_LEVELS = range(10)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the app's own arguments."""
    top = argparse.ArgumentParser(
        prog="dwarfsmith",
        description="Browse a folder, choose how to pack it, and make a DwarFS image.",
        epilog="dwarfsmith demo DIR writes a folder to try it on; "
        "dwarfsmith keys lists the actions that can have other keys. "
        "A folder called demo or keys is opened as ./demo or ./keys.",
    )
    top.add_argument("input", nargs="?", metavar="INPUT", help="the folder to pack")
    top.add_argument("-o", "--output", metavar="FILE", help="the image to make")
    top.add_argument(
        "-l", "--level", type=int, choices=_LEVELS, metavar="N",
        help="compression level, 0 to 9",
    )  # fmt: skip
    top.add_argument("--theme", metavar="NAME", help="colours for this run")
    top.add_argument(
        "--ascii", action="store_true",
        help="draw with plain ASCII (automatic if the locale is not UTF-8)",
    )  # fmt: skip
    top.add_argument(
        "--no-color", action="store_true", help="draw without colour (or set NO_COLOR)"
    )
    top.add_argument(
        "--no-mouse", action="store_true", help="leave the mouse to the terminal"
    )
    top.add_argument(
        "--config", metavar="FILE",
        help="settings file; none neither reads nor writes one",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["demo"]:
        return _demo(given[1:])
    if given[:1] == ["keys"]:
        return _keys(given[1:])
    return _app(parser().parse_args(given))


def _app(options: argparse.Namespace) -> int:
    if options.input is not None and not os.path.isdir(options.input):
        there = os.path.lexists(options.input)
        words = "is not a folder" if there else "does not exist"
        return _refuse(f"expected a folder to pack, but {options.input!r} {words}")
    # Textual draws on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return _refuse("expected a terminal; mkdwarfs makes images without one")
    _be_modest()
    from dwarfsmith.tui.start import start

    return start(options)


def _be_modest() -> None:
    """Have Textual send less: no animations, and fewer frames over a network."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if "SSH_CONNECTION" in os.environ:
        os.environ.setdefault("TEXTUAL_FPS", "15")
        os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")


def _demo(given: Sequence[str]) -> int:
    demo = argparse.ArgumentParser(
        prog="dwarfsmith demo", description="Write a folder to try dwarfsmith on."
    )
    demo.add_argument("folder", metavar="DIR", help="a new or empty folder")
    options = demo.parse_args(given)
    from dwarfsmith.engine.demo import write_demo
    from dwarfsmith.engine.errors import DwarfsmithError

    try:
        write_demo(os.fsencode(options.folder))
    except DwarfsmithError as error:
        return _refuse(str(error))
    sys.stdout.write(f"the demo tree is in {options.folder}\n")
    return 0


def _keys(given: Sequence[str]) -> int:
    argparse.ArgumentParser(
        prog="dwarfsmith keys",
        description="List the actions that can have other keys, as a part of the "
        "settings file.",
    ).parse_args(given)
    from dwarfsmith.tui.keys import sample

    sys.stdout.write(sample())
    return 0


def _refuse(words: str) -> int:
    sys.stderr.write(f"dwarfsmith: {words}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
