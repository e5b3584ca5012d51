"""Rows of bits as one large integer: bit k of byte j is bit 8j + k."""


def unpack(data: bytes, bit: int, stride: int, width: int, count: int) -> list[int]:
    row = int.from_bytes(data, "little")
    mask = (1 << width) - 1
    return [row >> (bit + i * stride) & mask for i in range(count)]


def pack(size: int, bit: int, stride: int, values: list[int]) -> bytes:
    row = 0
    for i, value in enumerate(values):
        row |= value << (bit + i * stride)
    return row.to_bytes(size, "little")
