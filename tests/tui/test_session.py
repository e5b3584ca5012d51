"""The state of the app, without the app."""

import os

from dwarfsmith.engine import events
from dwarfsmith.tui.model.settings import Settings
from dwarfsmith.tui.session import Session, home_relative


def test_settings_become_the_first_plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session(settings=Settings(level=3, workers=2, reproducible=True))
    plan = session.open(b"/srv/tux")
    assert (plan.level, plan.workers, plan.output) == (3, 2, b"tux.dwarfs")
    assert not plan.create_timestamp and not plan.history
    assert session.settings.recent == ("/srv/tux",)


def test_a_level_no_release_has_is_not_taken():
    assert Session(settings=Settings(level=77)).open(b"/srv/tux").level == 7


def test_what_is_chosen_is_the_default_for_the_next_input():
    session = Session()
    plan = session.open(b"/srv/tux")
    changes = {"level": 2, "keep_all_times": True, "verify": False}
    session.choose(type(plan)(input=plan.input, output=plan.output, **changes))
    other = session.open(b"/srv/other")
    assert (other.level, other.keep_all_times, other.verify) == (2, True, False)
    assert other.output.endswith(b"other.dwarfs")


def test_sorting_by_the_same_again_turns_the_order():
    session = Session()
    assert (session.sort, session.descending) == ("size", True)
    session.sort_by("size")
    assert (session.sort, session.descending) == ("size", False)
    session.sort_by("name")
    assert (session.sort, session.descending) == ("name", False)
    session.sort_by("files")
    assert (session.sort, session.descending) == ("files", True)


def test_events_reach_the_job_they_belong_to():
    session = Session()
    session.begin_scan()
    session.begin_build(session.open(b"/srv/tux"))
    session.begin_scan()
    session.apply("scan", events.Problem(message="unreadable", path="a"))
    session.apply("build", events.Problem(message="changed", path="b"))
    session.apply("build", events.Problem(message="changed", path="c"))
    assert (session.scan.problems, session.build.problems) == (1, 2)
    assert session.busy
    session.apply("scan", events.Finished(exit_code=0))
    session.apply("build", events.Failed(message="no", exit_code=1))
    assert not session.busy


def test_the_home_folder_is_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/tux")
    assert home_relative(b"/home/tux/games") == "~/games"
    assert home_relative(b"/home/tux") == "~"
    assert home_relative(b"/home/tuxedo") == "/home/tuxedo"
    assert home_relative(os.fsencode("/home/tux/\udcff")) == r"~/\xff"
