"""The automaton of all rules against one regular expression per rule."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import rules as kernel
from dwarfsmith.engine.source.globs import Program, compile_rules, parse_glob
from dwarfsmith.engine.source.tree import Tree
from reference import rules as reference
from reference import trees

NAMES = st.text("abcD.*{ü\n\xff", min_size=1, max_size=4).map(
    lambda name: name.encode("latin-1")
)
FOLDERS = st.recursive(
    st.binary(max_size=3),
    lambda inside: st.dictionaries(NAMES, inside, max_size=5),
    max_leaves=25,
).map(lambda root: root if isinstance(root, dict) else {b"a": root})
PIECES = st.sampled_from(
    (
        *(b"a", b"b", b"c", b"D", b".", b"/", b"*", b"**", b"**/", b"/**/", b"?"),
        *(b"[ab]", b"[!a]", b"[a-c]", b"[.-c]", b"[!.-c]", b"[]a]", b"[!]a]", b"[-a]"),
        *(b"\\*", b"\\{", b"\\a", b"\\/", b"\xff", b"\n", b",", b"*.", b"/*", b"*/"),
    )
)
GLOBS = st.recursive(
    st.lists(PIECES, max_size=5).map(b"".join),
    lambda inside: (
        st.lists(inside, min_size=1, max_size=3).map(
            lambda some: b"{" + b",".join(some) + b"}"
        )
        | st.lists(inside, max_size=3).map(b"".join)
    ),
    max_leaves=5,
).filter(bool)
RULES = st.lists(st.tuples(st.booleans(), st.booleans(), GLOBS), max_size=8)

# Names in many combinations, so that patterns have something to match.
MANY = [b"a", b"b", b"ab", b"a.b", b"D", b"abc", b"*", b"{", b"\xff", b"a\nb", b"ba"]
SOME = [b"a", b"D", b"ab", b"c\n"]
THICKET = {
    **dict.fromkeys(MANY, b""),
    **{
        name + b"d": {
            **dict.fromkeys(MANY, b""),
            **{inner: dict.fromkeys(MANY[::2], b"") for inner in (b"Dd", b"ad\n")},
        }
        for name in SOME
    },
}


@pytest.fixture(scope="module")
def thicket() -> Tree:
    return trees.make_tree(THICKET)


def compiled(rules: list[tuple[bool, bool, bytes]]) -> Program:
    return compile_rules(
        (include, pattern.startswith(b"/"), parse_glob(pattern, ignore_case=ignore))
        for include, ignore, pattern in rules
    )


def decide(
    rules: list[tuple[bool, bool, bytes]], tree: Tree, **limits: int
) -> tuple[list[tuple[int, bool]], list[int]]:
    deciding = np.empty(len(tree), np.int32)
    included = np.empty(len(tree), np.bool_)
    matches = np.zeros(len(rules), np.int64)
    kernel.decide(
        compiled(rules),
        tree.parent,
        tree.is_directory.view(np.uint8),
        tree.name_start,
        tree.name_size,
        tree.text,
        deciding,
        included.view(np.uint8),
        matches,
        **limits,
    )
    decisions = list(zip(deciding.tolist(), included.tolist(), strict=True))
    assert decisions[0] == (-1, True)
    return decisions[1:], matches.tolist()


def entries_of(tree: Tree) -> list[tuple[bytes, bool]]:
    paths = trees.all_paths(tree)[1:]
    return list(zip(paths, tree.is_directory[1:].tolist(), strict=True))


@given(RULES, FOLDERS)
def test_decides_as_regular_expressions_do(rules, folder) -> None:
    tree = trees.make_tree(folder)
    assert decide(rules, tree)[0] == reference.decide(rules, entries_of(tree))


@given(RULES)
def test_decides_alike_in_a_thicket(thicket, rules) -> None:
    assert decide(rules, thicket)[0] == reference.decide(rules, entries_of(thicket))


@given(RULES, st.sampled_from([0, 200, 1000, 5000]))
def test_a_full_table_changes_nothing(thicket, rules, limit) -> None:
    limited = decide(rules, thicket, table_limit_bytes=limit)
    assert limited == decide(rules, thicket)


@settings(max_examples=30)
@given(RULES)
def test_counts_all_that_match_among_the_reached(thicket, rules) -> None:
    tree = thicket
    decisions, matches = decide(rules, tree)
    included = [True, *(included for _, included in decisions)]
    expected = [0] * len(rules)
    for entry in range(1, len(tree)):
        if included[tree.parent[entry]]:
            path = b"/" + tree.path(entry) + b"/" * bool(tree.is_directory[entry])
            for number, (_, ignore_case, pattern) in enumerate(rules):
                regex = reference.to_regex(pattern, ignore_case)
                expected[number] += regex.fullmatch(path) is not None
    assert matches == expected


@given(RULES, st.sampled_from(MANY), st.booleans())
def test_matching_names_every_rule(rules, path, directory) -> None:
    found = kernel.matching(compiled(rules), b"ad/" + path, directory)
    whole = b"/ad/" + path + b"/" * directory
    assert found == [
        number
        for number, (_, ignore_case, pattern) in enumerate(rules)
        if reference.to_regex(pattern, ignore_case).fullmatch(whole)
    ]


def test_time_and_memory_stay_bounded_where_backtracking_explodes() -> None:
    # Each `a` may be where the fixed end begins: 2^18 sets of positions.
    rules = [(False, False, b"*a" + b"?" * 18), (False, False, b"*a*a*a*a*a*a*a*a*z")]
    rng = np.random.default_rng(3)
    names = {bytes(rng.choice([97, 98], 200).astype(np.uint8)) for _ in range(2000)}
    tree = trees.make_tree(dict.fromkeys(sorted(names), b""))
    decisions, _ = decide(rules, tree, table_limit_bytes=1 << 16)
    expected = [
        (0, False) if name[-19] == ord("a") else (-1, True) for name in sorted(names)
    ]
    assert decisions == expected


def test_many_rules_and_states() -> None:
    names = [b"%05d" % (k * 7919 % 100_000) for k in range(3000)]
    tree = trees.make_tree(dict.fromkeys(names, b""))
    rules = [(False, False, b"*" + name[1:]) for name in names[::3]]
    ends = {pattern[1:]: k for k, (_, _, pattern) in reversed([*enumerate(rules)])}
    decisions, _ = decide(rules, tree)
    assert decisions == [
        (ends[name[1:]], False) if name[1:] in ends else (-1, True) for name in names
    ]


def test_no_rules_and_no_entries() -> None:
    assert decide([], trees.make_tree({b"a": b""})) == ([(-1, True)], [])
    assert decide([(False, False, b"*")], trees.make_tree({})) == ([], [0])


def test_refuses_columns_that_do_not_fit() -> None:
    tree = trees.make_tree({b"a": b""})
    columns = [
        tree.parent,
        tree.is_directory.view(np.uint8),
        tree.name_start,
        tree.name_size,
        tree.text,
        np.empty(len(tree), np.int32),
        np.empty(len(tree), np.uint8),
        np.zeros(0, np.int64),
    ]
    kernel.decide(compiled([]), *columns)
    for k in (1, 2, 3, 5, 6):
        short = [*columns]
        short[k] = short[k][:-1]
        with pytest.raises(ValueError, match="one length"):
            kernel.decide(compiled([]), *short)
    with pytest.raises(ValueError, match="one length"):
        kernel.decide(compiled([(True, False, b"a")]), *columns)
    with pytest.raises(ValueError, match="earlier parent"):
        kernel.decide(compiled([]), np.array([0, 1], np.int32), *columns[1:])


@pytest.mark.parametrize("column", ["follow", "accept", "set_of", "class_of"])
def test_refuses_programs_that_lead_astray(column: str) -> None:
    program = compiled([(True, False, b"abc")])
    getattr(program, column)[-1] = 99
    with pytest.raises(ValueError, match="expected"):
        kernel.matching(program, b"abc", False)


@given(FOLDERS, st.booleans())
def test_lines(folder, signed) -> None:
    tree = trees.make_tree(folder)
    sign = np.arange(len(tree), dtype=np.uint8) % 2 if signed else np.empty(0, np.uint8)
    chosen = np.arange(1, len(tree), 2, dtype=np.int32)[::-1].copy()
    found = kernel.lines(
        chosen,
        sign,
        b"/some/where",
        tree.parent,
        tree.is_directory.view(np.uint8),
        tree.name_start,
        tree.name_size,
        tree.text,
    )
    expected = [
        (b"+ " if signed else b"")
        + b"/some/where/"
        + tree.path(int(entry))
        + (b"/\n" if tree.is_directory[entry] else b"\n")
        for entry in chosen
    ]
    assert found == b"".join(expected)  # odd entries: sign 1


def test_lines_refuses_the_root_and_what_is_not_there() -> None:
    tree = trees.make_tree({b"a": b""})
    for entries in itertools.chain([[0], [2], [-1]]):
        with pytest.raises(IndexError, match="expected an entry below 2"):
            kernel.lines(
                np.array(entries, np.int32),
                np.empty(0, np.uint8),
                b"/",
                tree.parent,
                tree.is_directory.view(np.uint8),
                tree.name_start,
                tree.name_size,
                tree.text,
            )
