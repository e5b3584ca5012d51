"""Filter rules the slow and plain way: one regular expression per rule, path by path.

Rules here are `(include, ignore_case, pattern)`; patterns are taken to be well-formed.
"""

import re

LINE_ENDS = rb"[^\n\r]"


def to_regex(pattern: bytes, ignore_case: bool = False) -> re.Pattern[bytes]:
    """Return what a whole path, with a slash before it, must match."""
    anchored = pattern.startswith(b"/")
    regex = (b"" if anchored else LINE_ENDS + b"*/") + _translate(pattern)
    return re.compile(regex, re.IGNORECASE if ignore_case else re.NOFLAG)


def _translate(pattern: bytes) -> bytes:
    out = b""
    depth = 0
    begins = True  # a path component
    while pattern:
        char, rest = pattern[:1], pattern[1:]
        began, begins = begins, False
        if char == b"\\":
            out += re.escape(rest[:1])
            begins = rest[:1] == b"/"
            rest = rest[1:]
        elif began and pattern.startswith(b"**/"):
            out += LINE_ENDS + b"*"
            begins = True
            rest = pattern[3:]
        elif pattern.startswith(b"**"):
            out += LINE_ENDS + b"*"
            rest = pattern[2:]
        elif char == b"*":
            whole = began and rest[:1] in (b"", b"/")
            out += b"[^/]+" if whole else b"[^/]*"
        elif char == b"?":
            out += b"[^/]"
        elif char == b"[":
            end = pattern.index(b"]", 3 if rest[:1] == b"!" else 2)
            out += _set(pattern[1:end])
            rest = pattern[end + 1 :]
        elif char == b"{":
            out += b"(?:"
            depth += 1
        elif char == b"}":
            out += b")"
            depth -= 1
        elif char == b"," and depth:
            out += b"|"
        else:
            out += re.escape(char)
            begins = char == b"/"
        pattern = rest
    return out


def _set(body: bytes) -> bytes:
    negated = body.startswith(b"!")
    body = body.removeprefix(b"!")
    members = set()
    while body:
        if body[1:2] == b"-" and len(body) > 2:
            members |= set(range(body[0], body[2] + 1))
            body = body[3:]
        else:
            members.add(body[0])
            body = body[1:]
    members.discard(ord("/"))
    found = b"".join(b"\\x%02x" % byte for byte in sorted(members))
    return (b"[^" if negated else b"[") + found + b"]"


def decide(rules, entries) -> list[tuple[int, bool]]:
    """Return the deciding rule (-1: none) of each entry, and whether it is included.

    Entries are `(path, is_directory)`, paths relative, a directory before what is in
    it. What an excluded directory contains has its decision.
    """
    regexes = [to_regex(pattern, ignore_case) for _, ignore_case, pattern in rules]
    decisions: dict[bytes, tuple[int, bool]] = {}
    for path, is_directory in entries:
        above = decisions.get(path.rpartition(b"/")[0], (-1, True))
        decisions[path] = (
            above
            if not above[1]
            else _first(rules, regexes, b"/" + path + b"/" * is_directory)
        )
    return list(decisions.values())


def _first(rules, regexes, path: bytes) -> tuple[int, bool]:
    for number, regex in enumerate(regexes):
        if regex.fullmatch(path):
            return number, rules[number][0]
    return -1, True
