"""A plan in words and as a command."""

import os
import shlex
import subprocess

import pytest

from dwarfsmith.engine.plan import LEVELS, BuildPlan
from dwarfsmith.tui.commands import mkdwarfs
from dwarfsmith.tui.model import plan_text


def plan(**choices):
    return BuildPlan(**{"input": b"tux", "output": b"tux.dwarfs", **choices})


def test_a_plan_is_a_phrase():
    assert plan_text.phrase(plan()) == "level 7 · zstd 22 · 16 MiB blocks · nilsimsa"
    assert (
        plan_text.phrase(plan(level=0))
        == "level 0 · not compressed · 1 MiB blocks · as found"
    )
    chosen = plan(block_bits=26, compression="brotli:quality=9:lgwin=24", order="path")
    assert plan_text.phrase(chosen) == "level 7 · brotli 9 · 64 MiB blocks · path"


def test_every_level_has_its_words():
    rows = {plan_text.level_row(level) for level in LEVELS}
    assert len(rows) == len(LEVELS) == len(plan_text.LEVEL_PURPOSE)
    assert all(len(words) <= 24 for words in plan_text.LEVEL_PURPOSE)


def test_a_plain_plan_is_a_short_command():
    assert plan_text.command(plan()) == "mkdwarfs -i tux -o tux.dwarfs -l7"


def test_every_choice_is_in_the_command():
    words = plan_text.command(
        plan(
            level=3,
            force=True,
            workers=4,
            with_devices=True,
            with_specials=True,
            keep_all_times=True,
            create_timestamp=False,
            history=False,
            set_owner=0,
            pack_metadata=("names", "symlinks"),
            filters=(b"+ a b", b"-i *.O"),
        )
    )
    assert shlex.split(words) == [
        *("mkdwarfs", "-i", "tux", "-o", "tux.dwarfs"),
        *("--filter=+ a b", "--filter=-i *.O", "-l3"),
        *("--num-workers=4", "--set-owner=0"),
        *("--force", "--with-devices", "--with-specials", "--keep-all-times"),
        *("--no-create-timestamp", "--no-history"),
        "--pack-metadata=names,symlinks",
    ]


def test_the_commands_parser_takes_it_for_the_same_plan(tmp_path):
    chosen = plan(
        input=os.fsencode(tmp_path),
        output=os.fsencode(tmp_path / "x.dwarfs"),
        level=4,
        workers=3,
        with_specials=True,
        keep_all_times=True,
        create_timestamp=False,
        history=False,
        verify=True,
        lookback_blocks=3,
        order="path",
        filters=(b"- it's *.o", b". rules"),
        remove_empty_dirs=True,
    )
    words = shlex.split(plan_text.command(chosen))
    parsed = mkdwarfs.make_parser().parse_args(words[1:])
    assert mkdwarfs.plan_from(parsed, ()) == chosen


def test_a_list_is_in_the_command(tmp_path):
    chosen = plan(input=b"/", output=b"/x", input_list=os.fsencode(tmp_path / "a b"))
    words = shlex.split(plan_text.command(chosen))
    assert words[5] == f"--input-list={tmp_path}/a b"
    parsed = mkdwarfs.make_parser().parse_args(words[1:])
    assert mkdwarfs.plan_from(parsed, ()) == chosen


def test_the_history_has_printable_words():
    words = plan_text.arguments(plan(filters=(b"- \xff\n",)))
    assert words[5] == "--filter=- \\xff\\n"


@pytest.mark.parametrize(
    "path",
    [b"plain", b"with space", b"it's", b"caf\xc3\xa9", b"$HOME `x`", b"-dash"],
)
def test_a_path_is_one_word_of_a_shell(path):
    assert shlex.split(plan_text.quoted(path)) == [path.decode()]


@pytest.mark.parametrize(
    "path", [b"caf\xe9", b"new\nline", b"tab\t'quote'\\slash", b"\x1b[31m", b"\xff7"]
)
def test_odd_bytes_survive_bash(path):
    quoted = plan_text.quoted(path)
    assert quoted.isprintable()
    try:
        said = subprocess.run(
            ["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("there is no bash here")
    assert said.stdout == path
