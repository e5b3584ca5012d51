import numpy as np
import numpy.typing as npt

def precedes(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
) -> None:
    """Tell for pairs of strings whether the left one sorts before the right one.

    Order is bytewise, and equal strings do not precede each other. Releases the GIL.

    Args:
        text: The strings.
        offsets: Where they begin and end.
        left: Index of the left string of each pair.
        right: Index of the right string.
        out: Gets 1 or 0 for each pair.

    Raises:
        IndexError: A string is not there or lies outside the text.
        ValueError: The last three differ in length.
    """
