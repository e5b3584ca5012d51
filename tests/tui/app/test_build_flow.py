"""From a plan to an image, and everything that can come between."""

import os
import pathlib
import sys
from functools import partial

import pytest
from textual.widgets import Input

from dwarfsmith.engine.events import Failed, Finished
from dwarfsmith.tui import runner
from dwarfsmith.tui.messages import JobEvent
from dwarfsmith.tui.model.settings import Settings, SettingsFile
from dwarfsmith.tui.screens.confirm import ConfirmScreen
from dwarfsmith.tui.screens.plan import PlanScreen
from dwarfsmith.tui.widgets.level_list import LevelList
from dwarfsmith.tui.widgets.result_card import ResultCard

SIZE = (110, 34)


def scanned(app):
    return not app.session.scan.active and app.session.arrangement is not None


def ended(app):
    return app.session.build.status in ("done", "failed", "cancelled")


def text(app):
    """Return what is on screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip) for strip in strips)


@pytest.fixture
def run(make_app, until):
    """Run a scenario once the input is scanned; return the app."""

    async def run_scenario(script, scenario, size=SIZE, **options):
        app = make_app(script, **options)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: scanned(app))
            await scenario(app, pilot)
        return app

    return run_scenario


@pytest.fixture
def half_built(run, until):
    """Run a scenario in the middle of a build."""

    async def run_scenario(scenario, script="running", size=SIZE, **options):
        async def build_first(app, pilot):
            await pilot.press("b")
            await until(pilot, lambda: len(app.session.build.blocks) == 27)
            await scenario(app, pilot)

        return await run(script, build_first, size, **options)

    return run_scenario


# -- the plan ---------------------------------------------------------------------


async def test_a_plan_is_made_by_keys(run):
    async def scenario(app, pilot):
        await pilot.press("p")
        assert isinstance(app.screen, PlanScreen)
        await pilot.press("4", "k", "k", "j")
        assert app.screen.query_one(LevelList).level == 3
        assert app.screen.plan.level == 3
        await pilot.press("enter")
        assert app.session.plan.level == 3
        assert "level 3 · lz4hc 9 · 2 MiB blocks · similarity" in text(app)

    await run("done", scenario)


async def test_escape_leaves_the_plan_as_it_was(run):
    async def scenario(app, pilot):
        before = app.session.plan
        await pilot.press("p", "1", "tab", *"xyz", "escape")
        assert app.session.plan == before

    await run("done", scenario)


async def test_every_field_of_the_dialog_is_in_the_plan(run):
    async def scenario(app, pilot):
        await pilot.press("p", "9", "tab", "end", *"2", "tab", *"5x", "tab")
        await pilot.press(*["space", "tab"] * 5)
        plan = app.screen.plan
        assert (plan.level, plan.output, plan.workers) == (9, b"tux.dwarfs2", 5)
        assert (plan.verify, plan.with_devices, plan.with_specials) == (
            False,
            True,
            True,
        )
        assert plan.keep_all_times
        assert not plan.create_timestamp and not plan.history
        shown = text(app)
        assert "mkdwarfs -i /srv/tux -o tux.dwarfs2 -l9 --num-workers=5" in shown
        await pilot.press("y")
        assert app.clipboard.endswith("--no-create-timestamp --no-history")

    await run("done", scenario, size=(120, 40))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "name a file"),
        ("/srv/tux/x.dwarfs", "would lie inside the input"),
        ("missing/x.dwarfs", "no such directory"),
    ],
)
async def test_an_output_that_cannot_be_is_said_and_not_kept(run, typed, said):
    async def scenario(app, pilot):
        await pilot.press("p")
        app.screen.query_one("#output", Input).value = typed
        await pilot.pause()
        assert said in text(app)
        await pilot.press("b")
        assert isinstance(app.screen, PlanScreen)
        assert app.focused.id == "output"
        assert app.session.build.status == "idle"

    await run("done", scenario)


async def test_other_entries_mean_another_scan(run, until):
    async def scenario(app, pilot):
        before = app.session.tree
        for key in ("escape", "enter"):
            await pilot.press("p")
            app.screen.query_one("#with-devices").action_turn()
            await pilot.pause()
            assert app.session.tree is before
            await pilot.press(key)
        await until(pilot, lambda: app.session.tree is not before and scanned(app))
        assert app.session.plan.with_devices

    await run("done", scenario)


async def test_choices_are_remembered(run, tmp_path):
    file = SettingsFile(str(tmp_path / "settings.toml"))

    async def scenario(app, pilot):
        await pilot.press("p", "2", "enter")

    await run("done", scenario, settings=file)
    assert file.load() == Settings(level=2, recent=("/srv/tux",))


# -- the build ----------------------------------------------------------------------


async def test_a_build_ends_in_its_result(run, until):
    async def scenario(app, pilot):
        await pilot.press("b")
        assert app.current_mode == "build"
        await until(pilot, lambda: ended(app))
        shown = text(app)
        for words in (
            "✔ tux.dwarfs is ready",
            "16 % of original, saved 84 %",
            "145,756,775 bytes",
            "⚠ 2",
            "data/[a].bin: permission denied",
            "110 entries and 48 sections read back",
            "$ mkdwarfs -i /srv/tux -o tux.dwarfs -l7 --verify",
        ):
            assert words in shown
        await pilot.press("y")
        assert app.clipboard.startswith("mkdwarfs -i /srv/tux")

    await run("done", scenario)


async def test_a_build_goes_on_while_browsing(half_built):
    async def scenario(app, pilot):
        assert "27 blocks so far" in text(app)
        await pilot.press("1")
        assert app.current_mode == "browse"
        assert "building" in text(app) and "60 %" in text(app)
        await pilot.press("b")
        assert app.session.build.active
        await pilot.press("4")
        assert "building tux.dwarfs" in text(app)

    await half_built(scenario)


async def test_unknown_is_never_drawn_as_nothing(run, until):
    async def scenario(app, pilot):
        await pilot.press("b")
        stage = app.session.build.stages
        await until(pilot, lambda: stage["identify"].done)
        lines = [line for line in text(app).splitlines() if "identify" in line]
        assert "36.0 MiB so far" in lines[0]
        assert " 0 %" not in text(app)
        assert "no block is full yet" in text(app)
        figures = [line for line in text(app).splitlines() if "written" in line]
        assert "·" in figures[0]

    await run("early", scenario)


async def test_stopping_asks_and_leaves_nothing(half_built, until):
    async def scenario(app, pilot):
        await pilot.press("c")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("escape")
        assert app.session.build.status == "running"
        await pilot.press("c", "enter")  # the harmless answer has the focus
        assert app.session.build.status == "running"
        await pilot.press("c", "y")
        await until(pilot, lambda: ended(app))
        assert app.session.build.status == "cancelled"
        assert "You stopped the build. b starts it again." in text(app)
        assert "Nothing was written as tux.dwarfs." in text(app)

    await half_built(scenario)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("failed", ["No space left on device", "Free some space", "Nothing was"]),
        ("killed", ["stopped by SIGKILL", "out of memory", "fewer workers"]),
    ],
)
async def test_a_failure_says_what_and_what_now(run, until, script, words):
    async def scenario(app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: ended(app))
        assert "✘ tux.dwarfs was not built" in text(app)
        for part in words:
            assert part in text(app)
        await pilot.press("b")
        await until(pilot, lambda: ended(app))

    await run(script, scenario)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Finished(exit_code=0), ["the image is ready: 4 shows it", "✔ built"]),
        (Failed(message="disk [full]", exit_code=1), ["disk [full]", "✘ failed"]),
    ],
)
async def test_the_end_is_told_in_other_modes_as_well(
    half_built, until, told, event, words
):
    async def scenario(app, pilot):
        await pilot.press("1")
        app.post_message(JobEvent("build", 1, event))
        await until(pilot, lambda: told(app))
        assert words[0] in told(app)
        assert words[1] in text(app)

    await half_built(scenario)


async def test_late_events_of_a_former_build_change_nothing(half_built):
    async def scenario(app, pilot):
        app.post_message(JobEvent("build", 0, Finished(exit_code=0)))
        await pilot.pause()
        assert app.session.build.status == "running"

    await half_built(scenario)


async def test_an_existing_file_is_replaced_only_on_yes(run, until):
    async def scenario(app, pilot):
        there = pathlib.Path("tux.dwarfs")
        there.write_bytes(b"precious")
        await pilot.press("b")
        assert "Replace the file?" in text(app)
        await pilot.press("n")
        assert app.session.build.status == "idle"
        await pilot.press("b", "y")
        await until(pilot, lambda: ended(app))
        assert app.session.build.plan.force
        # The next build asks again.
        assert not app.session.plan.force

    await run("done", scenario)


async def test_an_output_inside_the_input_opens_the_plan(run):
    async def scenario(app, pilot):
        await pilot.press("b")
        assert isinstance(app.screen, PlanScreen)
        assert "would lie inside the input" in text(app)

    await run("done", scenario, output=b"/srv/tux/x.dwarfs")


async def test_a_finished_image_is_read_back_on_request(run, until):
    async def scenario(app, pilot):
        await pilot.press("p", "tab", "tab", "tab", "space", "shift+tab", "shift+tab")
        await pilot.press("shift+tab", "b")
        await until(pilot, lambda: ended(app))
        assert "not yet" in text(app)
        await pilot.press("v")
        build = app.session.build
        await until(pilot, lambda: build.verified and not build.verifying)
        assert "110 entries and 48 sections read back" in text(app)

    await run("done", scenario)


async def test_problems_are_listed_in_full(run, until):
    async def scenario(app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: ended(app))
        await pilot.press("w")
        assert "2 problems" in text(app)
        assert "data/[a].bin: permission denied" in text(app)
        await pilot.press("y", "escape")
        assert app.clipboard.splitlines() == [
            "saves/slot2.sav: changed while being read",
            "data/[a].bin: permission denied",
        ]

    await run("done", scenario)


# -- leaving -----------------------------------------------------------------------


async def test_leaving_during_a_build_asks_once(half_built):
    async def scenario(app, pilot):
        await pilot.press("q")
        assert "Leave during a build?" in text(app)
        await pilot.press("n")
        assert app.is_running and app.session.build.active
        await pilot.press("q", "y")

    app = await half_built(scenario)
    assert app.return_code == 0


async def test_an_interrupt_leaves_with_its_code(run):
    async def scenario(app, pilot):
        await pilot.press("ctrl+c")

    assert (await run("done", scenario)).return_code == 130


async def test_a_second_interrupt_does_not_ask(half_built):
    async def scenario(app, pilot):
        await pilot.press("ctrl+c")
        assert app.is_running
        await pilot.press("ctrl+c")

    assert (await half_built(scenario)).return_code == 130


async def test_an_interrupt_works_in_a_dialog_and_while_typing(run):
    async def scenario(app, pilot):
        await pilot.press("p", "tab", "ctrl+c")

    assert (await run("done", scenario)).return_code == 130


async def test_no_process_outlives_the_app(half_built, fake_worker, monkeypatch):
    """Not even one that is told to stop and does not."""
    monkeypatch.setattr(runner, "STOP_PATIENCE_S", 0.1)
    command = (sys.executable, fake_worker.__file__, "stubborn")
    pids = []

    async def scenario(app, pilot):
        process = app.jobs._processes["build"]._process
        pids.append(process.pid)
        app.exit()

    launch = partial(runner.WorkerProcess, command=command)
    await half_built(scenario, launch=launch)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


async def test_small_terminals_show_the_result(run, until):
    async def scenario(app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: ended(app))
        for size in ((80, 24), (60, 20), (40, 12)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            card = app.screen.query_one(ResultCard)
            assert card.display and card.region.height > 3
            assert "139 MiB" in text(app)

    await run("done", scenario)
