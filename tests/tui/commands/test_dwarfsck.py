"""dwarfsck: its report, its lists, what it finds and what it refuses."""

import json
import os
import re
import time

import pytest
from crafted import make_image, make_metadata

from dwarfsmith.engine.dwarfs import history
from dwarfsmith.engine.dwarfs.container import (
    HEADER_BYTES,
    ImageFile,
    SectionType,
    seal_section,
)
from dwarfsmith.engine.dwarfs.metadata import VersionHistoryEntry
from dwarfsmith.engine.dwarfs.strings import Strings
from dwarfsmith.tui.commands.dwarfsck import main
from dwarfsmith.tui.commands.listing import mode_string


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def image(golden):
    return str(golden / "dwarfs/categorize-fragments.dwarfs")


def run(capfd, *words):
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


SUMMARY = """\
DwarFS version 2.5 [2]
created by: libdwarfs v0.15.3-13-ge0465a9353 on branch main
created on: 2026-11-20 22:35:23
block size: 8 MiB
block count: 6
inode count: 95
preferred path separator: /
original filesystem size: 771 KiB
compressed block size: 160.9 KiB (50.32%)
uncompressed block size: 319.7 KiB
compressed metadata size: 2.385 KiB (100.00%)
uncompressed metadata size: 2.385 KiB
options: mtime_only
         inodes_have_nlink
         packed_names
time resolution: 1 seconds
categories:
  <default>: 1 blocks, 42.14 KiB compressed, 168.5 KiB uncompressed (25.02%)
  incompressible: 1 blocks, 112.1 KiB uncompressed
  pcmaudio/waveform: 3 blocks, 6.569 KiB compressed, 39.06 KiB uncompressed (16.82%)
  pcmaudio/metadata: 1 blocks, 92 B compressed, 132 B uncompressed (69.70%)
"""
HISTORY = """\
History:
  1: [2026-11-20 22:35:23] libdwarfs v0.15.3-13-ge0465a9353 (main) on \
Linux [x86_64], Clang 22.1.8
     args: mkdwarfs -i golden -o categorize-fragments.dwarfs -f --log-level=error \
--no-progress --categorize=pcmaudio,incompressible --incompressible-fragments \
--incompressible-block-size=16k -l5
"""


def test_report_is_that_of_the_reference(capfd, image):
    """All but the memory usage of the tables, which this release does not tell."""
    first, rest = SUMMARY.split("\n", 1)
    assert run(capfd, image) == (0, f"{first}\n{HISTORY}{rest}", "")
    assert run(capfd, "-i", image, "-d1") == (0, SUMMARY, "")
    assert run(capfd, image, "--detail=history,version")[1].startswith(
        f"{first}\n{HISTORY}created by"
    )


def test_basics(capfd, image):
    code, out, _ = run(capfd, image, "-d0")
    assert (code, out) == (0, "".join(SUMMARY.splitlines(True)[1:3]))


def test_sections(capfd, image):
    lines = run(capfd, image, "-d", "section_details")[1].splitlines()
    assert lines[1] == (
        "SECTION [V2.5] num=1, type=BLOCK, compression=NONE, length=114780, "
        "checksum=0x563211191f1871ed [OK], offset=43283, blocksize=114780, "
        "ratio=100.00%, category=incompressible"
    )
    assert lines[3].endswith(
        'category=pcmaudio/waveform, metadata={"bits_per_sample":16,'
        '"bytes_per_sample":2,"endianness":"little","number_of_channels":2,'
        '"padding":"lsb","signedness":"signed"}'
    )
    assert lines[9] == (
        "SECTION [V2.5] num=9, type=SECTION_INDEX, compression=NONE, length=80, "
        "checksum=0x1c6298b6a1e559b3 [OK], offset=168778, blocksize=80, "
        "ratio=100.00% [VALID]"
    )


def test_sections_of_images_without_checksums(capfd, shared_golden):
    path = str(shared_golden / "compat/compat-v0.2.0.dwarfs")
    lines = run(capfd, path, "-d3")[1].splitlines()
    assert lines[:2] == [
        "DwarFS version 2.0 [1]",
        "SECTION [V1] type=BLOCK, compression=NONE, length=1024, offset=16, "
        "blocksize=1024, ratio=100.00%",
    ]


def test_tables(capfd, image):
    out = run(capfd, image, "-d3")[1]
    for line in ("file_inode_offset: 36", "chunks: 110", "unique files: 55"):
        assert f"\n{line}\n" in out


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("time-minute", "time resolution: 60 seconds"),
        ("all-times", "options: inodes_have_nlink\n         packed_names"),
        (
            "pack-all-force",
            "options: mtime_only\n         packed_chunk_table\n"
            "         packed_directories\n         packed_shared_files_table\n"
            "         inodes_have_nlink\n         packed_names\n"
            "         packed_names_index\n         packed_symlinks\n"
            "         packed_symlinks_index",
        ),
    ],
)
def test_options_and_resolution(capfd, golden, name, line):
    code, out, _ = run(capfd, str(golden / f"dwarfs/{name}.dwarfs"))
    assert code == 0
    assert line in out


def test_json(capfd, image):
    code, out, _ = run(capfd, image, "-j", "-d3")
    assert code == 0
    assert out.count("\n") == 1
    report = json.loads(out)
    assert report["version"] == {"major": 2, "minor": 5, "header": 2}
    assert report["created_on"] == "2026-11-20T22:35:23"
    assert report["original_filesystem_size"] == 789460
    assert report["compressed_block_size"] == 164754
    assert report["uncompressed_block_size"] == 327410
    assert report["time_resolution"] == 1
    assert report["options"] == ["mtime_only", "inodes_have_nlink", "packed_names"]
    assert report["categories"]["incompressible"] == {
        "block_count": 1,
        "compressed_size": 114780,
        "uncompressed_size": 114780,
    }
    assert report["history"][0]["arguments"][0] == "mkdwarfs"
    assert report["history"][0]["timestamp"]["local"] == "2026-11-20T22:35:23"
    assert report["valid_section_index"] is True
    assert report["sections"][3]["checksum_ok"] is True
    assert report["sections"][3]["metadata"]["number_of_channels"] == 2
    assert "history" not in json.loads(run(capfd, image, "-j", "-d1")[1])


def test_without_checks_sizes_are_lower_bounds(capfd, image):
    code, out, _ = run(capfd, image, "--no-check", "-d3")
    assert code == 0
    assert "compressed block size: 160.9 KiB\n" in out
    assert "uncompressed block size: (at least) 160.9 KiB\n" in out
    assert "[unknown]" in out


def test_list(capfd, golden):
    path = str(golden / "dwarfs/filtered.dwarfs")
    assert run(capfd, path, "-l")[1].splitlines() == [
        "names",
        "names/ünïcödé-ナマエ.txt",
        "readme.txt",
        "text",
        "text/base.txt",
        "text/copy.txt",
        "text/edited.txt",
        "text/half.txt",
        "text/prefix.txt",
    ]


def test_verbose_list(capfd, golden):
    path = str(golden / "dwarfs/l7.dwarfs")
    code, out, _ = run(capfd, path, "--list", "--verbose")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "---drwxr-xr-x    0/   0     18 2023-11-14 23:14 "
    for line in (
        "----rw-r--r--    0/   0  24044 2023-11-14 23:13 audio/s16_stereo.wav",
        "---crw-rw-rw-    0/   0      0 2023-11-14 22:57 dev-null",
        "---lrwxrwxrwx    0/   0     13 2023-11-14 22:54 link -> text/base.txt",
        "--Sdrwxrwxrwx 4242/4343      6 2023-11-14 22:53 many",
    ):
        assert line in lines


def test_lists_write_names_as_they_are_and_escape_them_on_terminals(
    capfdbinary, monkeypatch, tmp_path
):
    names = Strings.of([b"a\xff\x1b[2J", b"b", b"d", b"l"])
    path = tmp_path / "image"
    path.write_bytes(make_image(make_metadata(names=names)))
    assert main([str(path), "-l"]) == 0
    assert capfdbinary.readouterr().out == b"a\xff\x1b[2J\nd\nd/b\nl\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for words, end in ((["-l"], b""), (["-l", "-v"], b"")):
        assert main([str(path), *words]) == 0
        out = capfdbinary.readouterr().out
        assert rb"a\xff\x1b[2J" + end in out
        assert b"\x1b" not in out


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (0o100644, "----rw-r--r--"),
        (0o104751, "U---rwxr-x--x"),
        (0o042755, "-G-drwxr-xr-x"),
        (0o041777, "--Sdrwxrwxrwx"),
        (0o120777, "---lrwxrwxrwx"),
        (0o060640, "---brw-r-----"),
        (0o020000, "---c---------"),
        (0o010644, "---prw-r--r--"),
        (0o140755, "---srwxr-xr-x"),
    ],
)
def test_mode_strings(mode, text):
    assert mode_string(mode) == text


def test_quiet(capfd, image):
    assert run(capfd, image, "-q", "--check-integrity") == (0, "", "")


def test_what_was_before(capfd, tmp_path):
    """An image whose metadata was rebuilt says what it was."""
    earlier = VersionHistoryEntry(
        major=2, minor=2, dwarfs_version=b"old\n", block_size=1024
    )
    path = tmp_path / "image"
    path.write_bytes(make_image(make_metadata(metadata_version_history=[earlier])))
    lines = run(capfd, str(path))[1].splitlines()
    assert lines[-2:] == [
        "previous metadata versions:",
        r"  1: version 2.2, created by old\n, block size 1 KiB",
    ]


def test_own_history(capfd, tmp_path):
    base = make_image(make_metadata())
    file = ImageFile.over(base)
    last = file.sections[-1]
    entry = history.new_entry(arguments=["mkdwarfs", "-l5"], timestamp=1_700_000_000)
    payload = history.encode([entry])
    header = seal_section(last.number, SectionType.HISTORY, 0, payload)
    path = tmp_path / "image"
    path.write_bytes(base[: last.offset] + header + payload)
    out = run(capfd, str(path))[1]
    assert re.search(
        r"^  1: \[2023-11-14 22:13:20\] dwarfsmith v\d\S* on \S+ \[\w+\], \w+ [\d.]+$"
        r"\n     args: mkdwarfs -l5$",
        out,
        re.MULTILINE,
    )


# Headers and offsets


@pytest.fixture
def headed(tmp_path, golden):
    path = tmp_path / "headed"
    data = (golden / "dwarfs/l1.dwarfs").read_bytes()
    path.write_bytes(b"#!/bin/sh\nDWARFS\x02 but not an image\n" + data)
    return str(path)


def test_header(capfdbinary, headed, image):
    assert main([headed, "-H"]) == 0
    header = capfdbinary.readouterr().out
    assert header == b"#!/bin/sh\nDWARFS\x02 but not an image\n"
    assert main([image, "-H"]) == 2
    found = capfdbinary.readouterr()
    assert found.out == b""
    assert b"does not contain a header" in found.err


def test_offsets(capfd, headed):
    size = 35
    first = f"DwarFS version 2.5 [2] at offset {size}"
    for words in ([], ["-O", "auto"], [f"--image-offset={size}"]):
        code, out, _ = run(capfd, headed, *words)
        assert (code, out.splitlines()[0]) == (0, first)
    code, out, err = run(capfd, headed, "-O", "0")
    assert (code, out) == (1, "")
    assert err.startswith("error: expected b'DWARFS'")


# Damage


def is_one_line(text):
    return text.endswith("\n") and text.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--check-integrity"], ["-l"], ["-q"]])
def test_damage_in_every_section_is_found(capfd, golden, tmp_path, words):
    whole = (golden / "dwarfs/l1.dwarfs").read_bytes()
    path = tmp_path / "image"
    for section in list(ImageFile.over(whole).sections)[:-1]:
        damaged = bytearray(whole)
        damaged[section.payload_offset + section.length // 2] ^= 1
        path.write_bytes(damaged)
        code, _, err = run(capfd, str(path), *words)
        assert code == 1
        for line in err.splitlines():
            assert re.match(r"E [\d:.]+ |error: ", line)
            assert section.type_name in line


def test_damage_that_nobody_looks_for(capfd, golden, tmp_path):
    damaged = bytearray((golden / "dwarfs/l1.dwarfs").read_bytes())
    damaged[HEADER_BYTES + 5] ^= 1
    path = tmp_path / "image"
    path.write_bytes(damaged)
    assert run(capfd, str(path), "--no-check")[0] == 0


@pytest.mark.parametrize("size", [0, 1, 8, 63, 64, 200, 1000, -1, -8, -100, -3000])
def test_truncated_images(capfd, golden, tmp_path, size):
    path = tmp_path / "image"
    path.write_bytes((golden / "dwarfs/l1.dwarfs").read_bytes()[:size])
    code, out, err = run(capfd, str(path))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert is_one_line(err)


# Refusals


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected one image, found 0"),
        (["IMAGE", "-i", "IMAGE"], "expected one image, found 2"),
        (["IMAGE", "IMAGE"], "unrecognized arguments"),
        (["no/such/image"], "cannot open image no/such/image"),
        ([os.curdir], "error:"),
        (["IMAGE", "-d4"], "--detail=4 is not available"),
        (["IMAGE", "-d", "frozen_layout"], "=frozen_layout is not available"),
        (["IMAGE", "-d", "8"], "found '8'"),
        (["IMAGE", "-d", ""], "found ''"),
        (["IMAGE", "-n", "0"], "--num-workers expects"),
        (["IMAGE", "-O", "x"], "--image-offset expects"),
        (["IMAGE", "--checksum=md5"], "'--checksum' is not available"),
        (["IMAGE", "--export-metadata=-"], "'--export-metadata' is not available"),
        (["IMAGE", "-s", "1g"], "'--cache-size' is not available"),
        (["IMAGE", "--man"], "'--man' is not available"),
        (["IMAGE", "--no-check", "--check-integrity"], "exclude each other"),
        (["IMAGE", "-H", "-j"], "exclude each other"),
        (["IMAGE", "-H", "-l"], "exclude each other"),
        (["IMAGE", "-H", "--check-integrity"], "exclude each other"),
        (["IMAGE", "-l", "-j"], "exclude each other"),
    ],
)
def test_what_is_refused(capfd, image, words, message):
    words = [image if word == "IMAGE" else word for word in words]
    code, out, err = run(capfd, *words)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert message in err
    assert is_one_line(err)
