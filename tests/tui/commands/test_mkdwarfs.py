"""`mkdwarfs` as its users meet it: exit codes, streams, messages."""

import os
import re
import signal
import subprocess
import sys

import pytest
from images import describe_image
from trees import describe

from dwarfsmith.engine.errors import NotAvailableError
from dwarfsmith.tui.commands.mkdwarfs import NOT_AVAILABLE, make_parser, plan_from

TIMEOUT_S = 60
COMMAND = (
    sys.executable,
    "-c",
    "import sys; from dwarfsmith.tui.commands.mkdwarfs import main; sys.exit(main())",
)
LOG_LINE = re.compile(r"[FEWIVDT] \d\d:\d\d:\d\d\.\d{6} .+")


def run(*arguments, **options):
    """Run mkdwarfs in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        timeout=TIMEOUT_S,
        **options,
    )


def parse(*words):
    """Return the plan of a command line."""
    parser = make_parser()
    arguments = parser.parse_args(["-i", "in", "-o", "out", *words])
    return plan_from(arguments, ["mkdwarfs", *words])


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"some text\n" * 1000)
    (folder / "b.txt").write_bytes(b"some text\n" * 1000)
    os.link(folder / "a.txt", folder / "c.txt")
    (folder / "link").symlink_to("a.txt")
    return folder


def test_makes_an_image(source, tmp_path):
    ran = run("-i", source, "-o", tmp_path / "image", "-l1")
    assert ran.returncode == 0
    assert ran.stdout == b""
    assert describe_image(tmp_path / "image") == describe(source)
    lines = ran.stderr.decode().splitlines()
    assert LOG_LINE.fullmatch(lines[0])
    assert lines[0].endswith(f'scanning "{source}"')
    assert "filesystem created without errors [" in lines[-1]
    assert "1 dirs, 1/1 soft/hard links, 3 files, 0 other" in lines
    assert (
        "saved by deduplication: 9.766 KiB (1 files), saved by segmenting: 0 B" in lines
    )


def test_image_on_standard_output(source, tmp_path):
    ran = run("-i", source, "-o", "-", "-l1", "--log-level=error")
    assert ran.returncode == 0
    assert ran.stderr == b""
    (tmp_path / "image").write_bytes(ran.stdout)
    assert describe_image(tmp_path / "image") == describe(source)


def test_reader_that_goes_away(source):
    """A closed pipe is an error of one line, whatever is left to write."""
    (source / "big").write_bytes(os.urandom(4 << 20))
    process = subprocess.Popen(
        [*COMMAND, "-i", source, "-o", "-", "-l0", "--no-progress"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(TIMEOUT_S) == 1
    assert "Broken pipe" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "arguments", [[], ["-h"], ["--help"], ["-i", "x"], ["-o", "x"]]
)
def test_help_is_no_error(arguments):
    ran = run(*arguments)
    assert ran.returncode == 0
    assert ran.stdout.startswith(b"usage: mkdwarfs")
    assert ran.stderr == b""


def test_long_help_shows_the_levels():
    ran = run("-H")
    assert ran.returncode == 0
    assert b"      9      64 MiB  lzma:level=9" in ran.stdout
    assert b"max-cluster-size" in ran.stdout


def test_existing_output(source, tmp_path):
    (tmp_path / "image").write_bytes(b"precious")
    ran = run("-i", source, "-o", tmp_path / "image")
    assert ran.returncode == 1
    text = ran.stderr.decode().strip()
    assert LOG_LINE.fullmatch(text)
    assert text.startswith("E ")
    assert text.endswith("output file already exists, use --force to overwrite")
    assert (tmp_path / "image").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-l", "10"], "invalid compression level"),
        (["-l", "x"], "-l/--compress-level"),
        (["-S", "9"], "block size must be between 10 and 30"),
        (["-S31"], "block size must be between 10 and 30"),
        (["-W", "25"], "--window-size expects a value from 0 to 24, found 25"),
        (["-w", "9"], "--window-step expects a value from 0 to 8, found 9"),
        (["-B", "-1"], "--max-lookback-blocks"),
        (["--bloom-filter-size", "11"], "--bloom-filter-size"),
        (["-N", "0"], "--num-workers expects a number from 1"),
        (["-C", "gzip"], "gzip"),
        (["-C", "zstd:level=99"], "level"),
        (["-C", "zstd:size=3"], "size"),
        (["-C", "lz4:level=3"], "level"),
        (["-C", "zstd:level=3:level=4"], "level"),
        (["-C", "text::zstd"], "failed to parse value 'text::zstd'"),
        (["--order", "size"], "unknown order 'size'"),
        (["--order", "a::path"], "--order"),
        (["-W", "a::3"], "--window-size"),
        (["--file-hash", "md55"], "md55"),
        (["--set-time", "yesterday"], "cannot parse time point"),
        (["--set-owner", "65536"], "--set-owner expects a value from 0 to 65535"),
        (["--set-group", "-1"], "--set-group"),
        (["-P", "names,nothing"], "--pack-metadata"),
        (["-L", "12q"], "--memory-limit expects a size"),
        (["--progress", "fancy"], "--progress"),
        (["--log-level", "loud"], "--log-level"),
        (["stray"], "unrecognized argument"),
        (["--no-such-option"], "unrecognized argument"),
        (["--no-h"], "ambiguous option"),
        (["-l3", "-l4"], "more than once"),
        (["-C", "lz4", "-C", "zstd"], "more than once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_values_are_one_line_and_write_nothing(
    source, tmp_path, arguments, message
):
    ran = run("-i", source, "-o", tmp_path / "image", *arguments)
    assert ran.returncode == 1
    text = ran.stderr.decode()
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert message in text
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("names", NOT_AVAILABLE)
def test_what_is_not_there_yet_is_refused_by_name(names):
    option = names.split()[-1]
    value = NOT_AVAILABLE[names]
    words = [option] if value is None or value.startswith("?") else [option, "x"]
    with pytest.raises(NotAvailableError, match="is not available") as caught:
        parse(*words)
    assert f"'{names.split()[0]}'" in str(caught.value)


def test_input_that_is_no_folder(source, tmp_path):
    ran = run("-i", source / "a.txt", "-o", tmp_path / "image")
    assert ran.returncode == 1
    assert "expected a directory" in ran.stderr.decode()
    ran = run("-i", tmp_path / "nowhere", "-o", tmp_path / "image")
    assert ran.returncode == 1
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_file_gives_code_2(source, tmp_path):
    (source / "b.txt").chmod(0)
    ran = run("-i", source, "-o", tmp_path / "image", "-l1")
    assert ran.returncode == 2
    assert "creating empty file" in ran.stderr.decode()
    assert "filesystem created with 1 error [" in ran.stderr.decode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk(source):
    ran = run("-i", source, "-o", "/dev/full", "-f", "-l1", "--no-progress")
    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr.decode()
    assert "Traceback" not in ran.stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_leaves_nothing(tmp_path, number):
    source = tmp_path / "in"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(6 << 20))
    process = subprocess.Popen(
        [
            *COMMAND,
            "-i",
            source,
            "-o",
            tmp_path / "image",
            "-l9",
            "-C",
            "lzma:level=9:extreme",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "scanning" in process.stderr.readline()
    process.send_signal(number)
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(TIMEOUT_S) == 130
    assert "cancelled, nothing was written" in errors
    assert os.listdir(tmp_path) == ["in"]


def test_simple_progress_has_no_control_codes(source, tmp_path):
    ran = run("-i", source, "-o", tmp_path / "image", "-l1", "--progress=simple")
    assert ran.returncode == 0
    assert b"\x1b" not in ran.stderr
    assert b"\r" not in ran.stderr
    assert re.search(rb"- \d\d:\d\d:\d\d\.\d{6} ==> \d+% done, ", ran.stderr)


def test_fancy_progress_is_plain_when_redirected(source, tmp_path):
    ran = run("-i", source, "-o", tmp_path / "image", "-l1", "--progress=unicode")
    assert ran.returncode == 0
    assert b"\x1b" not in ran.stderr


def test_prefixes_of_long_options():
    plan = parse("--compress-l=3", "--max-look", "5", "--keep", "--set-o=4")
    assert plan.level == 3
    assert plan.lookback_blocks == 5
    assert plan.keep_all_times
    assert plan.set_owner == 4


def test_options_reach_the_plan():
    plan = parse(
        *["-l5", "-S", "20", "-N3", "-L2g", "-W9", "-w2", "-B4", "-C", "lz4"],
        *[
            "--bloom-filter-size=7",
            "--order=revpath",
            "--file-hash=sha256",
            "-P",
            "all",
        ],
        *["--schema-compression=null", "--metadata-compression=zstd:level=5"],
        *["--history-compression=brotli", "--with-devices", "--with-specials"],
        *["--no-section-index", "--no-history-timestamps", "--no-create-timestamp"],
        *["--no-history-command-line", "--set-group=9", "--set-time=17", "--verify"],
    )
    settings = plan.settings()
    assert (plan.level, settings.block_bits, settings.workers) == (5, 20, 3)
    assert plan.memory_limit_bytes == 2 << 30
    assert (settings.window_bits, settings.window_step) == (9, 2)
    assert (settings.lookback_blocks, settings.bloom_bits) == (4, 7)
    assert settings.compression == "lz4"
    assert settings.order.kind == "revpath"
    assert settings.pack.chunk_table
    assert settings.schema_compression == "null"
    assert settings.metadata_compression == "zstd:level=5"
    assert settings.history_compression == "brotli"
    assert plan.file_hash == "sha256"
    assert plan.with_devices
    assert plan.with_specials
    assert plan.verify
    assert not plan.section_index
    assert not plan.create_timestamp
    assert not plan.history_timestamps
    assert not plan.history_command_line
    assert plan.history
    assert (plan.set_group, plan.set_time) == (9, 17)
    assert plan.command_line[0] == "mkdwarfs"
