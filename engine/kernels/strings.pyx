"""Byte strings in columns: string i is `text[offsets[i]:offsets[i + 1]]`."""

cimport cython
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp


def precedes(
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    const int64_t[::1] left,
    const int64_t[::1] right,
    uint8_t[::1] out,
):
    cdef int64_t bad = -1
    if left.shape[0] != right.shape[0] or left.shape[0] != out.shape[0]:
        raise ValueError("the columns differ in length")
    if left.shape[0] == 0:
        return
    with nogil:
        bad = compare(text, offsets, left, right, out)
    if bad >= 0:
        raise IndexError(f"pair {bad} has a string that is not there")


cdef inline bint is_there(
    int64_t size, const int64_t[::1] offsets, int64_t index
) noexcept nogil:
    return (
        0 <= index < offsets.shape[0] - 1
        and 0 <= offsets[index] <= offsets[index + 1] <= size
    )


@cython.boundscheck(False)
@cython.wraparound(False)
cdef int64_t compare(
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    const int64_t[::1] left,
    const int64_t[::1] right,
    uint8_t[::1] out,
) noexcept nogil:
    """Fill `out`; return the number of a pair that is wrong, or -1."""
    cdef int64_t i, a, b, a_size, b_size, size = text.shape[0]
    cdef int order
    for i in range(left.shape[0]):
        a, b = left[i], right[i]
        if not (is_there(size, offsets, a) and is_there(size, offsets, b)):
            return i
        a_size = offsets[a + 1] - offsets[a]
        b_size = offsets[b + 1] - offsets[b]
        order = 0
        if a_size and b_size:
            order = memcmp(&text[offsets[a]], &text[offsets[b]], min(a_size, b_size))
        out[i] = order < 0 or (order == 0 and a_size < b_size)
    return -1
