"""The similarity hash, one byte at a time."""


def mix(v: int) -> int:
    """Eight bits of a four-byte sequence."""
    x = (v + 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x21F0AAAD & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x735A2D97 & 0xFFFFFFFF
    x ^= x >> 15
    return x >> 24


def similarity(data: bytes) -> int:
    """The four most frequent mixed sequences, lower ones first among equals."""
    counts = [0] * 256
    v = 0
    for i, byte in enumerate(data):
        v = (v << 8 | byte) & 0xFFFFFFFF
        if i >= 3:
            counts[mix(v)] += 1
    best = sorted(range(256), key=lambda index: (-counts[index], index))[:4]
    return int.from_bytes(bytes(best), "big")
