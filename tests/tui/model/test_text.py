"""Text that fits, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.tui.model import text

PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60)


def test_a_long_path_loses_its_middle():
    path = "a/very/long/path/to/somewhere/deep/world2.pak"
    short = text.elide_middle(path, 24, "…")
    assert text.width(short) == 24
    assert short.startswith("a/very/") and short.endswith("world2.pak")


def test_what_fits_stays_as_it_is():
    assert text.elide_middle("short", 5, "…") == "short"
    assert text.elide_end("short", 5, "…") == "short"


@given(PRINTABLE, st.integers(0, 40), st.sampled_from("…~"))
def test_elided_text_always_fits(words, cells, mark):
    assert text.width(text.elide_middle(words, cells, mark)) <= cells
    assert text.width(text.elide_end(words, cells, mark)) <= cells


@given(PRINTABLE, st.integers(0, 40))
def test_fitted_text_is_exactly_as_wide_as_asked(words, cells):
    assert text.width(text.fit(words, cells)) == cells


def test_wide_characters_count_twice():
    assert text.width("日本") == 4
    assert text.elide_end("日本語", 4, "…") == "日…"
    assert text.fit("日本", 3) == "日 "


def test_numbers_align_on_the_right_and_are_never_cut():
    assert text.right("12", 4) == "  12"
    assert text.right("123456", 4) == "123456"


@pytest.mark.parametrize("cells", [5, 9, 30])
def test_a_folded_path_keeps_to_its_lines(cells):
    folded = text.wrap_path("some/path/that/is/rather/long/name.txt", cells, 3, "…")
    assert len(folded) <= 3
    assert all(text.width(part) <= cells for part in folded)


def test_plain_ascii_escapes_the_rest():
    assert text.plain_ascii("größe-日") == "gr\\xf6\\xdfe-\\u65e5"
