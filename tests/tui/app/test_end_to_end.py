"""The app on the real engine: a folder in, a verified image out."""

import os
import pathlib
import random
import shutil
import signal

import pytest
from images import describe_image
from trees import describe

from dwarfsmith.tui.runner import WorkerProcess
from dwarfsmith.tui.widgets.tree_table import TreeTable

SIZE = (110, 34)


@pytest.fixture
def source():
    """A small folder with something of everything, in the current one."""
    folder = pathlib.Path("source")
    (folder / "data" / "deep").mkdir(parents=True)
    noise = random.Random(0).randbytes(300_000)
    (folder / "data" / "noise.bin").write_bytes(noise)
    (folder / "data" / "deep" / "copy.bin").write_bytes(noise)
    (folder / "[text].txt").write_text("all work and no play\n" * 20_000)
    (folder / "link").symlink_to("data/noise.bin")
    (folder / "empty").mkdir()
    os.link(folder / "[text].txt", folder / "data" / "again.txt")
    with open(os.fsencode(folder) + b"/caf\xe9", "wb") as file:
        file.write(b"latin 1")
    return folder


def scanned(app):
    return not app.session.scan.active and app.session.arrangement is not None


def ended(app):
    return app.session.build.status in ("done", "failed", "cancelled")


def text(app):
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip) for strip in strips)


@pytest.fixture
def run(make_app, until, source):
    async def run_scenario(scenario, **options):
        app = make_app(input=bytes(source), launch=WorkerProcess, **options)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: scanned(app))
            await scenario(app, pilot)

    return run_scenario


async def test_from_a_folder_to_a_verified_image(run, until, source):
    async def scenario(app, pilot):
        tree = app.session.tree
        rows = app.screen.query_one(TreeTable).rows
        names = {tree.name(rows.entry(row)) for row in range(len(rows))}
        assert names == set(os.listdir(bytes(source)))
        sizes = [path.lstat().st_size for path in source.rglob("*")]
        files = [path.is_file() and not path.is_symlink() for path in source.rglob("*")]
        total = sum(size for size, file in zip(sizes, files, strict=True) if file)
        assert int(app.session.arrangement.shape.size[0]) == total
        assert "caf\\xe9" in text(app)
        await pilot.press("b")
        await until(pilot, lambda: ended(app))
        assert "✔ source.dwarfs is ready" in text(app)
        build = app.session.build
        target = os.readlink(source / "link")
        assert build.built.input_bytes == total + len(target)
        assert build.verified.entries == len(tree)
        assert build.built.image_bytes == os.stat("source.dwarfs").st_size
        assert all(stage.status == "done" for stage in build.stages.values())

    await run(scenario, level=1)
    assert describe_image(b"source.dwarfs") == describe(bytes(source))


async def test_an_input_that_vanishes_leaves_no_image(run, until, source):
    async def scenario(app, pilot):
        shutil.rmtree(source)
        await pilot.press("b")
        await until(pilot, lambda: ended(app))
        assert app.session.build.status == "failed"
        assert "See that the input is still there" in text(app)
        await pilot.press("1", "r")
        await until(pilot, lambda: app.session.scan.failure)
        assert "r scans it again" in text(app)

    await run(scenario)
    assert os.listdir() == []


async def test_a_killed_worker_leaves_no_image(run, until, source):
    """Level 9 on noise takes long enough to be killed in."""
    (source / "more.bin").write_bytes(random.Random(1).randbytes(20_000_000))

    async def scenario(app, pilot):
        await pilot.press("b")
        stages = app.session.build.stages
        await until(pilot, lambda: stages["compress"].status == "running")
        os.kill(app.jobs._processes["build"]._process.pid, signal.SIGKILL)
        await until(pilot, lambda: ended(app))
        assert "stopped by SIGKILL" in text(app)

    await run(scenario, level=9)
    assert os.listdir() == ["source"]


async def test_stopping_the_real_worker_leaves_no_image(run, until, source):
    (source / "more.bin").write_bytes(random.Random(1).randbytes(20_000_000))

    async def scenario(app, pilot):
        await pilot.press("b")
        stages = app.session.build.stages
        await until(pilot, lambda: stages["compress"].status == "running")
        await pilot.press("c", "y")
        await until(pilot, lambda: ended(app))
        assert app.session.build.status == "cancelled"

    await run(scenario, level=9)
    assert os.listdir() == ["source"]
