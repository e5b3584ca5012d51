"""Outputs are complete under their name, or not there."""

import os
import stat
import subprocess
import sys

import pytest

from dwarfsmith.engine.errors import OutputError, OutputExistsError
from dwarfsmith.engine.output import Output, check_target, discard_unpublished


@pytest.fixture(params=["unnamed", "named"])
def target(request, tmp_path, monkeypatch):
    """A target, with and without files that have no name until they are complete."""
    if request.param == "unnamed":
        if not hasattr(os, "O_TMPFILE"):
            pytest.skip("this system has no unnamed files")
    else:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return os.fsencode(tmp_path / "image")


def test_published_whole(target, tmp_path):
    with Output(target) as output:
        output.write(b"part one, ")
        assert not os.path.exists(target)
        with open(output.reading_path, "rb") as stream:
            assert stream.read() == b"part one, "
        output.write(memoryview(b"part two"))
        output.publish()
    assert (tmp_path / "image").read_bytes() == b"part one, part two"
    assert os.listdir(tmp_path) == ["image"]


def test_mode_follows_umask(target):
    before = os.umask(0o027)
    try:
        with Output(target) as output:
            output.publish()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o640


def test_nothing_left_without_publish(target, tmp_path):
    with pytest.raises(ZeroDivisionError), Output(target) as output:
        output.write(b"lost")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_existing_file_survives_a_failure_and_keeps_its_mode(target, tmp_path):
    (tmp_path / "image").write_bytes(b"old")
    os.chmod(target, 0o604)
    with Output(target, force=True) as output:
        output.write(b"new")
    assert (tmp_path / "image").read_bytes() == b"old"
    with Output(target, force=True) as output:
        output.write(b"new")
        output.publish()
    assert (tmp_path / "image").read_bytes() == b"new"
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o604


def test_write_after_close_is_an_error(target):
    with Output(target) as output:
        pass
    with pytest.raises(OutputError):
        output.write(b"x")


def test_existing_target_needs_force(tmp_path):
    path = os.fsencode(tmp_path / "there")
    (tmp_path / "there").touch()
    with pytest.raises(OutputExistsError, match="use --force to overwrite"):
        Output(path)
    check_target(path, force=True)


def test_missing_folder_and_folder_as_target(tmp_path):
    with pytest.raises(OutputError, match="no such directory"):
        Output(os.fsencode(tmp_path / "no" / "image"))
    with pytest.raises(OutputError, match="expected a file"):
        Output(os.fsencode(tmp_path), force=True)


def test_symlink_target_is_written_through(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with Output(os.fsencode(tmp_path / "link"), force=True) as output:
        output.write(b"new")
        output.publish()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_device_is_written_directly():
    with Output(b"/dev/null", force=True) as output:
        assert output.reading_path is None
        output.write(b"gone")
        output.publish()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk_is_one_line():
    with (
        pytest.raises(OutputError, match="cannot write '/dev/full': No space"),
        Output(b"/dev/full", force=True) as output,
    ):
        output.write(b"x")


def test_standard_output():
    code = (
        "from dwarfsmith.engine.output import Output\n"
        "with Output(b'-') as output:\n"
        "    output.write(b'to the pipe'); output.publish()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ran.stdout == b"to the pipe"


def test_discard_removes_temporary_names(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    output = Output(os.fsencode(tmp_path / "image"))
    assert len(os.listdir(tmp_path)) == 1
    discard_unpublished()
    assert os.listdir(tmp_path) == []
    output.stream.close()
