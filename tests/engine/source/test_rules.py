"""Filter rules: what they match, what they decide and why, and how they fail."""

import itertools
import os
import stat

import numpy as np
import pytest

from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.source.debug_filter import MODES, debug_lines
from dwarfsmith.engine.source.prune import select, without_empty_directories
from dwarfsmith.engine.source.rules import (
    NO_RULE,
    Merge,
    Origin,
    Rule,
    RuleError,
    Rules,
    load_rules,
    parse_rule,
)
from dwarfsmith.engine.source.tree import ROW, Tree
from reference.trees import all_paths, entry_of, make_tree

# A rule, paths it matches, paths it does not; those of directories end with a slash.
MATCHES = [
    # Floating: the last names of a path, whatever is above.
    ("- a", "a  b/a  b/c/a", "b  ab  ba  a/  a/b  A"),
    ("- a.txt", "a.txt  d/a.txt", "axtxt  a.txt/  a.txt.gz  ba.txt"),
    ("- d/a", "d/a  c/d/a", "a  bd/a  d/b/a  d/a/  d/ab"),
    ("- d/e/a", "d/e/a  x/y/d/e/a", "e/a  d/a"),
    ("- a b", "a b  c d/a b", "a  b"),
    ("-   a", "a", "b"),
    ("- a ", "a\N{SPACE}", "a"),
    # Anchored: the whole path.
    ("- /a", "a", "b/a  a/"),
    ("- /d/a", "d/a", "a  c/d/a  d/a/"),
    ("- /*", "a  .a", "d/a  d/"),
    ("- /d/*", "d/a", "d/e/a  d/e/"),
    ("- /*/a", "d/a", "a  d/e/a"),
    ("- /**", "a  d/a  d/e/a  d/", ""),
    ("- /d/**", "d/a  d/e/a  d/e/  d/", "a  c/d/a"),
    ("- /", "", "a  d/"),
    # A slash at the end: directories, and only those.
    ("- d/", "d/  c/d/", "d  cd/  d/a  dd/"),
    ("- /d/", "d/", "c/d/  d"),
    ("- d/e/", "d/e/  c/d/e/", "e/  d/x/e/"),
    ("- */", "d/  c/d/", "a  d/a"),
    ("- /*/", "d/", "c/d/  a"),
    ("- .*/", ".git/  a/.cache/", ".git  git/"),
    ("- *", "a  d/a  .a", "d/  c/d/"),
    # One star stays in a component; a whole component is not empty.
    ("- *.c", "a.c  .c  d/a.c", "a.h  a.c.o  a.c/"),
    ("- a*", "a  ab  a.b  d/ab", "ba  b"),
    ("- *a*", "a  bab  d/ba", "b  a/b"),
    ("- a*b*c", "abc  axbxc  aabbcc", "acb  ab  axb"),
    ("- d/*", "d/a  c/d/a", "d/  d/e/  d/e/a"),
    ("- d*/a", "d/a  dx/a  c/dy/a", "a  d/x/a"),
    ("- /d*e", "de  dxe", "d/e  c/de"),
    ("- *.*", "a.b  .b  a.", "ab"),
    ("- ***", "a  d/a  d/", ""),
    # Two stars reach over slashes.
    ("- **", "a  d/a  d/", ""),
    ("- /d**", "d  d/  d/a  dx/y/z", "a  c/d"),
    ("- /d**/a", "d/a  d/e/a  dx/a", "a  c/d/a  d/b"),
    ("- d/**/a", "d/a  d/e/a  c/d/e/f/a", "a  c/a"),
    ("- /d/**/a", "d/a  d/e/a  d/e/f/a", "a  c/d/a"),
    ("- **/a", "a  d/a  d/e/a", "b  a/"),
    ("- /**/a", "a  d/a", "b  a/"),
    ("- **.c", "a.c  d/a.c", "a.h  a.c/"),
    ("- a**b", "ab  axb  a/b  ax/y/zb", "a  b  ba"),
    ("- d/**", "d/a  d/  c/d/e/a", "a  dd/a"),
    # `**/` at the start of a component stands for `**`: the name may begin earlier.
    ("- d/**/a", "d/xa  d/e/xa", "xa"),
    ("- **/d/", "d/  c/d/  cd/", "d  dc/"),
    ("- **/", "a  d/  d/a", ""),
    ("- x**/a", "x/a  xy/a  x/y/a  c/xd/a", "a  xa"),
    ("- {**/,b}a", "ba  d/a  d/e/a", "b"),
    # One byte.
    ("- ?", "a  d/b", "ab  d/  "),
    ("- a?c", "abc  a.c", "ac  abbc  a/c"),
    ("- ??", "ab  ü", "a  abc"),
    ("- /?/", "d/", "dd/  d"),
    # Sets.
    ("- [ab]", "a  b  d/a", "c  ab  A"),
    ("- [a-c]", "a  b  c", "d  -  A"),
    ("- [a-c-e]", "b  -  e", "d"),
    ("- [-a]", "-  a", "b"),
    ("- [a-]", "-  a", "b"),
    ("- []a]", "]  a", "b  ]a"),
    ("- [[]", "[", "]"),
    ("- [^a]", "^  a", "b"),
    ("- [\\a]", "\\  a", "b"),
    ("- [*?]", "*  ?", "a"),
    ("- [{]", "{", "a"),
    ("- [a,b]", "a  ,", "c"),
    ("- [!a]", "b  !  d/b", "a  ab"),
    ("- [!a-c]", "d  -", "a  b  c"),
    ("- [!!]", "a", "!"),
    ("- [!]]", "a", "]"),
    ("- [!]a]", "b", "]  a"),
    ("- [!-a]", "b", "-  a"),
    ("- x[!0-9]", "xa", "x1  x"),
    ("- x[!0-9]y", "xay  x/y", "x1y"),
    ("- [.-0]", "0  d/0", "1  d/"),
    ("- d[.-0]a", "d.a  d0a", "d/a"),
    ("- d[!.-0]a", "d/a  dxa", "d.a"),
    ("- [a-b][0-9].c", "a1.c  b9.c", "c1.c  a.c  a10.c"),
    # Alternatives.
    ("- {a,b}", "a  b  d/a", "c  ab  a,b"),
    ("- *.{c,h}", "a.c  a.h", "a.o  a.ch"),
    ("- a{b,}c", "abc  ac", "abbc"),
    ("- a{,b,cd}e", "ae  abe  acde", "ace"),
    ("- {a,{b,c}d}", "a  bd  cd", "b  d  ad"),
    ("- {a}", "a", "{a}"),
    ("- {}", "d/", "a"),
    ("- {a/b,c}", "a/b  c  d/a/b", "a  b"),
    ("- {d/,}a", "d/a  a  c/a", "d"),
    ("- /{d,e}/*.c", "d/a.c  e/a.c", "f/a.c  d/x/a.c  c/d/a.c"),
    ("- {*.c,b?}", "a.c  b1", "b  a.h"),
    ("- {[ab],x*}", "a  b  x  xy", "c"),
    ("- {d,e}/", "d/  e/  c/e/", "d  f/"),
    ("- a{/,}", "a  a/", "b  ab"),
    ("- a,b", "a,b", "a  b"),
    ("- {/a}", "", "a  d/a"),
    ("- {*}", "d/  a", ""),
    # Backslashes.
    ("- \\*", "*", "a"),
    ("- \\?", "?", "a"),
    ("- \\[a]".replace("]", "\\]"), "[a]", "a"),
    ("- \\{a,b\\}", "{a,b}", "a  b"),
    ("- {a\\,b,c}", "a,b  c", "a  b"),
    ("- \\a", "a", "\\a"),
    ("- \\\\", "\\", "\\\\"),
    ("- d\\/a", "d/a", "a"),
    ("- \\/a", "", "a  d/a"),
    # Other characters stand for themselves.
    ("- a.c", "a.c", "abc"),
    ("- a+", "a+", "a  aa"),
    ("- (a|b)", "(a|b)", "a  b"),
    ("- ^a$", "^a$", "a"),
    ("- #a", "#a", "a"),
    ("- a\tb", "a\tb", "a b"),
    ("- ü", "ü  d/ü", "u  Ü"),
    ("- ü*", "ü  üa", "a"),
    # Line ends: a star goes over them, two stars do not.
    ("- a*b", "a\nb  a\rb", ""),
    ("- a**b", "a.b", "a\nb  a\rb"),
    ("- a?b", "a\nb", ""),
    ("- [!x]", "\n", ""),
    ("- c", "c", "a\nb/c"),
    ("- /*/c", "a\nb/c", ""),
    # Case.
    ("-i a", "a  A  d/A", "b"),
    ("-i A.Txt", "a.txt  A.TXT", "b.txt"),
    ("-ii a", "A", "b"),
    ("+i a", "A", "b"),
    ("-i /D/", "d/  D/", "d  c/D/"),
    ("-i [a-c]x", "Ax  bX  CX", "dx"),
    ("-i [A-C]", "a  C", "d"),
    ("-i [!a]", "b  B", "a  A"),
    ("-i {a,B}", "A  b", "c"),
    ("-i \\A", "a", "b"),
    ("-i [Z-a]", "z  Z  a  A  _", "b  B"),
    ("-i ü", "ü  Ü", "u"),
    ("-i STRASSE", "strasse", "straße"),
    ("-i ж*", "Ж  жук", "з"),
    ("-i Σ", "σ  Σ", "s"),
    ("- a", "a", "A"),
]
CASES = [
    (rule, path, expected)
    for rule, matched, others in MATCHES
    for paths, expected in ((matched, True), (others, False))
    for path in paths.split("  ")
    if path
]


@pytest.mark.parametrize(("rule", "path", "expected"), CASES)
def test_matches(rule: str, path: str, expected: bool) -> None:
    rules = load_rules([rule.encode()])
    name = path.removesuffix("/").encode()
    assert bool(rules.matching(name, is_directory=path.endswith("/"))) is expected


def test_raw_bytes_match_themselves() -> None:
    rules = load_rules([b"- \xff", b"- [\xfe]x", b"-i \xc3\xff", b"-i \xc3[\xbc]"])
    assert rules.matching(b"\xff", is_directory=False) == (0,)
    assert rules.matching(b"\xfex", is_directory=False) == (1,)
    assert rules.matching(b"\xc3\xff", is_directory=False) == (2,)
    assert rules.matching("ü".encode(), is_directory=False) == (3,)
    assert rules.matching("Ü".encode(), is_directory=False) == ()


ERRORS = [
    ("", "empty filter rule"),
    (" ", "no pattern in filter rule:  "),
    ("+", "invalid filter rule: +"),
    ("-", "invalid filter rule: -"),
    ("--", "invalid filter rule: --"),
    ("+ ", "no pattern in filter rule: + "),
    ("-  ", "no pattern in filter rule: -  "),
    ("-i", "invalid filter rule: -i"),
    ("-i ", "no pattern in filter rule: -i "),
    ("-x", "invalid filter rule: -x"),
    ("-x a", "unknown option 'x' in filter rule: -x a"),
    ("-ix a", "unknown option 'x' in filter rule: -ix a"),
    ("+- a", "unknown option '-' in filter rule: +- a"),
    ("-\ta", "invalid filter rule: -\\ta"),
    ("- i", None),
    ("a", "invalid filter rule: a"),
    ("*", "invalid filter rule: *"),
    ("* a", "rules must start with + or -"),
    ("# a", "rules must start with + or -"),
    ("include a", "rules must start with + or -"),
    ("a ", "no pattern in filter rule: a "),
    (" - a", "no prefix in filter rule:  - a"),
    ("\t- a", "rules must start with + or -"),
    (".", "no file specified in merge rule: ."),
    (". ", "no file specified in merge rule: . "),
    ("- [", "unmatched '[' in pattern: ["),
    ("- [a", "unmatched '[' in pattern: [a"),
    ("- []", "unmatched '[' in pattern: []"),
    ("- [!", "unmatched '[' in pattern: [!"),
    ("- [!]", "unmatched '[' in pattern: [!]"),
    ("- {[}", "unmatched '[' in pattern: {[}"),
    ("- ]", "unmatched ']' in pattern: ]"),
    ("- a]b", "unmatched ']' in pattern: a]b"),
    ("- [[:alpha:]]", "unmatched ']' in pattern: [[:alpha:]]"),
    ("- [\\]]", "unmatched ']' in pattern: [\\]]"),
    ("- {", "unmatched '{' in pattern: {"),
    ("- {a", "unmatched '{' in pattern: {a"),
    ("- {a,{b}", "unmatched '{' in pattern: {a,{b}"),
    ("- }", "unmatched '}' in pattern: }"),
    ("- {a}}", "unmatched '}' in pattern: {a}}"),
    ("- [c-a]", "invalid range 'c-a' in character class in pattern: [c-a]"),
    ("- [!c-a]", "invalid range 'c-a' in character class in pattern: [!c-a]"),
    ("- [c-a", "invalid range 'c-a' in character class in pattern: [c-a"),
    ("- [a-ü]", "invalid range 'a-\\xc3' in character class in pattern: [a-ü]"),
    ("- [/]", "invalid character '/' in character class in pattern: [/]"),
    ("- [a/b]", "invalid character '/' in character class in pattern: [a/b]"),
    ("- [!/]", "invalid character '/' in character class in pattern: [!/]"),
    ("- [/-0]", "invalid character '/' in character class in pattern: [/-0]"),
    ("- [+-/]", "invalid character '/' in character class in pattern: [+-/]"),
    ("- [a/", "invalid character '/' in character class in pattern: [a/"),
    ("- \\", "trailing backslash in pattern: \\"),
    ("- a\\", "trailing backslash in pattern: a\\"),
    ("- {a\\", "trailing backslash in pattern: {a\\"),
]


@pytest.mark.parametrize(("text", "reason"), ERRORS)
def test_errors(text: str, reason: str | None) -> None:
    if reason is None:
        assert isinstance(parse_rule(text.encode()), Rule)
        return
    with pytest.raises(RuleError) as caught:
        load_rules([b"+ fine", text.encode()])
    shown = text.replace("\t", "\\t")
    assert str(caught.value) == f"could not parse filter rule '{shown}': {reason}"
    assert caught.value.reason == reason
    assert caught.value.rule == text.encode()
    assert caught.value.origin == Origin((2,))
    assert isinstance(caught.value, UsageError)
    with pytest.raises(RuleError, match="could not parse filter rule"):
        parse_rule(text.encode())


def test_deep_braces_are_no_problem() -> None:
    deep = b"{" * 5000 + b"a" + b"}" * 5000
    rules = load_rules([b"- " + deep])
    assert rules.matching(b"a", is_directory=False) == (0,)
    assert rules.matching(b"b", is_directory=False) == ()


TREE = {
    b"a": b"1",
    b"b.c": b"22",
    b"cache": {b"x": b"333", b"sub": {b"y.c": b"4444"}, b"keep": b""},
    b"src": {b"b.c": b"55555", b"a": b"", b"cache": {b"z": b"666666"}},
    b"void": {b"inner": {}},
}


@pytest.fixture
def tree() -> Tree:
    return make_tree(TREE)


def included(tree: Tree, *texts: bytes) -> set[bytes]:
    decisions = load_rules(texts).evaluate(tree)
    return {
        path
        for path, kept in zip(all_paths(tree), decisions.included, strict=True)
        if kept
    } - {b""}


EVERYTHING = set(all_paths(make_tree(TREE))) - {b""}
CACHE = {path for path in EVERYTHING if path.startswith(b"cache")}
INNER_CACHE = {path for path in EVERYTHING if path.startswith(b"src/cache")}


@pytest.mark.parametrize(
    ("texts", "gone"),
    [
        ([], set()),
        ([b"+ *"], set()),
        ([b"- nothing"], set()),
        ([b"- cache/"], CACHE | INNER_CACHE),
        ([b"- /cache/"], CACHE),
        ([b"- cache"], set()),
        ([b"+ /cache/", b"- cache/"], INNER_CACHE),
        # No parents are included for the sake of what they contain.
        ([b"+ y.c", b"- cache/"], CACHE | INNER_CACHE),
        ([b"+ */", b"+ *.c", b"- *"], EVERYTHING - {b"b.c", b"src/b.c", b"src", b"void", b"void/inner", b"cache", b"cache/sub", b"cache/sub/y.c", b"src/cache"}),
        # The first rule that matches decides.
        ([b"- *.c", b"+ b.c"], {b"b.c", b"src/b.c", b"cache/sub/y.c"}),
        ([b"+ b.c", b"- *.c"], {b"cache/sub/y.c"}),
        ([b"+ /b.c", b"- *.c"], {b"src/b.c", b"cache/sub/y.c"}),
        # `*` is no directory.
        ([b"- *"], {b"a", b"b.c", b"cache/x", b"cache/sub/y.c", b"cache/keep", b"src/b.c", b"src/a", b"src/cache/z"}),
        ([b"- **"], EVERYTHING),
        ([b"- */"], EVERYTHING - {b"a", b"b.c"}),
        ([b"- /cache/**", b"+ *"], CACHE),
        ([b"- /cache/*"], {b"cache/x", b"cache/keep"}),
        ([b"+ /cache/", b"+ /cache/keep", b"- /cache/**"], CACHE - {b"cache", b"cache/keep"}),
        ([b"-i B.C"], {b"b.c", b"src/b.c"}),
        ([b"- inner/"], {b"void/inner"}),
    ],
)  # fmt: skip
def test_selects(tree, texts, gone) -> None:
    assert included(tree, *texts) == EVERYTHING - gone


def test_decisions_say_why_and_how_much(tree) -> None:
    rules = load_rules(
        [b"+ keep", b"- /cache/", b"- *.tmp", b"- z", b"- *.c", b"- b.*", b"- y.c"]
    )
    found = rules.evaluate(tree)
    deciding = dict(zip(all_paths(tree), found.deciding.tolist(), strict=True))
    assert deciding == {
        b"": NO_RULE,
        b"a": NO_RULE,
        b"b.c": 4,
        b"cache": 1,
        b"cache/x": 1,
        b"cache/sub": 1,
        b"cache/sub/y.c": 1,
        b"cache/keep": 1,
        b"src": NO_RULE,
        b"src/b.c": 4,
        b"src/a": NO_RULE,
        b"src/cache": NO_RULE,
        b"src/cache/z": 3,
        b"void": NO_RULE,
        b"void/inner": NO_RULE,
    }
    # One for each rule, the last for no rule.
    assert found.totals.decided.tolist() == [0, 1, 0, 1, 2, 0, 0, 6]
    assert found.totals.entries.tolist() == [0, 5, 0, 1, 2, 0, 0, 6]
    assert found.totals.files.tolist() == [0, 3, 0, 1, 2, 0, 0, 2]
    assert found.totals.size_bytes.tolist() == [0, 7, 0, 6, 7, 0, 0, 1]
    assert found.matches.tolist() == [0, 1, 0, 1, 2, 2, 0]
    assert found.dead.tolist() == [True, False, True, False, False, False, True]
    assert found.shadowed.tolist() == [False] * 5 + [True, False]
    inside = set(CACHE) - {b"cache"}
    assert {
        p for p, r in zip(all_paths(tree), found.reached, strict=True) if not r
    } == inside


def test_explains_from_the_top(tree) -> None:
    rules = load_rules([b"+ x", b"- sub/", b"- *.c", b"- y.*"])
    verdicts = rules.explain(b"cache/sub/y.c", is_directory=False)
    assert [(v.path, v.is_directory, v.deciding, v.included) for v in verdicts] == [
        (b"cache", True, NO_RULE, True),
        (b"cache/sub", True, 1, False),
    ]
    verdicts = rules.explain(b"/src/y.c", is_directory=False)
    assert verdicts[-1].path == b"src/y.c"
    assert verdicts[-1].deciding == 2
    assert verdicts[-1].matching == (2, 3)
    assert not verdicts[-1].included
    assert [v.deciding for v in rules.explain(b"d/x", is_directory=False)] == [-1, 0]
    assert rules.explain(b"sub/", is_directory=True)[0].deciding == 1


def test_explains_as_it_evaluates(tree) -> None:
    rules = load_rules(
        [b"- sub/", b"+ b.c", b"- *.c", b"- /src/cache/", b"- **/inner/"]
    )
    found = rules.evaluate(tree)
    for entry in range(1, len(tree)):
        verdict = rules.explain(
            tree.path(entry), is_directory=bool(tree.is_directory[entry])
        )[-1]
        assert verdict.deciding == found.deciding[entry]
        assert verdict.included == found.included[entry]


def test_no_rules(tree) -> None:
    found = Rules().evaluate(tree)
    assert found.included.all()
    assert (found.deciding == NO_RULE).all()
    assert found.totals.entries.tolist() == [len(tree) - 1]


class TestFiles:
    """Rules from files."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)

    @staticmethod
    def write(name: str, text: str) -> None:
        with open(name, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def test_rules_know_where_they_were_written(self) -> None:
        self.write("outer", "# comment\n\n- *.o\n  \t\n. inner\n+ *.c\n")
        self.write("inner", "- a\n#\n-i b")
        rules = load_rules([b"+ first", b".outer", b"- last"])
        found = [
            (line.text, line.origin.label, str(line.origin)) for line in rules.lines
        ]
        assert found == [
            (b"+ first", "1", "rule 1"),
            (b".outer", "2", "rule 2"),
            (b"- *.o", "2.1", "outer:3"),
            (b". inner", "2.2", "outer:5"),
            (b"- a", "2.2.1", "inner:1"),
            (b"-i b", "2.2.2", "inner:3"),
            (b"+ *.c", "2.3", "outer:6"),
            (b"- last", "3", "rule 3"),
        ]
        assert [rule.pattern for rule in rules] == [b"first", b"*.o", b"a", b"b", b"*.c", b"last"]  # fmt: skip
        assert [rule.include for rule in rules] == [True, False, False, False, True, False]  # fmt: skip
        assert rules.lines[3] == Merge(
            b". inner", b"inner", Origin((2, 2), b"outer", 5)
        )
        assert rules[3].ignore_case
        assert rules[1:3] == (rules[1], rules[2])

    def test_files_are_looked_for_from_the_current_folder(self) -> None:
        os.mkdir("sub")
        self.write("sub/outer", ". inner\n")
        self.write("sub/inner", "- wrong\n")
        self.write("inner", "- right\n")
        assert [rule.pattern for rule in load_rules([b".   sub/outer"])] == [b"right"]

    def test_one_file_may_be_named_again(self) -> None:
        self.write("twice", "- a\n")
        self.write("outer", ". twice\n. twice\n")
        assert len(load_rules([b". outer", b". twice"])) == 3

    def test_an_empty_file_has_no_rules(self) -> None:
        self.write("empty", "\n#\n")
        assert list(load_rules([b". empty"])) == []

    def test_patterns_are_the_rest_of_the_line(self) -> None:
        self.write("odd", "- a \n- b\r\n-  c d")
        patterns = [rule.pattern for rule in load_rules([b". odd"])]
        assert patterns == [b"a ", b"b\r", b"c d"]

    @pytest.mark.parametrize(
        ("files", "reason", "where"),
        [
            ({"one": ". one"}, "recursion detected while opening file: one", "one:1"),
            (
                {"one": "- a\n. two", "two": ". three", "three": "\n. one"},
                "recursion detected while opening file: one",
                "three:2",
            ),
            (
                {"one": ". ./one"},
                "recursion detected while opening file: ./one",
                "one:1",
            ),
            ({"one": ". no"}, "cannot open 'no': No such file or directory", "one:1"),
            ({"one": "\n\n- ["}, "unmatched '[' in pattern: [", "one:3"),
            ({"one": "# fine\n  # not"}, "no prefix in filter rule:   # not", "one:2"),
            (
                {"one": ". two", "two": "- a\nfoo"},
                "invalid filter rule: foo",
                "two:2",
            ),
            ({"one": "."}, "no file specified in merge rule: .", "one:1"),
        ],
    )
    def test_errors_name_the_rule_given_and_the_line(
        self, files, reason, where
    ) -> None:
        for name, text in files.items():
            self.write(name, text)
        with pytest.raises(RuleError) as caught:
            load_rules([b"+ fine", b". one"])
        assert str(caught.value) == (
            f"could not parse filter rule '. one': {reason}, at {where}"
        )
        assert str(caught.value.origin) == where

    def test_a_missing_file(self) -> None:
        with pytest.raises(RuleError) as caught:
            load_rules([b". no/such"])
        assert str(caught.value) == (
            "could not parse filter rule '. no/such': "
            "cannot open 'no/such': No such file or directory"
        )

    def test_a_folder_is_no_file(self) -> None:
        os.mkdir("sub")
        with pytest.raises(RuleError, match="cannot open 'sub': Is a directory"):
            load_rules([b". sub"])


class TestDebugLines:
    """The lines of `--debug-filter`."""

    RULES = (b"- /cache/", b"+ b.c", b"- *")

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            (
                "all",
                "- a,+ b.c,- cache/,+ src/,+ void/,+ src/b.c,"
                "- src/a,+ src/cache/,- src/cache/z,+ void/inner/",
            ),
            ("files", "- a,+ b.c,+ src/b.c,- src/a,- src/cache/z"),
            ("included", "b.c,src/,void/,src/b.c,src/cache/,void/inner/"),
            ("included-files", "b.c,src/b.c"),
            ("excluded", "a,cache/,src/a,src/cache/z"),
            ("excluded-files", "a,src/a,src/cache/z"),
        ],
    )
    def test_modes(self, tree, mode, expected) -> None:
        found = b"".join(debug_lines(tree, load_rules(self.RULES).evaluate(tree), mode))
        signed = mode in ("all", "files")
        lines = [
            f"{line[:2]}/none/{line[2:]}\n" if signed else f"/none/{line}\n"
            for line in expected.split(",")
        ]
        assert found.decode() == "".join(lines)

    def test_unknown_mode(self, tree) -> None:
        assert len(MODES) == 6
        with pytest.raises(UsageError, match="invalid filter debug mode 'x'"):
            list(debug_lines(tree, Rules().evaluate(tree), "x"))

    def test_the_top_folder_has_one_slash(self) -> None:
        tree = make_tree({b"a": b""}, Tree(b"/"))
        assert [*debug_lines(tree, Rules().evaluate(tree), "included")] == [b"/a\n"]

    def test_many_lines(self) -> None:
        rows = np.zeros(70_001, ROW)
        rows["name_start"][1:] = np.arange(70_000) * 5
        rows["name_size"][1:] = 5
        rows["mode"] = stat.S_IFDIR
        tree = Tree(b"/none")
        tree.append(rows, b"".join(b"%05d" % k for k in range(70_000)))
        found = b"".join(debug_lines(tree, Rules().evaluate(tree), "all"))
        assert found == b"".join(b"+ /none/%05d/\n" % k for k in range(70_000))


class TestPrune:
    """Trees without some of their entries."""

    @staticmethod
    def is_whole(tree: Tree) -> bool:
        children = [[*tree.children(entry)] for entry in range(len(tree))]
        parents = [
            all(tree.parent[child] == entry for child in children[entry])
            for entry in range(len(tree))
        ]
        together = sorted(itertools.chain.from_iterable(children))
        return all(parents) and together == [*range(1, len(tree))]

    def test_empty_directories_go_with_what_they_leave_empty(self) -> None:
        tree = make_tree(
            {
                b"void": {b"inner": {}, b"other": {b"deep": {}}},
                b"half": {b"empty": {}, b"file": b"1"},
                b"a": b"22",
                b"gone": {},
            }
        )
        found = without_empty_directories(tree)
        assert all_paths(found) == [b"", b"half", b"a", b"half/file"]
        assert found.size.tolist() == [0, 0, 2, 1]
        assert self.is_whole(found)

    def test_the_root_stays(self) -> None:
        found = without_empty_directories(make_tree({b"a": {b"b": {}}}))
        assert all_paths(found) == [b""]
        assert found.child_count.tolist() == [0]

    def test_a_tree_without_empty_directories_is_itself(self) -> None:
        tree = make_tree({b"a": {b"b": b""}})
        assert without_empty_directories(tree) is tree

    def test_column_files_are_replaced(self, tmp_path) -> None:
        tree = make_tree({b"a": {}, b"b": b"1"}, Tree.create(b"/none", str(tmp_path)))
        found = without_empty_directories(tree)
        assert all_paths(Tree.attach(str(tmp_path))) == all_paths(found) == [b"", b"b"]

    def test_the_order_of_a_list_is_kept(self) -> None:
        tree = make_tree({b"a": b"", b"d": {}, b"b": b""})
        tree.listed = np.array([0, 3, 2, 1], np.int32)
        found = without_empty_directories(tree)
        assert found.listed is not None
        assert found.listed.tolist() == [0, 3, 1]

    def test_select_keeps_everything_about_an_entry(self, tree) -> None:
        keep = np.ones(len(tree), np.bool_)
        for path in (b"cache/sub/y.c", b"src/a", b"a"):
            keep[entry_of(tree, path)] = False
        found = select(tree, keep)
        assert self.is_whole(found)
        assert all_paths(found) == [
            path for path, kept in zip(all_paths(tree), keep, strict=True) if kept
        ]
        for column in ("mode", "size", "nlink", "mtime"):
            assert (getattr(found, column) == getattr(tree, column)[keep]).all()
