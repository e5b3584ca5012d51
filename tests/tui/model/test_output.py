"""Where an image may be made."""

import os

import pytest

from dwarfsmith.tui.model.output import check_output, default_output, is_inside


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return os.fsencode(folder)


def test_a_new_file_beside_the_input_is_fine(source, tmp_path):
    check = check_output(os.fsencode(tmp_path / "new.dwarfs"), source)
    assert check.verdict == "ok" and check.usable
    assert check.message.endswith("free there")


def test_an_existing_file_is_usable_after_a_question(source, tmp_path):
    (tmp_path / "old.dwarfs").write_bytes(b"x")
    check = check_output(os.fsencode(tmp_path / "old.dwarfs"), source)
    assert check.verdict == "exists" and check.usable


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name a file for the image"),
        ("-", "standard output is for the command line"),
        ("missing/x.dwarfs", "no such directory"),
        ("source", "the image would lie inside the input folder"),
        ("source/x.dwarfs", "the image would lie inside the input folder"),
        ("other/../source/x.dwarfs", "the image would lie inside the input folder"),
        ("link/x.dwarfs", "the image would lie inside the input folder"),
        ("other", "expected a file, found the directory"),
    ],
)
def test_what_cannot_be_built_is_said_at_once(
    source, tmp_path, monkeypatch, name, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("source")
    check = check_output(os.fsencode(name), source)
    assert check.verdict == "error" and not check.usable
    assert message in check.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(source, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    check = check_output(os.fsencode(locked / "x.dwarfs"), source)
    assert check.message == f"cannot write in {locked}"


def test_a_name_that_only_begins_alike_is_not_inside(tmp_path):
    assert not is_inside(
        os.fsencode(tmp_path / "tux.dwarfs"), os.fsencode(tmp_path / "tux")
    )
    assert is_inside(b"/anything", b"/")


def test_the_default_is_named_like_the_input(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_output(source) == b"source.dwarfs"
    assert default_output(source + b"/") == b"source.dwarfs"


def test_the_default_never_lies_in_the_input(source, tmp_path, monkeypatch):
    monkeypatch.chdir(os.fsdecode(source))
    assert default_output(b".") == os.fsencode(tmp_path / "source.dwarfs")
