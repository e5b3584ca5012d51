"""PCM samples as numbers, slow and clear."""

from typing import NamedTuple


class Layout(NamedTuple):
    width: int
    bits: int
    big_endian: bool
    is_signed: bool
    lsb: bool

    @property
    def order(self) -> str:
        return "big" if self.big_endian else "little"

    @property
    def padding(self) -> int:
        """Bits below the sample."""
        return 8 * self.width - self.bits if self.lsb else 0


def unpack(data: bytes, layout: Layout) -> list[int]:
    """Return the samples as signed numbers; bits outside of them count for nothing."""
    values = []
    half = 1 << (layout.bits - 1)
    for i in range(0, len(data), layout.width):
        value = int.from_bytes(data[i : i + layout.width], layout.order)
        value = (value >> layout.padding) % (2 * half)
        if not layout.is_signed:
            value -= half
        elif value >= half:
            value -= 2 * half
        values.append(value)
    return values


def pack(values: list[int], layout: Layout) -> bytes:
    data = bytearray()
    for value in values:
        if not layout.is_signed:
            value += 1 << (layout.bits - 1)
        value = (value << layout.padding) % (1 << 8 * layout.width)
        data += value.to_bytes(layout.width, layout.order)
    return bytes(data)
