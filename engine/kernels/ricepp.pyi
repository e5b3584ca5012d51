from typing import TypeAlias

Readable: TypeAlias = bytes | bytearray | memoryview

def encode(
    data: Readable,
    block_size: int,
    component_count: int,
    unused_lsb_count: int,
    big_endian: bool,
) -> bytes:
    """Return the Rice++ stream of 16-bit pixels, empty if there are none.

    The same bytes as the reference makes. The `unused_lsb_count` low bits of every
    pixel must be 0, else they are lost (see `unused_bits`). Releases the GIL.

    Args:
        data: Pixels of two bytes, components interleaved.
        block_size: Pixels of a component that share a code, 1 to 512.
        component_count: 1 or 2.
        unused_lsb_count: Low bits of a pixel that are not stored, 0 to 15.
        big_endian: Order of the bytes of a pixel.

    Raises:
        ValueError: A parameter out of range, or not whole pixels of all components.
    """

def decode(
    stream: Readable,
    size: int,
    block_size: int,
    component_count: int,
    unused_lsb_count: int,
    big_endian: bool,
) -> bytes:
    """Return the `size` bytes of pixels of a Rice++ stream.

    Before `size` bytes are allocated, the stream must be long enough to fill them:
    a 2048th of it at least. Releases the GIL.

    Raises:
        ValueError: A parameter out of range, or a stream that ends early, goes on
            behind the last pixel, or has a code that no encoder makes.
    """

def unused_bits(data: Readable, big_endian: bool) -> int:
    """Return how many low bits are 0 in every 16-bit pixel, 16 if all bits are.

    Releases the GIL.

    Raises:
        ValueError: Not whole pixels.
    """
