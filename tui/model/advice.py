"""What to do about a build that did not succeed."""

from __future__ import annotations

from typing import Final

_LOOK: Final = (
    "See that the input is still there, r scans it again; or change the plan with p."
)
_ADVICE: Final = (
    (
        "no space left",
        "Free some space or choose another output with p, then build again with b.",
    ),
    (
        "already exists",
        "Build again with b: you will be asked whether to replace it.",
    ),
    (
        "sigkill",
        "Often the system ran out of memory: choose a lower level or fewer workers "
        "with p.",
    ),
    (
        "memory",
        "Choose a lower level or fewer workers with p, then build again with b.",
    ),
    (
        "cannot write",
        "Choose an output you may write to with p, then build again with b.",
    ),
    (
        "permission denied",
        "Choose an output you may write to with p, then build again with b.",
    ),
    ("no such", _LOOK),
    ("expected a directory", _LOOK),
)


def advice(message: str) -> str:
    """Return what to do now about a failure with this message."""
    lowered = message.lower()
    for sign, words in _ADVICE:
        if sign in lowered:
            return words
    return "Change the plan with p or build again with b."
