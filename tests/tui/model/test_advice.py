"""What to do about a failure."""

import pytest

from dwarfsmith.engine.errors import OutputError
from dwarfsmith.engine.output import Output
from dwarfsmith.tui.model.advice import advice


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("cannot write 'x': No space left on device", "Free some space"),
        ("output file already exists, use --force to overwrite", "replace it"),
        ("the worker was stopped by SIGKILL", "out of memory"),
        ("out of memory", "lower level or fewer workers"),
        ("cannot write 'x': Permission denied", "may write to"),
        ("output: no such directory '/x'", "still there"),
        ("input: expected a directory at '/x', found nothing", "still there"),
        ("something nobody thought of", "Change the plan"),
    ],
)
def test_the_advice_fits_the_message(message, words):
    assert words in advice(message)


def test_messages_of_the_engine_are_recognized(tmp_path):
    (tmp_path / "there").write_bytes(b"")
    with pytest.raises(OutputError) as told:
        Output(bytes(tmp_path / "there"))
    assert "replace it" in advice(str(told.value))
    with pytest.raises(OutputError) as told:
        Output(bytes(tmp_path / "missing" / "x"))
    assert "still there" in advice(str(told.value))
