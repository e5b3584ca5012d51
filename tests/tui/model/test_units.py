"""Numbers as people read them."""

import pytest

from dwarfsmith.tui.model import units


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1024, "1.00 KiB"),
        (10_239, "10.0 KiB"),
        (10_240, "10.0 KiB"),
        (102_399, "100 KiB"),
        (1_023_488, "0.98 MiB"),
        (1 << 20, "1.00 MiB"),
        (48_211_904, "46.0 MiB"),
        (1_525_000_000, "1.42 GiB"),
        (1 << 63, "8.00 EiB"),
        (None, "·"),
    ],
)
def test_sizes_have_three_digits_and_a_binary_unit(count, words):
    assert units.size(count) == words


def test_no_size_has_more_than_three_significant_digits():
    for count in (*range(0, 3000, 7), *(3**n for n in range(40))):
        digits = units.size(count).split()[0].replace(".", "").lstrip("0")
        assert len(digits) <= 3


def test_powers_are_whole():
    assert [units.power(bits) for bits in (10, 20, 24, 26, 30)] == [
        "1 KiB",
        "1 MiB",
        "16 MiB",
        "64 MiB",
        "1 GiB",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 10, "0 %"),
        (1, 100_000, "<0.1 %"),
        (1, 1000, "0.1 %"),
        (99, 1000, "9.9 %"),
        (995, 10_000, "10 %"),
        (18, 100, "18 %"),
        (9999, 10_000, "99.9 %"),
        (10, 10, "100 %"),
        (5, 0, "·"),
    ],
)
def test_percentages_never_claim_all_or_nothing_too_early(part, whole, words):
    assert units.percent(part, whole) == words


def test_a_ratio_says_what_it_is_of():
    assert units.of_original(18, 100) == "18 % of original, saved 82 %"
    assert units.of_original(104, 100) == "104 % of original, 4.0 % larger"
    assert units.of_original(5, 0) == "·"


@pytest.mark.parametrize(
    ("seconds", "running", "finished"),
    [
        (0, "0:00", "0 ms"),
        (0.0421, "0:00", "42 ms"),
        (4.21, "0:04", "4.2 s"),
        (42.4, "0:42", "42 s"),
        (59.7, "0:59", "1 min 00 s"),
        (185, "3:05", "3 min 05 s"),
        (3785, "1:03:05", "1 h 03 min"),
    ],
)
def test_time_runs_as_a_clock_and_ends_with_units(seconds, running, finished):
    assert units.clock(seconds) == running
    assert units.span(seconds) == finished


def test_counts_agree_with_their_word():
    assert units.counted(1, "entry", "entries") == "1 entry"
    assert units.counted(90_274, "entry", "entries") == "90,274 entries"
    assert units.exact(1) == "1 byte"
    assert units.exact(48_211_904) == "48,211,904 bytes"


def test_a_time_beyond_the_calendar_is_still_told():
    assert units.moment((1 << 62) * 1000) == f"{(1 << 62) * 1000 // 10**9} s since 1970"


def test_unknown_is_never_zero():
    assert {units.size(None), units.rate(None), units.number(None)} == {"·"}
    assert units.clock(None) == "·"
