"""Glob patterns of filter rules, and the one automaton made of all of them.

A pattern is read into a flat list of steps. `compile_rules` turns the steps of all
rules into one position automaton (Glushkov, "The abstract theory of automata", 1961):
every step is a position, and for each position it is known which ones may follow it.
The kernel derives a deterministic automaton from that while it reads names, so that the
cost of an entry depends on the length of its name, not on the number of rules.

Patterns are bytes, like the paths they are matched with: `?` is one byte.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.events import printable

Bytes: TypeAlias = int
"""A set of byte values: bit b is set if byte b is in it."""

_SLASH: Final = 1 << ord("/")
_ALL: Final = (1 << 256) - 1
_COMPONENT: Final = _ALL & ~_SLASH
# `**` does not reach over line ends: so does mkdwarfs', and rules are exchanged.
_PATH: Final = _ALL & ~(1 << ord("\n") | 1 << ord("\r"))


class GlobError(ValueError):
    """A pattern that is none; the text says why."""


@dataclass(frozen=True, slots=True)
class One:
    """Exactly one byte of a set."""

    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of bytes of a set."""

    bytes: Bytes


class Brace(enum.Enum):
    """The structure of alternatives; they nest."""

    OPEN = "{"
    NEXT = ","
    CLOSE = "}"


Step: TypeAlias = One | Many | Brace

_ANY_PATH: Final = Many(_PATH)
_IN_COMPONENT: Final = Many(_COMPONENT)
_ONE_IN_COMPONENT: Final = One(_COMPONENT)


def parse_glob(pattern: bytes, *, ignore_case: bool = False) -> tuple[Step, ...]:
    r"""Return the steps of a pattern.

    | glob | matches |
    |---|---|
    | `*` | anything without a slash; not nothing if it is a whole path component |
    | `**` | anything |
    | `**/` | the same, at the start of a path component; else `**` and a slash |
    | `?` | one byte, no slash |
    | `[..]` `[!..]` | one byte that is (not) in the set |
    | `{a,b}` | either |
    | `\c` | c itself |

    Args:
        pattern: The glob.
        ignore_case: Match letters in either case; beyond ASCII where they are UTF-8.

    Raises:
        GlobError: Unmatched brackets or braces, or a set that makes no sense.
    """
    return tuple(_Parser(pattern, ignore_case).run())


class _Parser:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: bytes, ignore_case: bool) -> None:
        self._pattern = pattern
        self._ignore_case = ignore_case
        self._at = 0
        self._depth = 0
        self._steps: list[Step] = []

    def run(self) -> list[Step]:
        pattern = self._pattern
        begins = True  # a path component does, here
        while self._at < len(pattern):
            char = pattern[self._at : self._at + 1]
            if char == b"*":
                begins = self._stars(begins)
                continue
            begins = False
            if char == b"?":
                self._steps.append(_ONE_IN_COMPONENT)
                self._at += 1
            elif char == b"[":
                self._steps.append(One(self._set()))
            elif char in b"{}" or (char == b"," and self._depth):
                self._brace(Brace(char.decode()))
            elif char == b"]":
                raise self._error("unmatched ']'")
            else:
                begins = self._literal() == b"/"
        if self._depth:
            raise self._error("unmatched '{'")
        return self._steps

    def _error(self, reason: str) -> GlobError:
        return GlobError(f"{reason} in pattern: {printable(self._pattern)}")

    def _stars(self, begins: bool) -> bool:
        """Read `*`, `**` or `**/`; return whether a component begins after it."""
        after = self._pattern[self._at + 1 : self._at + 3]
        if after[:1] == b"*":
            self._steps.append(_ANY_PATH)
            whole = begins and after == b"*/"
            self._at += 3 if whole else 2
            return whole
        if begins and after[:1] in (b"", b"/"):
            self._steps.append(_ONE_IN_COMPONENT)
        self._steps.append(_IN_COMPONENT)
        self._at += 1
        return False

    def _brace(self, brace: Brace) -> None:
        if brace is Brace.OPEN:
            self._depth += 1
        elif brace is Brace.CLOSE:
            if not self._depth:
                raise self._error("unmatched '}'")
            self._depth -= 1
        self._steps.append(brace)
        self._at += 1

    def _literal(self) -> bytes:
        """Read one character that stands for itself, and return it."""
        if self._pattern[self._at] == ord("\\"):
            self._at += 1
            if self._at == len(self._pattern):
                raise self._error("trailing backslash")
        char = _first_character(self._pattern[self._at : self._at + 4])
        self._at += len(char)
        if len(char) == 1:
            self._steps.append(One(self._either_case(1 << char[0])))
            return char
        variants = _variants(char) if self._ignore_case else [char]
        if len(variants) > 1:
            self._steps.append(Brace.OPEN)
        for number, variant in enumerate(variants):
            if number:
                self._steps.append(Brace.NEXT)
            self._steps += [One(1 << byte) for byte in variant]
        if len(variants) > 1:
            self._steps.append(Brace.CLOSE)
        return char

    def _set(self) -> Bytes:
        """Read a set in brackets."""
        pattern = self._pattern
        self._at += 1
        negated = pattern[self._at : self._at + 1] == b"!"
        self._at += negated
        start = self._at
        found = 0
        # A bracket that comes first is a member.
        while self._at == start or pattern[self._at : self._at + 1] != b"]":
            if self._at >= len(pattern):
                raise self._error("unmatched '['")
            found |= self._member()
        self._at += 1
        found = self._either_case(found & ~_SLASH)
        return _ALL & ~found if negated else found

    def _member(self) -> Bytes:
        """Read a byte or a range of bytes of a set."""
        low, *rest = self._pattern[self._at : self._at + 3]
        high = low
        if len(rest) == 2 and rest[0] == ord("-") and rest[1] != ord("]"):
            high = rest[1]
            self._at += 2
        self._at += 1
        if ord("/") in (low, high):
            raise self._error("invalid character '/' in character class")
        # Bytes beyond ASCII are parts of characters: no range leads there.
        if low > high or low < 0x80 <= high:
            text = printable(bytes([low, ord("-"), high]))
            raise self._error(f"invalid range '{text}' in character class")
        return (1 << (high + 1)) - (1 << low)

    def _either_case(self, found: Bytes) -> Bytes:
        if not self._ignore_case:
            return found
        upper = found & _UPPER
        lower = found & _LOWER
        return found | upper << _CASE_BIT | lower >> _CASE_BIT


_UPPER: Final = sum(1 << byte for byte in range(ord("A"), ord("Z") + 1))
_CASE_BIT: Final = ord("a") - ord("A")
_LOWER: Final = _UPPER << _CASE_BIT


def _first_character(data: bytes) -> bytes:
    """Return the UTF-8 character `data` begins with, or its first byte."""
    for size in range(1, len(data) + 1):
        try:
            data[:size].decode()
        except UnicodeDecodeError:
            continue
        return data[:size]
    return data[:1]


def _variants(char: bytes) -> list[bytes]:
    """Return a UTF-8 character beyond ASCII in its cases, itself first."""
    text = char.decode()
    found = {text: None}
    for variant in (
        text.lower(),
        text.upper(),
        text.lower().upper(),
        text.upper().lower(),
    ):
        # Never `ss` for a sharp s: one character stays one.
        if len(variant) == 1 and not variant.isascii():
            found[variant] = None
    return [variant.encode() for variant in found]


@dataclass(frozen=True, slots=True)
class Program:
    """The position automaton of all rules, as the kernel takes it.

    Position 0 is where a path begins. A path starts with a slash; that of a
    directory ends with one as well.
    """

    class_of: NDArray[np.uint8]
    """Class of each byte, u1[256]; no rule tells bytes of one class apart."""
    member: NDArray[np.uint8]
    """Which sets of bytes hold which classes, u1[sets, classes]."""
    set_of: NDArray[np.int32]
    """The set of bytes that leads to each position, i4[p]."""
    follow_start: NDArray[np.int32]
    """Where the followers of each position begin in `follow`, i4[p + 1]."""
    follow: NDArray[np.int32]
    accept_start: NDArray[np.int32]
    """Where the rules that match at each position begin in `accept`, i4[p + 1]."""
    accept: NDArray[np.int32]
    includes: NDArray[np.uint8]
    """Which rules include what they match, u1[rules]."""


@dataclass(slots=True)
class _Fragment:
    """A part of an automaton: where it is entered and left, if it can be skipped."""

    first: list[int]
    last: list[int]
    skippable: bool

    @classmethod
    def nothing(cls) -> _Fragment:
        return cls([], [], True)


def compile_rules(rules: Iterable[tuple[bool, bool, Sequence[Step]]]) -> Program:
    """Make one automaton of all rules.

    Args:
        rules: For each one whether it includes, whether its pattern is anchored at
            the input folder, and the pattern's steps.
    """
    builder = _Builder()
    includes = []
    for number, (included, anchored, steps) in enumerate(rules):
        includes.append(included)
        builder.add_rule(number, anchored, steps)
    return builder.program(includes)


class _Builder:
    def __init__(self) -> None:
        self._sets: dict[Bytes, int] = {}
        self._set_of: list[int] = []
        self._follow: list[list[int]] = []
        self._accept: list[list[int]] = []
        self._position(0)  # the start; no byte leads there
        # A floating pattern begins after any slash, the first one included.
        above = self._position(_PATH)
        self._slash = self._position(_SLASH)
        self._follow[0] += [above, self._slash]
        self._follow[above] += [above, self._slash]

    def add_rule(self, number: int, anchored: bool, steps: Sequence[Step]) -> None:
        """Enter the steps of a rule, and note where it matches."""
        entry = 0 if anchored else self._slash
        whole = self._fragment(steps)
        self._follow[entry] += whole.first
        for position in whole.last:
            self._accept[position].append(number)
        if whole.skippable:
            self._accept[entry].append(number)

    def program(self, includes: list[bool]) -> Program:
        table = np.array(
            [list(mask.to_bytes(32, "little")) for mask in self._sets], np.uint8
        )
        holds = np.unpackbits(table, axis=1, bitorder="little")
        member, class_of = np.unique(holds, axis=1, return_inverse=True)
        follow_start, follow = _ragged(self._follow)
        accept_start, accept = _ragged(self._accept)
        return Program(
            class_of=class_of.reshape(256).astype(np.uint8),
            member=np.ascontiguousarray(member),
            set_of=np.array(self._set_of, np.int32),
            follow_start=follow_start,
            follow=follow,
            accept_start=accept_start,
            accept=accept,
            includes=np.array(includes, np.uint8),
        )

    def _position(self, found: Bytes) -> int:
        self._set_of.append(self._sets.setdefault(found, len(self._sets)))
        self._follow.append([])
        self._accept.append([])
        return len(self._set_of) - 1

    def _fragment(self, steps: Sequence[Step]) -> _Fragment:
        """Return the fragment of a whole pattern."""
        outer: list[tuple[_Fragment, _Fragment]] = []  # what braces interrupt
        done, current = _Fragment.nothing(), _Fragment.nothing()
        for step in steps:
            if step is Brace.OPEN:
                outer.append((done, current))
                done, current = _Fragment([], [], False), _Fragment.nothing()
            elif step is Brace.NEXT:
                done, current = _either(done, current), _Fragment.nothing()
            elif step is Brace.CLOSE:
                inner = _either(done, current)
                done, current = outer.pop()
                self._append(current, inner)
            else:
                self._append(current, self._single(step))
        return current

    def _single(self, step: One | Many) -> _Fragment:
        position = self._position(step.bytes)
        repeats = isinstance(step, Many)
        if repeats:
            self._follow[position].append(position)
        return _Fragment([position], [position], repeats)

    def _append(self, fragment: _Fragment, more: _Fragment) -> None:
        for position in fragment.last:
            self._follow[position] += more.first
        if fragment.skippable:
            fragment.first = fragment.first + more.first
        fragment.last = more.last + fragment.last if more.skippable else more.last
        fragment.skippable = fragment.skippable and more.skippable


def _either(one: _Fragment, other: _Fragment) -> _Fragment:
    return _Fragment(
        one.first + other.first,
        one.last + other.last,
        one.skippable or other.skippable,
    )


def _ragged(lists: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return lists of numbers as one column, and where each one begins."""
    start = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([len(items) for items in lists], out=start[1:])
    return start, np.array([item for items in lists for item in items], np.int32)
