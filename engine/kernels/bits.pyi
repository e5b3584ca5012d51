from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Readable: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[np.uint8]
Writable: TypeAlias = bytearray | memoryview | npt.NDArray[np.uint8]
Unsigned: TypeAlias = npt.NDArray[np.uint32] | npt.NDArray[np.uint64]

def unpack(data: Readable, bit: int, stride: int, width: int, out: Unsigned) -> None:
    """Fill `out` with the `width`-bit values at `bit`, `bit + stride`, … of `data`.

    Releases the GIL.

    Raises:
        IndexError: A value lies outside the data.
        ValueError: The width does not fit the elements of `out`.
    """

def pack(data: Writable, bit: int, stride: int, width: int, values: Unsigned) -> None:
    """Write `values` as `width`-bit integers at `bit`, `bit + stride`, … of `data`.

    The bits written to must be 0 before. Releases the GIL.

    Raises:
        IndexError: A value would lie outside the data.
        ValueError: A value does not fit the width, or the width the elements.
    """
