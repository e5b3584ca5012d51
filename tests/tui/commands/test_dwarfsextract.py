"""dwarfsextract: options, exit codes, progress, refusals."""

import os
import stat

import pytest
from golden import make_tree
from images import describe_image
from trees import describe

from dwarfsmith.tui.commands.dwarfsextract import main


@pytest.fixture
def image(golden):
    return str(golden / "dwarfs/l3.dwarfs")


def run(capfd, *words):
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


def without_attributes(rows):
    """Paths and contents; what only root may set is tested beside the engine."""
    return {path: row[2:] for path, row in rows.items() if path}


@pytest.mark.parametrize(
    "words", [[], ["-n1", "-s", "1k"], ["--num-workers=9"], ["-f", "disk"]]
)
def test_extracting(capfd, image, tmp_path, words):
    assert run(capfd, "-i", image, "-o", str(tmp_path), *words) == (0, "", "")
    found = describe(tmp_path, owners=False)
    assert without_attributes(found) == without_attributes(
        describe_image(image, owners=False)
    )


def test_the_default_is_the_present_directory(capfd, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capfd, "-i", image)[0] == 0
    assert (tmp_path / "readme.txt").read_bytes() == b"golden tree\n"


def test_progress_on_standard_output(capfd, image, tmp_path):
    code, out, err = run(capfd, "-i", image, "-o", str(tmp_path), "--stdout-progress")
    assert (code, err) == (0, "")
    assert out.endswith("\r100%\n")
    steps = [int(step.rstrip("%\n")) for step in out.split("\r")[1:]]
    assert steps == sorted(set(steps))


def test_devices_and_specials_can_be_left_out(capfd, golden, tmp_path):
    path = str(golden / "dwarfs/l7.dwarfs")
    words = ["-i", path, "-o", str(tmp_path), "--skip-devices", "--skip-specials"]
    assert run(capfd, *words) == (0, "", "")
    kinds = {stat.S_IFMT(int(row[0], 8)) for row in describe(tmp_path).values()}
    assert kinds == {stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK}


def test_offsets(capfd, image, tmp_path):
    headed = tmp_path / "headed"
    with open(image, "rb") as stream:
        headed.write_bytes(b"header" + stream.read())
    target = tmp_path / "target"
    target.mkdir()
    for offset in ("6", "auto"):
        words = ["-i", str(headed), "-o", str(target), "-O", offset]
        assert run(capfd, *words)[0] == 0
    assert run(capfd, "-i", str(headed), "-o", str(target), "-O5")[0] == 1


@pytest.fixture
def damaged(golden, tmp_path):
    data = bytearray((golden / "dwarfs/lz4-small-blocks.dwarfs").read_bytes())
    data[100] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(data)
    return str(path)


def test_a_damaged_block(capfd, damaged, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    words = ["-i", damaged, "-o", str(target)]
    code, out, err = run(capfd, *words)
    assert (code, out) == (1, "")
    assert err.startswith("error: expected XXH3")
    assert err.count("\n") == 1
    code, _, err = run(capfd, *words, "--continue-on-error")
    lines = err.splitlines()
    assert code == 2
    assert all(line.startswith("W ") for line in lines[:-1])
    assert lines[-1].endswith(f"extraction finished with {len(lines) - 1} error(s)")
    assert "has a hole: expected XXH3" in lines[0]


def test_disabling_the_integrity_check(capfd, golden, tmp_path):
    """What is stored uncompressed comes out wrong then, but it comes out."""
    data = bytearray((golden / "dwarfs/l0.dwarfs").read_bytes())
    data[100] ^= 1
    path, target = tmp_path / "damaged", tmp_path / "target"
    path.write_bytes(data)
    target.mkdir()
    words = ["-i", str(path), "-o", str(target), "--skip-devices"]
    assert run(capfd, *words)[0] == 1
    assert run(capfd, *words, "--disable-integrity-check")[0] == 0


def test_images_with_sounds_and_pictures(capfd, golden, tmp_path):
    words = ["-i", str(golden / "dwarfs/l7-categorize.dwarfs"), "-o", str(tmp_path)]
    assert run(capfd, *words, "--skip-devices") == (0, "", "")
    assert (tmp_path / "sky/image.fits").read_bytes() == make_tree.fits(120, 80)
    sound = (tmp_path / "audio/s24_mono.wav").read_bytes()
    assert sound == make_tree.wav(1, 24, 4000)


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["-o", "x"]])
def test_help(capfd, words):
    code, out, err = run(capfd, *words)
    assert (code, err) == (0, "")
    assert out.startswith("usage: dwarfsextract")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-i", "IMAGE", "-o", "no/such/dir"], "expected a directory 'no/such/dir'"),
        (["-i", "no/such/image"], "cannot open image no/such/image"),
        (["-i", os.curdir], "error:"),
        (["-i", "IMAGE", "-f", "ustar"], "--format=ustar is not available"),
        (["-i", "IMAGE", "*.txt"], "patterns are not available"),
        (["-i", "IMAGE", "--pattern=x"], "'--pattern' is not available"),
        (["-i", "IMAGE", "--num-disk-writers=2"], "is not available"),
        (["-i", "IMAGE", "--format-options=x"], "is not available"),
        (["-i", "IMAGE", "-n", "x"], "--num-workers expects"),
        (["-i", "IMAGE", "-s", "1x"], "--cache-size expects"),
        (["-i", "IMAGE", "-s", "0"], "--cache-size expects"),
        (["-i", "IMAGE", "-O", "-1"], "--image-offset expects"),
        (["-i", "IMAGE", "--image-offset=-1"], "--image-offset expects"),
        (["-i", "IMAGE", "-i", "IMAGE"], "cannot be given more than once"),
        (["-i", "IMAGE", "--frobnicate"], "unrecognized arguments"),
    ],
)
def test_what_is_refused(capfd, image, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capfd, *[image if w == "IMAGE" else w for w in words])
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == []
