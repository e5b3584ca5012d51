"""From a folder to an image: what goes in comes out, and nothing is left behind."""

import hashlib
import os
import random
import runpy
import socket
import stat

import pytest
from images import describe_image
from trees import describe

from dwarfsmith.engine import build as conductor
from dwarfsmith.engine.build import build
from dwarfsmith.engine.errors import (
    CancelledError,
    InputError,
    OutputError,
    OutputExistsError,
    UsageError,
)
from dwarfsmith.engine.events import BlockDone, Built, Gauges, Identified, Problem
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.plan import LEVELS, BuildPlan

REPRODUCIBLE = {"create_timestamp": False, "history": False}


def make(source, target, events=None, **choices):
    """Build `source` into `target`; return the summary event."""
    plan = BuildPlan(
        input=os.fsencode(source), output=os.fsencode(target), verify=True, **choices
    )
    return build(plan, Job(events.append if events is not None else lambda event: None))


@pytest.fixture(scope="module")
def tree(tmp_path_factory, request):
    """The tree that the golden images were made of, devices included if root."""
    folder = tmp_path_factory.mktemp("golden") / "tree"
    script = request.path.parent.parent / "golden" / "make_tree.py"
    runpy.run_path(str(script))["build"](str(folder))
    return folder


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_keeps_every_entry(tree, tmp_path, level):
    image = tmp_path / "image"
    built = make(tree, image, level=level, with_devices=True, with_specials=True)
    assert describe_image(image) == describe(tree)
    assert built.verified
    assert built.image_bytes == image.stat().st_size
    assert built.problems == 0


@pytest.mark.parametrize(
    "choices",
    [
        {"compression": "brotli:quality=5", "metadata_compression": "brotli"},
        {"compression": "lzma:level=1:binary=x86", "block_bits": 16},
        {"compression": "zstd:level=3:long", "schema_compression": "null"},
        {"compression": "null", "block_bits": 10, "window_bits": 8, "window_step": 3},
        {
            "compression": "lz4",
            "block_bits": 12,
            "window_bits": 8,
            "lookback_blocks": 4,
        },
        {"lookback_blocks": 0, "level": 4},
        {"order": "revpath", "level": 4},
        {"order": "none", "file_hash": "none", "level": 4},
        {"file_hash": "sha256", "level": 2},
        {"pack_metadata": ("all",), "level": 5},
        {"pack_metadata": ("all", "force"), "level": 5},
        {"pack_metadata": ("none",), "level": 5},
        {"pack_metadata": ("plain",), "level": 5},
        {"section_index": False, "history": False, "level": 3},
        {"keep_all_times": True, "level": 3},
        {"bloom_bits": 0, "level": 5},
        {"bloom_bits": 10, "level": 5},
    ],
    ids=lambda choices: " ".join(f"{k}={v}" for k, v in choices.items()),
)
def test_options_change_the_form_not_the_content(tree, tmp_path, choices):
    image = tmp_path / "image"
    make(tree, image, with_devices=True, with_specials=True, **choices)
    assert describe_image(image) == describe(tree)


def test_devices_and_specials_only_on_request(tree, tmp_path):
    make(tree, tmp_path / "image", level=1)
    kept = describe_image(tmp_path / "image")
    ordinary = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    expected = {
        path: row
        for path, row in describe(tree).items()
        if stat.S_IFMT(int(row[0], 8)) in ordinary
    }
    assert kept == expected
    assert b"fifo" not in kept


def test_owner_and_time_of_choice(tree, tmp_path):
    make(
        tree, tmp_path / "i", level=1, set_owner=7, set_group=8, set_time=1_600_000_000
    )
    rows = describe_image(tmp_path / "i")
    assert {row[1:4] for row in rows.values()} == {(1_600_000_000, 7, 8)}


def test_all_times_are_kept_on_request(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "old").write_bytes(b"x")
    os.utime(source / "old", (-86_400, 1_000_000_000))
    make(source, tmp_path / "image", keep_all_times=True)
    from dwarfsmith.engine.dwarfs.reader import Image

    with Image.open(tmp_path / "image") as image:
        found = image.stat(1)
    assert found.atime_ns == -86_400 * 10**9
    assert found.mtime_ns == 10**18
    assert found.ctime_ns == int((source / "old").stat().st_ctime) * 10**9


@pytest.mark.parametrize("level", [1, 3, 7])
def test_same_bytes_with_any_number_of_workers(tree, tmp_path, level):
    digests = set()
    for workers in (1, 2, 3, 8):
        image = tmp_path / f"image{workers}"
        make(
            tree,
            image,
            level=level,
            block_bits=14,
            workers=workers,
            lookback_blocks=2,
            **REPRODUCIBLE,
        )
        digests.add(hashlib.sha256(image.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_same_bytes_whatever_the_order_of_folders(tmp_path):
    """Names made in another order come from readdir in another order."""
    names = [f"f{number}" for number in range(300)]
    digests = set()
    for seed in (1, 2):
        source = tmp_path / str(seed) / "in"
        source.mkdir(parents=True)
        random.Random(seed).shuffle(names)
        for name in names:
            (source / name).write_bytes(name[:2].encode() * 50)
            os.utime(source / name, (5, 5))
        os.utime(source, (5, 5))
        make(source, tmp_path / f"{seed}.dwarfs", level=7, **REPRODUCIBLE)
        image = (tmp_path / f"{seed}.dwarfs").read_bytes()
        digests.add(hashlib.sha256(image).hexdigest())
    assert len(digests) == 1


def test_empty_folder(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    built = make(source, tmp_path / "image")
    assert built.blocks == 0
    assert describe_image(tmp_path / "image") == describe(source)


def test_only_empty_files(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        (source / name).touch()
    make(source, tmp_path / "image")
    assert describe_image(tmp_path / "image") == describe(source)


def test_one_file_of_every_size_around_a_block(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    block = 1 << 12
    for size in (1, 2, block - 1, block, block + 1, 2 * block, 5 * block + 7):
        (source / f"f{size}").write_bytes(random.Random(size).randbytes(size))
    for level in (0, 5):
        image = tmp_path / f"image{level}"
        make(source, image, level=level, block_bits=12)
        assert describe_image(image) == describe(source)


def test_odd_names(tmp_path):
    source = os.fsencode(tmp_path / "in")
    os.mkdir(source)
    for name in (
        b"\xff\xfe",
        b"new\nline",
        b"-rf",
        b"[x]",
        b"n" * 255,
        b"\x01",
        b"a b",
    ):
        with open(os.path.join(source, name), "wb") as stream:
            stream.write(name)
    os.symlink(b"../\xff/nowhere", os.path.join(source, b"link\x80"))
    make(os.fsdecode(source), tmp_path / "image")
    assert describe_image(tmp_path / "image") == describe(source)


def test_deep_folders(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    here = os.open(source, os.O_RDONLY)
    for depth in range(300):
        os.mkdir(f"d{depth:0>20}", dir_fd=here)
        below = os.open(f"d{depth:0>20}", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    leaf = os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(leaf, b"down here")
    os.close(leaf)
    os.close(here)
    make(source, tmp_path / "image", level=7)
    rows = describe_image(tmp_path / "image")
    assert len(rows) == 302
    (path,) = [path for path in rows if path.endswith(b"/leaf")]
    assert path.count(b"/") == 300
    assert rows[path][4] == 9


def test_many_files_in_one_folder(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    folder = os.open(source, os.O_RDONLY)
    for number in range(70_000):
        file = os.open(f"{number}", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
        if number % 7 == 0:
            os.write(file, b"%d" % (number % 1000))
        os.close(file)
    os.close(folder)
    make(source, tmp_path / "image", level=3)
    assert describe_image(tmp_path / "image") == describe(source)


def test_duplicates_and_hard_links_are_stored_once(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    data = random.Random(5).randbytes(100_000)
    (source / "a").write_bytes(data)
    (source / "b").write_bytes(data)
    os.link(source / "a", source / "c")
    events = []
    built = make(source, tmp_path / "image", events, level=0)
    assert built.image_bytes < 110_000
    (identified,) = [event for event in events if isinstance(event, Identified)]
    assert identified.duplicate_files == 1
    assert identified.duplicate_bytes == 100_000
    assert identified.hard_links == 1
    assert describe_image(tmp_path / "image") == describe(source)


def test_large_files_come_in_windows_and_match_each_other(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    data = random.Random(1).randbytes(9 << 20)
    (source / "a").write_bytes(data)
    (source / "b").write_bytes(b"shift" + data + b"more")
    built = make(source, tmp_path / "image", level=4, block_bits=24)
    assert built.image_bytes < 10 << 20
    assert describe_image(tmp_path / "image") == describe(source)


@pytest.mark.slow
def test_sparse_file(tmp_path):
    """5 GiB of holes with a few islands; stored as data, since all can read that."""
    source = tmp_path / "in"
    source.mkdir()
    with open(source / "sparse", "wb") as stream:
        for position in (0, 1 << 30, (3 << 30) + 12345, (5 << 30) - 5):
            stream.seek(position)
            stream.write(b"island")
        stream.truncate(5 << 30)
    make(source, tmp_path / "image", level=4)
    assert (tmp_path / "image").stat().st_size < 8 << 20
    assert describe_image(tmp_path / "image") == describe(source)


# What can go wrong


def test_file_that_vanishes_becomes_an_empty_file(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(name.encode() * 10)
    identify = conductor.identify

    def identify_then_remove(*args, **options):
        found = identify(*args, **options)
        (source / "b").unlink()
        return found

    monkeypatch.setattr(conductor, "identify", identify_then_remove)
    events = []
    built = make(source, tmp_path / "image", events, level=1)
    assert built.problems == 1
    (problem,) = [event for event in events if isinstance(event, Problem)]
    assert problem.message.startswith("cannot access")
    assert problem.message.endswith("b, creating empty file")
    sizes = {
        path: row[4] for path, row in describe_image(tmp_path / "image").items() if path
    }
    assert sizes == {b"a": 10, b"b": 0, b"c": 10}


@pytest.mark.parametrize("size", [5_000, 9 << 20], ids=["small", "large"])
@pytest.mark.parametrize("change", ["shrink", "grow"])
def test_file_that_changes_size_becomes_an_empty_file(
    tmp_path, monkeypatch, size, change
):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a").write_bytes(b"stays")
    (source / "b").write_bytes(random.Random(2).randbytes(size))
    order = conductor.order

    def order_then_change(*args, **options):
        found = order(*args, **options)
        os.truncate(source / "b", size // 2 if change == "shrink" else size + 1)
        return found

    monkeypatch.setattr(conductor, "order", order_then_change)
    events = []
    built = make(source, tmp_path / "image", events, level=4)
    assert built.problems == 1
    (problem,) = [event for event in events if isinstance(event, Problem)]
    assert problem.message.startswith("file size changed")
    rows = describe_image(tmp_path / "image")
    assert (rows[b"a"][4], rows[b"b"][4]) == (5, 0)


def test_another_duplicate_stands_in_for_a_vanished_file(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(b"the same bytes")
    order = conductor.order

    def order_then_remove(*args, **options):
        found = order(*args, **options)
        (source / "a").unlink()
        return found

    monkeypatch.setattr(conductor, "order", order_then_remove)
    built = make(source, tmp_path / "image", level=1)
    assert built.problems == 0
    rows = describe_image(tmp_path / "image")
    assert [rows[name][4] for name in (b"a", b"b", b"c")] == [14, 14, 14]


def test_existing_output_needs_force(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "image").write_bytes(b"precious")
    with pytest.raises(OutputExistsError):
        make(tmp_path / "in", tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == b"precious"
    make(tmp_path / "in", tmp_path / "image", force=True)
    assert (tmp_path / "image").read_bytes()[:6] == b"DWARFS"


def test_input_must_be_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="expected a directory"):
        make(tmp_path / "file", tmp_path / "image")
    with pytest.raises(InputError, match="expected a directory"):
        make(tmp_path / "missing", tmp_path / "image")
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize("again", [False, True], ids=["new", "over an older image"])
def test_output_inside_the_input_is_no_part_of_it(tmp_path, again):
    source = tmp_path / "in"
    source.mkdir()
    (source / "file").write_bytes(b"content")
    if again:
        (source / "image").write_bytes(b"an older image")
    make(source, source / "image", force=True)
    assert set(describe_image(source / "image")) == {b"", b"file"}


def test_codec_that_does_not_exist(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="zstandard"):
        make(tmp_path / "in", tmp_path / "image", compression="zstandard")
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("section", ["", "schema_", "metadata_", "history_"])
@pytest.mark.parametrize("spec", ["flac", "ricepp:block_size=64"])
def test_codecs_for_categories_are_refused_at_once(tmp_path, section, spec):
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="cannot be used without a category"):
        make(tmp_path / "in", tmp_path / "image", **{f"{section}compression": spec})
    assert os.listdir(tmp_path) == ["in"]


def test_full_disk_leaves_nothing(tree, tmp_path, monkeypatch):
    """The error of the first block that does not fit ends the build."""
    from dwarfsmith.engine import output

    written = []
    real = output.Output.write

    def write(self, data):
        written.append(len(data))
        if sum(written) > 100_000:
            raise OutputError("cannot write 'image': No space left on device")
        real(self, data)

    monkeypatch.setattr(output.Output, "write", write)
    with pytest.raises(OutputError, match="No space left"):
        make(tree, tmp_path / "image", level=0, block_bits=14)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("stage", ["scan", "identify", "order", "segment", "metadata"])
def test_cancelled_build_leaves_nothing(tree, tmp_path, stage):
    job = Job()

    def listen(event):
        if getattr(event, "stage", None) == stage:
            job.cancel()

    job._emit = listen
    plan = BuildPlan(
        input=os.fsencode(tree), output=os.fsencode(tmp_path / "image"), level=3
    )
    with pytest.raises(CancelledError):
        build(plan, job)
    assert os.listdir(tmp_path) == []


def test_sockets_are_kept_as_specials(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    monkeypatch.chdir(source)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        make(source, tmp_path / "image", with_specials=True)
        assert describe_image(tmp_path / "image") == describe(source)


def test_events_add_up(tree, tmp_path):
    events = []
    built = make(tree, tmp_path / "image", events, level=1, block_bits=14)
    blocks = [event for event in events if isinstance(event, BlockDone)]
    assert [event.number for event in blocks] == list(range(built.blocks))
    assert sum(event.stored_bytes + 64 for event in blocks) == built.block_bytes
    gauges = [event for event in events if isinstance(event, Gauges)]
    assert gauges[-1].blocks_done == gauges[-1].blocks_total == built.blocks
    assert gauges[-1].in_flight_bytes == 0
    assert events[-1] == built
    assert isinstance(built, Built)
    total = sum(event.full_bytes for event in blocks)
    assert gauges[-1].segmented_bytes - gauges[-1].matched_bytes == total


def test_totals_are_sampled_until_the_last_block_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(conductor, "GAUGE_INTERVAL_S", 0.01)
    source = tmp_path / "in"
    source.mkdir()
    (source / "file").write_bytes(random.Random(3).randbytes(2 << 20))
    events = []
    make(source, tmp_path / "image", events, compression="lzma:level=9:extreme")
    late = [
        event
        for event in events
        if isinstance(event, Gauges) and event.blocks_total and event.busy_workers
    ]
    assert late
    assert {event.bottleneck for event in late} == {"compress"}
