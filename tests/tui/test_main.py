"""The command line of the app."""

import os
import pathlib
import subprocess
import sys

import pytest

from dwarfsmith import __version__
from dwarfsmith.__main__ import main, parser


def heavy_modules(*arguments):
    """Return which heavy modules a run of the command has imported."""
    code = (
        "import sys\n"
        "from dwarfsmith.__main__ import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print([m for m in ('textual', 'rich', 'numpy', 'msgspec', 'asyncio')"
        " if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return told.stdout.splitlines()[-1]


@pytest.mark.parametrize("argument", ["--help", "--version", "--level=12"])
def test_quick_answers_load_nothing_heavy(argument):
    assert heavy_modules(argument) == "[]"


def test_help_and_version(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"dwarfsmith {__version__}\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for option in ("--output", "--level", "--ascii", "--no-color", "--config", "demo"):
        assert option in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "'/no/such/folder' does not exist"),
        ([__file__], "is not a folder"),
        (["/"], "expected a terminal"),
        (["demo", os.path.dirname(__file__)], "test"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(capsys, monkeypatch, arguments, said):
    if arguments[0] == "demo":
        pytest.importorskip("dwarfsmith.engine.demo")
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


@pytest.mark.parametrize("level", ["10", "-1", "x"])
def test_levels_are_checked(level, capsys):
    with pytest.raises(SystemExit) as left:
        main(["-l", level])
    assert left.value.code == 2


def test_the_keys_are_listed(capsys):
    assert main(["keys"]) == 0
    shown = capsys.readouterr().out
    assert '"tree.down" = "down,j"' in shown


def test_options_reach_the_app(tmp_path, monkeypatch):
    from dwarfsmith.tui.start import app_options

    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    config = str(tmp_path / "settings.toml")
    words = ["some/dir", "-o", "x.dwarfs", "-l", "3", "--config", config]
    options = app_options(parser().parse_args(words))
    assert (options.input, options.output, options.level) == (
        b"some/dir",
        b"x.dwarfs",
        3,
    )
    assert options.settings.path == config
    assert options.user_themes == str(tmp_path / "themes")
    assert not options.ascii
    monkeypatch.setenv("LC_ALL", "C")
    clean = app_options(parser().parse_args(["--config", "none"]))
    assert clean.settings.path is None and clean.user_themes is None
    assert clean.ascii


def test_undecodable_paths_reach_the_app():
    from dwarfsmith.tui.start import app_options

    words = [os.fsdecode(b"caf\xe9")]
    assert app_options(parser().parse_args(words)).input == b"caf\xe9"


def test_the_module_is_the_command(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "dwarfsmith", "--version"],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(tmp_path),
    )
    assert told.stdout == f"dwarfsmith {__version__}\n"
