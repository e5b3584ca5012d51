"""FSST with dictionaries and lists: symbols are bytes, codes are indices."""

from collections import Counter
from itertools import pairwise

ESCAPE = 255
ROUNDS = 10
SAMPLE_BYTES = 1 << 16
LONE_WEIGHT = 4
MAX_LENGTH = 8
MAX_SYMBOLS = 255


def cut(symbols: dict[bytes, int], text: bytes) -> list[bytes]:
    """Return the pieces of `text` with the fewest codes in all.

    A piece that is no symbol is a byte that costs two. Of equally cheap ways the one
    is taken that has the longest symbol first.
    """
    cost = [0] * (len(text) + 1)
    size = [0] * len(text)
    for start in reversed(range(len(text))):
        cost[start], size[start] = cost[start + 1] + 2, 1
        for length in range(1, MAX_LENGTH + 1):
            piece = text[start : start + length]
            if len(piece) == length and piece in symbols:
                price = cost[start + length] + 1
                if price <= cost[start]:
                    cost[start], size[start] = price, length
    pieces, start = [], 0
    while start < len(text):
        pieces.append(text[start : start + size[start]])
        start += size[start]
    return pieces


def sample(strings: list[bytes]) -> list[bytes]:
    """Return strings spread evenly over the table, about as much as is wanted."""
    total = sum(map(len, strings))
    chosen: list[bytes] = []
    passed = taken = 0
    for text in strings:
        if taken * total <= passed * SAMPLE_BYTES:
            chosen.append(text[:SAMPLE_BYTES])
            taken += len(chosen[-1])
        passed += len(text)
    return chosen


def train(strings: list[bytes]) -> list[bytes]:
    total = sum(map(len, strings))
    chosen = sample(strings)
    taken = sum(map(len, chosen))
    symbols: list[bytes] = []
    for _ in range(ROUNDS if total else 0):
        table = {symbol: code for code, symbol in enumerate(symbols)}
        counts: Counter[bytes] = Counter()
        for text in chosen:
            pieces = cut(table, text)
            counts.update(pieces)
            for left, right in pairwise(pieces):
                if len(left) < MAX_LENGTH:
                    counts[(left + right)[:MAX_LENGTH]] += 1
        gains = {
            symbol: count
            * (len(symbol) if len(symbol) > 1 else LONE_WEIGHT)
            * total
            // taken
            - len(symbol)
            for symbol, count in counts.items()
        }
        best = sorted(
            (symbol for symbol, gain in gains.items() if gain > 0),
            key=lambda symbol: (
                -gains[symbol],
                -len(symbol),
                int.from_bytes(symbol, "little"),
            ),
        )
        symbols = best[:MAX_SYMBOLS]
    return symbols


def encode(symbols: list[bytes], text: bytes) -> bytes:
    table = {symbol: code for code, symbol in enumerate(symbols)}
    out = bytearray()
    for piece in cut(table, text):
        out += bytes([table[piece]]) if piece in table else bytes([ESCAPE]) + piece
    return bytes(out)


def decode(symbols: list[bytes], text: bytes) -> bytes:
    out = bytearray()
    codes = iter(text)
    for code in codes:
        out += bytes([next(codes)]) if code == ESCAPE else symbols[code]
    return bytes(out)
