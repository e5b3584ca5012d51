"""FLAC (RFC 9639), slow and clear: bits are characters of a text.

`decode` reads any stream. `write_stream` makes one of samples and of choices for each
subframe, so that tests reach what encoders seldom or never do.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

FIXED = ([], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1])
"""Coefficients of the fixed predictors, those of the nearest sample first."""


class Audio(NamedTuple):
    channels: int
    bits: int
    samples: list[list[int]]
    """Of each channel."""


@dataclass
class Partition:
    parameter: int
    raw_bits: int | None = None
    """Not None: not Rice coded, but in this many bits each."""


@dataclass
class Coding:
    """How a subframe is coded; a fixed predictor has no precision."""

    kind: str
    order: int = 0
    coefficients: list[int] = field(default_factory=list)
    precision: int = 0
    shift: int = 0
    wasted: int = 0
    method: int = 0
    partitions: list[Partition] = field(default_factory=list)


@dataclass
class Frame:
    number: int
    assignment: int
    samples: list[list[int]]
    """As coded: the side channel instead of a channel."""
    codings: list[Coding]


# Bits ------------------------------------------------------------------------------


def number(value: int, bits: int) -> str:
    """The number in two's complement, most significant bit first."""
    return f"{value % (1 << bits):0{bits}b}" if bits else ""


def to_bytes(bits: str) -> bytes:
    assert len(bits) % 8 == 0
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def checksum(data: bytes, polynomial: int, width: int) -> int:
    """The remainder of the data as a polynomial, `width` zeros appended."""
    rest = 0
    for bit in "".join(f"{byte:08b}" for byte in data) + "0" * width:
        rest = rest << 1 | int(bit)
        if rest >> width:
            rest ^= polynomial
    return rest


def crc8(data: bytes) -> int:
    return checksum(data, 0x107, 8)


def crc16(data: bytes) -> int:
    return checksum(data, 0x18005, 16)


def coded_number(value: int) -> bytes:
    """Like a character in UTF-8, but up to 36 bits."""
    if value < 0x80:
        return bytes([value])
    tail = []
    while value >> (6 - len(tail) if tail else 7) or not tail:
        tail.insert(0, 0x80 | value & 0x3F)
        value >>= 6
    return bytes([0xFF << (7 - len(tail)) & 0xFF | value, *tail])


def side_channel(assignment: int) -> int | None:
    return {8: 1, 9: 0, 10: 1}.get(assignment)


# Prediction ------------------------------------------------------------------------


def predictions(coding: Coding, samples: list[int]) -> Iterator[int]:
    """Yield the prediction of each sample after the first; `samples` may grow."""
    for i in itertools.count(coding.order):
        near = reversed(samples[i - coding.order : i])
        pairs = zip(coding.coefficients, near, strict=True)
        yield sum(c * x for c, x in pairs) >> coding.shift


def residual_of(coding: Coding, samples: list[int]) -> list[int]:
    return [
        sample - prediction
        for sample, prediction in zip(
            samples[coding.order :], predictions(coding, samples), strict=False
        )
    ]


# Writing ---------------------------------------------------------------------------


def write_stream(
    frames: list[Frame],
    channels: int,
    bits: int,
    metadata: list[tuple[int, bytes]],
    **how: int,
) -> bytes:
    info = number(16, 16) + number(65535, 16) + number(0, 48) + number(48000, 20)
    info += number(channels - 1, 3) + number(bits - 1, 5) + number(0, 36)
    blocks = [(0, to_bytes(info) + bytes(16)), *metadata]
    stream = b"fLaC"
    for i, (kind, body) in enumerate(blocks):
        is_last = i == len(blocks) - 1
        stream += bytes([is_last << 7 | kind]) + len(body).to_bytes(3, "big") + body
    return stream + b"".join(write_frame(frame, bits, **how) for frame in frames)


def write_frame(
    frame: Frame, bits: int, variable: int = 0, rate_code: int = 0, size_code: int = 7
) -> bytes:
    size = len(frame.samples[0])
    width_code = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}.get(bits, 0)
    head = number(0x3FFE, 14) + "0" + str(variable) + number(size_code, 4)
    head += number(rate_code, 4) + number(frame.assignment, 4)
    header = to_bytes(head + number(width_code, 3) + "0") + coded_number(frame.number)
    if size_code in (6, 7):
        header += (size - 1).to_bytes(size_code - 5, "big")
    if rate_code >= 12:
        header += bytes(1 if rate_code == 12 else 2)
    text = ""
    for channel, samples in enumerate(frame.samples):
        wider = channel == side_channel(frame.assignment)
        text += write_subframe(frame.codings[channel], samples, bits + wider)
    text += "0" * (-len(text) % 8)
    data = header + bytes([crc8(header)]) + to_bytes(text)
    return data + crc16(data).to_bytes(2, "big")


def write_subframe(coding: Coding, samples: list[int], width: int) -> str:
    kinds = {"constant": 0, "verbatim": 1, "fixed": 8, "lpc": 31}
    text = "0" + number(kinds[coding.kind] + coding.order, 6)
    text += "1" + "0" * (coding.wasted - 1) + "1" if coding.wasted else "0"
    width -= coding.wasted
    samples = [sample >> coding.wasted for sample in samples]
    if coding.kind == "constant":
        return text + number(samples[0], width)
    if coding.kind == "verbatim":
        return text + "".join(number(sample, width) for sample in samples)
    text += "".join(number(sample, width) for sample in samples[: coding.order])
    if coding.kind == "lpc":
        text += number(coding.precision - 1, 4) + number(coding.shift, 5)
        text += "".join(number(c, coding.precision) for c in coding.coefficients)
    return text + write_residual(coding, residual_of(coding, samples), len(samples))


def write_residual(coding: Coding, residual: list[int], size: int) -> str:
    parts = len(coding.partitions)
    text = number(coding.method, 2) + number(parts.bit_length() - 1, 4)
    parameter_bits = 5 if coding.method else 4
    start = 0
    for i, part in enumerate(coding.partitions, 1):
        end = size * i // parts - coding.order
        text += number(part.parameter, parameter_bits)
        if part.raw_bits is not None:
            text += number(part.raw_bits, 5)
            text += "".join(number(r, part.raw_bits) for r in residual[start:end])
        else:
            text += "".join(rice(r, part.parameter) for r in residual[start:end])
        start = end
    return text


def rice(value: int, parameter: int) -> str:
    folded = 2 * value if value >= 0 else -2 * value - 1
    return "0" * (folded >> parameter) + "1" + number(folded, parameter)


# Reading ---------------------------------------------------------------------------


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.position = 0

    def take(self, bits: int) -> int:
        assert self.position + bits <= len(self.text), "the stream ends early"
        self.position += bits
        return int("0" + self.text[self.position - bits : self.position], 2)

    def take_signed(self, bits: int) -> int:
        value = self.take(bits)
        return value - (1 << bits) if bits and value >> (bits - 1) else value

    def take_zeros(self) -> int:
        end = self.text.index("1", self.position)
        zeros = end - self.position
        self.position = end + 1
        return zeros


def decode(stream: bytes) -> Audio:
    reader = Reader(stream)
    assert stream[:4] == b"fLaC"
    reader.take(32)
    is_last = False
    bits = channels = 0
    while not is_last:
        is_last, kind, size = reader.take(1) == 1, reader.take(7), reader.take(24)
        end = reader.position + 8 * size
        if kind == 0:
            reader.take(100)
            channels, bits = reader.take(3) + 1, reader.take(5) + 1
        reader.position = end
    samples: list[list[int]] = [[] for _ in range(channels)]
    while reader.position < len(reader.text):
        for channel, more in zip(samples, read_frame(reader, bits), strict=True):
            channel += more
    return Audio(channels, bits, samples)


def read_frame(reader: Reader, bits: int) -> list[list[int]]:
    start = reader.position // 8
    assert reader.take(15) == 0x3FFE << 1
    reader.take(1)
    size_code, rate_code, assignment = (reader.take(4) for _ in range(3))
    width_code = reader.take(3)
    assert width_code == 0 or (0, 8, 12, None, 16, 20, 24, 32)[width_code] == bits
    assert reader.take(1) == 0
    lead = number(reader.take(8), 8).index("0")
    for _ in range(lead - 1):
        assert reader.take(8) >> 6 == 2
    if size_code in (6, 7):
        size = reader.take(8 if size_code == 6 else 16) + 1
    else:
        size = 192 if size_code == 1 else (144 if size_code < 6 else 1) << size_code
    reader.take({12: 8, 13: 16, 14: 16}.get(rate_code, 0))
    assert crc8(reader.data[start : reader.position // 8]) == reader.take(8)
    channels = 2 if assignment >= 8 else assignment + 1
    samples = [
        read_subframe(reader, size, bits + (i == side_channel(assignment)))
        for i in range(channels)
    ]
    assert reader.take(-reader.position % 8) == 0
    assert crc16(reader.data[start : reader.position // 8]) == reader.take(16)
    return together(assignment, samples)


def together(assignment: int, samples: list[list[int]]) -> list[list[int]]:
    """Left and right of a pair with a side channel."""
    if assignment < 8:
        return samples
    first, second = samples
    if assignment == 8:
        return [first, [left - side for left, side in zip(*samples, strict=True)]]
    if assignment == 9:
        return [[side + right for side, right in zip(*samples, strict=True)], second]
    sums = [2 * mid + side % 2 for mid, side in zip(*samples, strict=True)]
    return [
        [(total + side) // 2 for total, side in zip(sums, second, strict=True)],
        [(total - side) // 2 for total, side in zip(sums, second, strict=True)],
    ]


def apart(assignment: int, left: list[int], right: list[int]) -> list[list[int]]:
    """The inverse of `together`."""
    side = [a - b for a, b in zip(left, right, strict=True)]
    middle = [(a + b) >> 1 for a, b in zip(left, right, strict=True)]
    return {8: [left, side], 9: [side, right], 10: [middle, side]}[assignment]


def read_subframe(reader: Reader, size: int, width: int) -> list[int]:
    assert reader.take(1) == 0
    form = reader.take(6)
    wasted = reader.take_zeros() + 1 if reader.take(1) else 0
    width -= wasted
    if form == 0:
        samples = [reader.take_signed(width)] * size
    elif form == 1:
        samples = [reader.take_signed(width) for _ in range(size)]
    else:
        coding = Coding("fixed", form - 8) if form < 32 else Coding("lpc", form - 31)
        samples = [reader.take_signed(width) for _ in range(coding.order)]
        if coding.kind == "fixed":
            coding.coefficients = FIXED[coding.order]
        else:
            coding.precision = reader.take(4) + 1
            coding.shift = reader.take(5)
            assert coding.precision < 16
            assert coding.shift < 16
            coding.coefficients = [
                reader.take_signed(coding.precision) for _ in range(coding.order)
            ]
        residual = read_residual(reader, size, coding.order)
        guesses = predictions(coding, samples)
        for value in residual:
            samples.append(next(guesses) + value)
    return [sample << wasted for sample in samples]


def read_residual(reader: Reader, size: int, order: int) -> list[int]:
    method, parts = reader.take(2), 1 << reader.take(4)
    assert method < 2
    assert size % parts == 0
    parameter_bits = 5 if method else 4
    residual = []
    for i in range(parts):
        count = size // parts - (0 if i else order)
        parameter = reader.take(parameter_bits)
        if parameter == (1 << parameter_bits) - 1:
            raw = reader.take(5)
            residual += [reader.take_signed(raw) for _ in range(count)]
            continue
        for _ in range(count):
            folded = (reader.take_zeros() << parameter) + reader.take(parameter)
            residual.append(-(folded + 1) // 2 if folded % 2 else folded // 2)
    return residual
