from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Text: TypeAlias = npt.NDArray[np.uint8]
Offsets: TypeAlias = npt.NDArray[np.int64]

def train(text: Text, offsets: Offsets) -> list[bytes]:
    """Return symbols for a table of strings, those that gain most first.

    At most 255 symbols of 1 to 8 bytes; the same table always gets the same ones.
    String i is `text[offsets[i]:offsets[i + 1]]`, here and below. Releases the GIL.

    Raises:
        ValueError: The offsets do not ascend or lie outside the text.
    """

def encode(
    symbols: list[bytes],
    text: Text,
    offsets: Offsets,
    out: Text,
    out_offsets: Offsets,
) -> int:
    """Encode every string with as few codes as the symbols allow.

    Args:
        symbols: The symbols; code i stands for `symbols[i]`.
        text: The strings.
        offsets: Where they begin and end.
        out: Gets the encoded strings; twice as long as the text.
        out_offsets: Gets where those begin and end.

    Returns:
        The bytes used in `out`. Releases the GIL.

    Raises:
        ValueError: Offsets, symbols or the sizes of the outputs are wrong.
    """

def measure(
    symbols: list[bytes], text: Text, offsets: Offsets, out_offsets: Offsets
) -> int:
    """Find out where each string begins once decoded, and return the size of all.

    Releases the GIL.

    Raises:
        ValueError: A string has a code that is not there or ends in an escape, or
            offsets or symbols are wrong.
    """

def decode(symbols: list[bytes], text: Text, offsets: Offsets, out: Text) -> None:
    """Decode all strings into `out`, which has exactly the measured size.

    Releases the GIL.

    Raises:
        ValueError: The size is another, or offsets or symbols are wrong.
    """
