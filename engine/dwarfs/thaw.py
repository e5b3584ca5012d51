"""Checked access to packed bits by means of a schema.

DwarFS format, "Reading". The data is hostile: every position is checked before it is
used, and arrays and strings together may claim no more bits than there are, so that
what is decoded is bounded by a multiple of the data's size. Columns of nothing but
zeros take no memory at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.schema import (
    COUNT,
    DISTANCE,
    ITEM,
    Layout,
    Schema,
    bytes_for,
)
from dwarfsmith.engine.errors import FormatError
from dwarfsmith.engine.kernels import bits as kernel

_FREE_ITEMS = 1 << 16
"""Items of zero bits that any data may have; more need as many bits elsewhere."""

Column: TypeAlias = npt.NDArray[np.uint32] | npt.NDArray[np.uint64]


class Spot(NamedTuple):
    """A value's layout and where it lies in the data being read."""

    layout: Layout
    byte: int
    bit: int


@dataclass(frozen=True, slots=True)
class Items:
    """An array in the data being read.

    `spot` is the first item, None if all items are default values; `step` is the
    number of bytes, `stride` the number of bits from one item to the next, and one
    of the two is 0 unless both are.
    """

    count: int
    spot: Spot | None
    step: int
    stride: int

    @property
    def bits(self) -> int:
        """Distance of the items in bits."""
        return 8 * self.step + self.stride

    def at(self, index: int) -> Spot | None:
        """Return where an item lies."""
        if self.spot is None:
            return None
        layout, byte, bit = self.spot
        return Spot(layout, byte + index * self.step, bit + index * self.stride)


class Reader:
    """Checked access to the data by means of the schema."""

    def __init__(self, schema: Schema, data: bytes | memoryview) -> None:
        self.data = np.frombuffer(data, np.uint8)
        self.size = len(self.data)
        self._layouts = schema.layouts
        self._bits_left = 8 * self.size
        self._free_items = max(_FREE_ITEMS, 8 * self.size)

    def part(self, spot: Spot | None, number: int) -> Spot | None:
        """Return where a sub-field lies, None if it is not stored."""
        if spot is None or (place := spot.layout.fields.get(number)) is None:
            return None
        layout = self._layouts[place.layout]
        return Spot(layout, spot.byte + place.byte, spot.bit + place.bit)

    def integer(self, spot: Spot | None, max_bits: int) -> int:
        """Return an integer, 0 if it is not stored."""
        if spot is None:
            return 0
        width = self.width(spot, max_bits)
        first = 8 * spot.byte + spot.bit
        self.check(first, width)
        stored = self.data[first >> 3 : bytes_for(first + width)].tobytes()
        value = int.from_bytes(stored, "little") >> (first & 7)
        return value & ((1 << width) - 1)

    def width(self, spot: Spot, max_bits: int) -> int:
        """Return the bits of an integer, which may not exceed those of its field."""
        if spot.layout.bits > max_bits:
            raise FormatError(
                f"expected an integer of {max_bits} bits at most, found one of "
                f"{spot.layout.bits}, at byte {spot.byte} of the metadata"
            )
        return spot.layout.bits

    def check(self, first_bit: int, bit_count: int) -> None:
        """Make sure that bits lie within the data."""
        if first_bit + bit_count > 8 * self.size:
            raise FormatError(
                f"expected {bit_count} bits, found the end after {self.size} bytes, "
                f"at byte {first_bit // 8} of the metadata"
            )

    def claim(self, byte: int, bit_count: int) -> None:
        """Take bits for one array or string; none can be taken twice for long."""
        self.check(8 * byte, bit_count)
        self._bits_left -= bit_count
        if self._bits_left < 0:
            raise FormatError(
                "expected arrays that do not overlap, found more than "
                f"{self.size} bytes of them, at byte {byte} of the metadata"
            )

    def bytes_at(self, spot: Spot | None) -> npt.NDArray[np.uint8]:
        """Return a string's bytes, a view of the data."""
        size = self.integer(self.part(spot, COUNT), 64)
        if spot is None or size == 0:
            return self.data[:0]
        start = spot.byte + self.integer(self.part(spot, DISTANCE), 64)
        self.claim(start, 8 * size)
        return self.data[start : start + size]

    def items(self, spot: Spot | None) -> Items:
        """Return where an array's items lie, all of them within the data."""
        count = self.integer(self.part(spot, COUNT), 64)
        if spot is None or count == 0:
            return Items(0, None, 0, 0)
        start = spot.byte + self.integer(self.part(spot, DISTANCE), 64)
        item = self.part(spot, ITEM)
        step = item.layout.size if item is not None else 0
        stride = item.layout.bits if item is not None and not step else 0
        if step or stride:
            self.claim(start, count * (8 * step + stride))
        elif count > self._free_items:
            raise FormatError(
                f"expected at most {self._free_items} items without data, "
                f"found {count}, at byte {spot.byte} of the metadata"
            )
        if item is None:
            return Items(count, None, 0, 0)
        return Items(count, Spot(item.layout, start, 0), step, stride)

    def column(
        self, items: Items, spot: Spot | None, max_bits: int, dtype: npt.DTypeLike
    ) -> Column:
        """Return the integers that lie at `spot` in the first item, and so on."""
        width = self.width(spot, max_bits) if spot is not None else 0
        if spot is None or width == 0:
            return np.broadcast_to(np.zeros((), dtype), items.count)
        first = 8 * spot.byte + spot.bit
        self.check(first, (items.count - 1) * items.bits + width)
        column: Column = np.empty(items.count, dtype)
        kernel.unpack(self.data, first, items.bits, width, column)
        return column

    def check_widths(self, items: Items, widths: int) -> None:
        """Make sure that the fields of an item do not take more bits than it has."""
        if widths > items.bits:
            raise FormatError(
                f"expected fields of {items.bits} bits at most, found {widths}, "
                "in an array of the metadata"
            )
