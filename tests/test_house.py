"""The house: which rooms there are, and what each of them may pull in.

The import rules are also checked by import-linter, which sees what is written; this
sees what is loaded.
"""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
ENGINE = ROOT / "engine"
ROOMS = sorted(path.parent.name for path in ENGINE.glob("*/__init__.py"))
COMMANDS = ("mkdwarfs", "dwarfsck", "dwarfsextract")
TERMINAL = {"dwarfsmith.tui", "dwarfsmith.themes", "textual", "rich"}
HEAVY = {"numpy", "textual", "rich"}


def loaded(program: str) -> set[str]:
    """Return the names of the modules that are loaded when `program` has run."""
    listing = "\nimport sys\nsys.stderr.write('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program + listing],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return set(done.stderr.splitlines())


def modules_of(folder: pathlib.Path) -> list[str]:
    """Return the names of all modules in a room, compiled ones included."""
    sources = [*folder.glob("*.py"), *folder.glob("*.pyx")]
    room = ".".join(("dwarfsmith", *folder.relative_to(ROOT).parts))
    return sorted(
        f"{room}.{source.stem}".removesuffix(".__init__") for source in sources
    )


class TestEngineKnowsNoTerminal:
    @pytest.mark.parametrize("room", ["", *ROOMS])
    def test_room(self, room: str) -> None:
        modules = modules_of(ENGINE / room)
        assert f"dwarfsmith.engine.{room}".rstrip(".") in modules
        found = loaded("".join(f"import {module}\n" for module in modules))
        assert set(modules) <= found
        assert not TERMINAL & found


class TestHelpIsQuick:
    @pytest.mark.parametrize("option", ["--help", "-h"])
    @pytest.mark.parametrize("command", COMMANDS)
    def test_command(self, command: str, option: str) -> None:
        self._check(f"dwarfsmith.tui.commands.{command}", command, option)

    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_app(self, option: str) -> None:
        self._check("dwarfsmith.__main__", "dwarfsmith", option)

    def _check(self, module: str, command: str, option: str) -> None:
        found = loaded(
            f"import sys\nsys.argv = [{command!r}, {option!r}]\n"
            f"import {module} as command\n"
            "try:\n    command.main()\nexcept SystemExit:\n    pass\n"
        )
        assert module in found
        assert not HEAVY & found


class TestFolders:
    def test_of_the_project(self) -> None:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True
        )
        if listing.returncode:
            pytest.skip("no git checkout, so what belongs to the project is unknown")
        folders = {
            path.split("/")[0] for path in listing.stdout.split("\0") if "/" in path
        }
        # dwarfsmith holds links, which are no folders to git.
        designed = "dwarfsmith engine tui themes tests screenshots .ci"
        assert folders == set(designed.split())

    def test_are_mapped_into_the_package(self) -> None:
        for name in ("engine", "tui", "themes"):
            assert os.readlink(ROOT / "dwarfsmith" / name) == f"../{name}"

    @pytest.mark.parametrize(
        "name", [source.stem for source in sorted((ENGINE / "kernels").glob("*.pyx"))]
    )
    def test_a_kernel_has_types_and_a_test(self, name: str) -> None:
        assert (ENGINE / f"kernels/{name}.pyi").is_file()
        assert list(ROOT.glob(f"tests/engine/kernels/test_{name}*.py"))
