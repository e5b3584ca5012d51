"""Rice++ as the format describes it, slow and clear: bits are characters of a text.

The first character is the first bit, so numbers are written backwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    block_size: int = 128
    component_count: int = 1
    unused_lsb_count: int = 0
    big_endian: bool = False

    @property
    def order(self) -> str:
        return "big" if self.big_endian else "little"

    def load(self, pixel: bytes) -> int:
        return int.from_bytes(pixel, self.order) >> self.unused_lsb_count

    def store(self, value: int) -> bytes:
        pixel = value << self.unused_lsb_count & 0xFFFF
        return pixel.to_bytes(2, self.order)

    def blocks(self, count: int) -> Iterator[tuple[int, range]]:
        """Yield the component and the pixels of every block, in order of storage."""
        group = self.component_count * self.block_size
        for start in range(0, count, group):
            end = min(start + group, count)
            for component in range(self.component_count):
                yield component, range(start + component, end, self.component_count)


def number(value: int, bits: int) -> str:
    return f"{value:0{bits}b}"[::-1] if bits else ""


def pixels(data: bytes) -> list[bytes]:
    return [data[i : i + 2] for i in range(0, len(data), 2)]


def encode(data: bytes, shape: Shape) -> bytes:
    raw = pixels(data)
    values = [shape.load(pixel) for pixel in raw]
    last = values[: shape.component_count]
    bits = "".join(number(value, 16) for value in last)
    for component, members in shape.blocks(len(values)):
        differences = []
        for i in members:
            differences.append(zigzag((values[i] - last[component]) & 0xFFFF))
            last[component] = values[i]
        words = [int.from_bytes(raw[i], "little") for i in members]
        bits += encode_block(differences, words)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def zigzag(step: int) -> int:
    """Number the 16-bit steps 0, -1, 1, -2, 2, … by 0, 1, 2, 3, 4, …"""
    return 2 * step if step < 0x8000 else 2 * (0x10000 - step) - 1


def encode_block(differences: list[int], words: list[int]) -> str:
    if not any(differences):
        return number(0, 4)
    split = best_split(differences)
    if split >= 14 or cost(differences, split) >= 16 * len(words):
        return number(15, 4) + "".join(number(word, 16) for word in words)
    codes = (
        "0" * (difference >> split) + "1" + number(difference % (1 << split), split)
        for difference in differences
    )
    return number(split + 1, 4) + "".join(codes)


def cost(differences: list[int], split: int) -> int:
    return sum((difference >> split) + 1 + split for difference in differences)


def best_split(differences: list[int]) -> int:
    """Walk downhill, and over plateaus, from where the mean says the best may be."""
    mean = sum(differences) // len(differences)
    start = max(0, mean.bit_length() - 2)
    at_start, after = cost(differences, start), cost(differences, start + 1)
    split, direction = (start + 1, 1) if after <= at_start else (start, -1)
    if after == at_start:
        return split
    while 0 < split < 14:
        if cost(differences, split + direction) > cost(differences, split):
            break
        split += direction
    return split


def decode(stream: bytes, size: int, shape: Shape) -> bytes:
    bits = iter("".join(number(byte, 8) for byte in stream))

    def take(count: int) -> int:
        return sum((next(bits) == "1") << i for i in range(count))

    raw = [b""] * (size // 2)
    last = [take(16) for _ in range(shape.component_count)]
    for component, members in shape.blocks(len(raw)):
        selector = take(4)
        for i in members:
            if selector == 15:
                raw[i] = take(16).to_bytes(2, "little")
                last[component] = shape.load(raw[i])
                continue
            if selector:
                zeros = 0
                while next(bits) == "0":
                    zeros += 1
                difference = (zeros << (selector - 1)) + take(selector - 1)
                odd, half = difference % 2, difference // 2
                last[component] += -half - 1 if odd else half
            raw[i] = shape.store(last[component] & 0xFFFF)
    return b"".join(raw)
