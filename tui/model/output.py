"""Whether an image may be made where the user says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from dwarfsmith.engine.errors import OutputError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.output import check_target
from dwarfsmith.tui.model import machine, units


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """What there is to say about an output path before building."""

    verdict: Literal["ok", "exists", "error"]
    message: str

    @property
    def usable(self) -> bool:
        """Whether a build may start, perhaps after a question."""
        return self.verdict != "error"


def check_output(output: bytes, source: bytes | None) -> OutputCheck:
    """Look at the output path the way the build will."""
    if not output:
        return OutputCheck("error", "name a file for the image")
    if output == b"-":
        return OutputCheck("error", "standard output is for the command line")
    if source is not None and is_inside(output, source):
        return OutputCheck("error", "the image would lie inside the input folder")
    try:
        check_target(output, force=True)
    except OutputError as error:
        return OutputCheck("error", str(error).removeprefix("output: "))
    folder = os.path.dirname(os.path.realpath(output))
    if not os.access(folder, os.W_OK):
        return OutputCheck("error", f"cannot write in {printable(folder)}")
    space = f"{units.size(machine.free_disk(folder))} free there"
    if os.path.lexists(output):
        return OutputCheck(
            "exists", f"exists: building asks before replacing · {space}"
        )
    return OutputCheck("ok", space)


def is_inside(path: bytes, folder: bytes) -> bool:
    """Return whether `path` is or would be below `folder`."""
    real = os.path.realpath(path)
    top = os.path.realpath(folder)
    return real == top or real.startswith(top.rstrip(b"/") + b"/")


def default_output(source: bytes) -> bytes:
    """Return a name for the image of a folder: beside the shell, not in the input."""
    real = os.path.realpath(source)
    name = (os.path.basename(real) or b"root") + b".dwarfs"
    if not is_inside(os.getcwdb(), real):
        return name
    return os.path.join(os.path.dirname(real), name)
