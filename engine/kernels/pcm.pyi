from typing import TypeAlias

Readable: TypeAlias = bytes | bytearray | memoryview

Layout: TypeAlias = tuple[int, int, bool, bool, bool]
"""Bytes of a sample, bits of a sample, big endian, signed, padded at the low end."""

def repack(data: Readable, source: Layout, target: Layout) -> bytes:
    """Return the samples of `data`, which are laid out as `source`, as `target`.

    Padding is filled as the layout says: zeros at the low end; at the high end zeros,
    or the sign. `repack(data, x, x)` equals `data` only if its padding is like that.
    Releases the GIL.

    Raises:
        ValueError: A layout that cannot be, or not whole samples.
    """
