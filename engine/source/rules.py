"""Filter rules: what they say, where they were written, and what they decide.

A rule is `+ PATTERN` or `- PATTERN`; `. FILE` stands for the rules in a file. For each
entry below the input folder the first rule that matches decides, an entry that none
matches is included, and an excluded directory is not looked into. The syntax and the
meaning are those of mkdwarfs; patterns are described in `source.globs`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, overload

import numpy as np

from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.events import printable
from dwarfsmith.engine.kernels import rules as kernel
from dwarfsmith.engine.source.globs import (
    GlobError,
    Program,
    Step,
    compile_rules,
    parse_glob,
)
from dwarfsmith.engine.source.tree import Int32s, Int64s, Mask, Tree

NO_RULE: Final = -1
"""Stands for the deciding rule of entries that no rule matches."""


class RuleError(UsageError):
    """A rule that is none.

    Attributes:
        rule: The rule as given, not as found in a file it names.
        reason: What is wrong.
        origin: Where: the rule itself, or one in a file.
    """

    def __init__(self, rule: bytes, reason: str, origin: Origin) -> None:
        where = "" if origin.file is None else f", at {origin}"
        super().__init__(
            f"could not parse filter rule '{printable(rule)}': {reason}{where}"
        )
        self.rule = rule
        self.reason = reason
        self.origin = origin


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule was written."""

    number: tuple[int, ...]
    """Its place among the rules, from 1 on; (3, 1): the first one in the file that the
    third one names."""
    file: bytes | None = None
    """The file, None for rules given directly."""
    line: int = 0
    """Line in the file, from 1 on."""

    @property
    def label(self) -> str:
        """The number as people write it: `3.1`."""
        return ".".join(map(str, self.number))

    def __str__(self) -> str:
        """Return `FILE:LINE`, or the number of a rule given directly."""
        if self.file is None:
            return f"rule {self.label}"
        return f"{printable(self.file)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that includes or excludes."""

    text: bytes
    """As written."""
    include: bool
    pattern: bytes
    ignore_case: bool
    steps: tuple[Step, ...]
    """The pattern, as `source.globs` reads it."""
    origin: Origin

    @property
    def anchored(self) -> bool:
        """Whether the pattern counts from the input folder, not from any folder."""
        return self.pattern.startswith(b"/")


@dataclass(frozen=True, slots=True)
class Merge:
    """A line that stands for the rules in a file."""

    text: bytes
    """As written."""
    file: bytes
    origin: Origin


class _BadLineError(Exception):
    """Why a line is no rule; becomes a `RuleError` where its origin is known."""


def parse_rule(text: bytes, origin: Origin = Origin((1,))) -> Rule | Merge:
    """Return what one line says; a file it names is not opened.

    Raises:
        RuleError: It says nothing.
    """
    try:
        return _parse(text, origin)
    except _BadLineError as reason:
        raise RuleError(text, str(reason), origin) from None


def _parse(text: bytes, origin: Origin) -> Rule | Merge:
    if not text:
        raise _BadLineError("empty filter rule")
    if text.startswith(b"."):
        file = text[1:].lstrip(b" ")
        if not file:
            raise _reason("no file specified in merge rule", text)
        return Merge(text, file, origin)
    prefix, space, rest = text.partition(b" ")
    pattern = rest.lstrip(b" ")
    if not space:
        raise _reason("invalid filter rule", text)
    if not pattern:
        raise _reason("no pattern in filter rule", text)
    if not prefix:
        raise _reason("no prefix in filter rule", text)
    if prefix[:1] not in b"+-":
        raise _BadLineError("rules must start with + or -")
    for option in prefix[1:]:
        if option != ord("i"):
            name = printable(bytes([option]))
            raise _reason(f"unknown option '{name}' in filter rule", text)
    ignore_case = len(prefix) > 1
    try:
        steps = parse_glob(pattern, ignore_case=ignore_case)
    except GlobError as error:
        raise _BadLineError(str(error)) from None
    return Rule(text, prefix[:1] == b"+", pattern, ignore_case, steps, origin)


def _reason(what: str, text: bytes) -> _BadLineError:
    return _BadLineError(f"{what}: {printable(text)}")


def load_rule(text: bytes, number: int = 1) -> list[Rule | Merge]:
    """Return all lines that one given rule stands for, itself first.

    Files are looked for from the current folder, wherever they are named. In a file,
    empty lines and lines that begin with `#` say nothing.

    Args:
        text: The rule.
        number: Its place among the given rules, from 1 on.

    Raises:
        RuleError: A line says nothing, a file cannot be read, or it names itself,
            directly or through others.
    """
    loader = _Loader(text)
    loader.add(text, Origin((number,)))
    return loader.lines


def load_rules(texts: Iterable[bytes]) -> Rules:
    """Return the rules of these lines and of all files they name; see `load_rule`.

    Raises:
        RuleError: One of them is none.
    """
    lines: list[Rule | Merge] = []
    for number, text in enumerate(texts, 1):
        lines += load_rule(text, number)
    return Rules(lines)


class _Loader:
    """Reads one given rule and all that it stands for into `lines`."""

    def __init__(self, given: bytes) -> None:
        self.lines: list[Rule | Merge] = []
        self._given = given
        self._open: list[tuple[int, int]] = []

    def add(self, text: bytes, origin: Origin) -> None:
        try:
            line = _parse(text, origin)
            self.lines.append(line)
            if isinstance(line, Merge):
                self._add_file(line)
        except _BadLineError as reason:
            raise RuleError(self._given, str(reason), origin) from None

    def _add_file(self, merge: Merge) -> None:
        try:
            with open(merge.file, "rb") as stream:
                found = os.fstat(stream.fileno())
                identity = (found.st_dev, found.st_ino)
                if identity in self._open:
                    raise _reason("recursion detected while opening file", merge.file)
                content = stream.read()
        except OSError as error:
            raise _BadLineError(
                f"cannot open '{printable(merge.file)}': {error.strerror}"
            ) from None
        self._open.append(identity)
        number = 0
        for at, text in enumerate(content.split(b"\n"), 1):
            if not text.strip(b" \t") or text.startswith(b"#"):
                continue
            number += 1
            origin = Origin((*merge.origin.number, number), merge.file, at)
            self.add(text, origin)
        self._open.pop()


class Rules(Sequence[Rule]):
    """Rules in the order in which they are tried.

    Attributes:
        lines: The rules, and before those of a file the line that names it.
    """

    def __init__(self, lines: Sequence[Rule | Merge] = ()) -> None:
        self.lines = tuple(lines)
        self._rules = tuple(line for line in lines if isinstance(line, Rule))

    def __len__(self) -> int:
        return len(self._rules)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...
    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        return self._rules[index]

    @cached_property
    def program(self) -> Program:
        """The automaton of all rules."""
        return compile_rules(
            (rule.include, rule.anchored, rule.steps) for rule in self._rules
        )

    def evaluate(self, tree: Tree) -> Decisions:
        """Decide about every entry of `tree`."""
        count = len(tree)
        directory = tree.is_directory
        deciding = np.full(count, NO_RULE, np.int32)
        included = np.ones(count, np.bool_)
        matches = np.zeros(len(self), np.int64)
        kernel.decide(
            self.program,
            tree.parent,
            directory.view(np.uint8),
            tree.name_start,
            tree.name_size,
            tree.text,
            deciding,
            included.view(np.uint8),
            matches,
        )
        return Decisions(
            deciding=deciding,
            included=included,
            reached=included[tree.parent],
            matches=matches,
            totals=_totals(tree, directory, deciding, included, len(self)),
        )

    def matching(self, path: bytes, *, is_directory: bool) -> tuple[int, ...]:
        """Return all rules that match a path relative to the input, in order."""
        return tuple(kernel.matching(self.program, path, is_directory))

    def explain(self, path: bytes, *, is_directory: bool) -> list[Verdict]:
        """Return how it is decided whether a path, relative to the input, is included.

        Folders come before what is in them; the first excluded one is the last verdict.
        """
        verdicts: list[Verdict] = []
        parts = path.strip(b"/").split(b"/")
        for depth in range(1, len(parts) + 1):
            part = b"/".join(parts[:depth])
            folder = is_directory or depth < len(parts)
            matching = self.matching(part, is_directory=folder)
            rule = matching[0] if matching else NO_RULE
            included = rule == NO_RULE or self[rule].include
            verdicts.append(Verdict(part, folder, rule, included, matching))
            if not included:
                break
        return verdicts


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one path."""

    path: bytes
    """Relative to the input folder."""
    is_directory: bool
    deciding: int
    """The first rule that matches, or `NO_RULE`."""
    included: bool
    matching: tuple[int, ...]
    """All rules that match, in order."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What each rule decides: columns of one row per rule, and one for `NO_RULE`.

    That row is the last, so that `NO_RULE` indexes it. What is inside an excluded
    directory counts for the rule that excludes the directory. The root is not counted.
    """

    decided: Int64s
    """Entries decided by the rule itself, not by their directory, i8[r + 1]."""
    entries: Int64s
    """All entries, i8[r + 1]."""
    files: Int64s
    """Entries that are no directories, i8[r + 1]."""
    size_bytes: Int64s
    """Sizes of the regular files, i8[r + 1]."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the rules decide about a tree of n entries."""

    deciding: Int32s
    """The rule that decides about each entry, i4[n]; `NO_RULE`: none matches. Inside
    an excluded directory it is the one that excludes the directory."""
    included: Mask
    """Which entries are included, bool[n]; the root always."""
    reached: Mask
    """Which entries are not inside an excluded directory, bool[n]."""
    matches: Int64s
    """Entries each rule matches among those reached, whoever decides, i8[r]."""
    totals: Totals

    @property
    def dead(self) -> Mask:
        """Which rules match nothing that is reached, bool[r]."""
        dead: Mask = self.matches == 0
        return dead

    @property
    def shadowed(self) -> Mask:
        """Which rules match something, but never first, bool[r]."""
        shadowed: Mask = (self.matches > 0) & (self.totals.decided[:-1] == 0)
        return shadowed


def _totals(
    tree: Tree, directory: Mask, deciding: Int32s, included: Mask, rules: int
) -> Totals:
    some = slice(1, None)  # all but the root
    row = deciding[some] + (deciding[some] < 0) * np.int32(rules + 1)
    regular = tree.is_regular[some]
    # Sums of weights are exact up to 2^53 bytes.
    sizes = np.where(regular, tree.size[some], 0)

    def count(mask: Mask) -> Int64s:
        return np.bincount(row[mask], minlength=rules + 1)

    return Totals(
        decided=count(included[tree.parent[some]]),
        entries=np.bincount(row, minlength=rules + 1),
        files=count(~directory[some]),
        size_bytes=np.bincount(row, sizes, rules + 1).astype(np.int64),
    )
