"""The time left: a range, only once it means something."""

import pytest

from dwarfsmith.tui.model.eta import Eta, rounded


def run(eta, rate, until, start=0, total=1000.0, done=0.0):
    """Feed steady progress, one sample a second; return what is done."""
    for second in range(start, until):
        eta.update(second, done, total)
        done += rate
    return done


def test_nothing_is_said_at_first():
    eta = Eta()
    run(eta, 10, 4)
    assert eta.range(4) is None


def test_steady_work_gives_a_narrow_range_around_the_truth():
    eta = Eta()
    done = run(eta, 10, 40)
    soonest, latest = eta.range(39)
    truth = (1000 - done + 10) / 10
    assert soonest <= truth <= latest
    assert latest - soonest <= 0.3 * truth


def test_it_counts_down_between_samples():
    eta = Eta()
    run(eta, 10, 40)
    first, later = eta.range(40), eta.range(45)
    assert later[0] <= first[0] and later[1] <= first[1]
    assert later[0] <= first[0] - 5 + 1


def test_a_change_of_pace_widens_the_range():
    eta = Eta()
    done = run(eta, 10, 40)
    steady = eta.range(39)
    run(eta, 2, 70, start=40, done=done)
    slower = eta.range(69)
    assert slower[1] - slower[0] > steady[1] - steady[0]


def test_nothing_is_said_without_a_total_or_without_progress():
    eta = Eta()
    run(eta, 10, 40, total=None)
    assert eta.range(40) is None
    stalled = Eta()
    done = run(stalled, 10, 20)
    run(stalled, 0, 60, start=20, done=done)
    assert stalled.range(60) is None


def test_two_jumps_are_no_pace():
    eta = Eta()
    for second in range(30):
        eta.update(second, 400.0 if second > 20 else 200.0 if second > 10 else 0, 1000)
    assert eta.range(30) is None


def test_more_than_a_sample_a_second_is_ignored():
    busy, calm = Eta(), Eta()
    for tick in range(400):
        busy.update(tick / 10, tick, 1000)
    for second in range(40):
        calm.update(second, second * 10, 1000)
    assert busy.range(40) == calm.range(40)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, 0), (29.6, 30), (33, 35), (61, 60), (133, 135), (700, 720), (4000, 3900)],
)
def test_it_is_said_in_round_steps(seconds, said):
    assert rounded(seconds) == said
