"""Columns of integers at a fixed stride in a row of bits.

DwarFS format, "Bit addressing": bit k of byte j is bit 8j + k of the row, and a value
is stored least significant bit first.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

ctypedef fused unsigned_t:
    uint32_t
    uint64_t


@cython.boundscheck(False)
@cython.wraparound(False)
def unpack(
    const uint8_t[::1] data,
    uint64_t bit,
    uint64_t stride,
    int width,
    unsigned_t[::1] out,
):
    cdef uint64_t count = out.shape[0]
    _check(data.shape[0], bit, stride, width, count, 8 * sizeof(unsigned_t))
    if count == 0:
        return
    if width == 0:
        out[:] = 0
        return
    with nogil:
        _unpack(&data[0], data.shape[0], bit, stride, width, &out[0], count)


@cython.boundscheck(False)
@cython.wraparound(False)
def pack(
    uint8_t[::1] data,
    uint64_t bit,
    uint64_t stride,
    int width,
    const unsigned_t[::1] values,
):
    cdef uint64_t count = values.shape[0]
    cdef bint fits = True
    _check(data.shape[0], bit, stride, width, count, 8 * sizeof(unsigned_t))
    if count == 0:
        return
    with nogil:
        fits = _fit(&values[0], width, count)
        if fits and width:
            _pack(&data[0], data.shape[0], bit, stride, width, &values[0], count)
    if not fits:
        raise ValueError(f"a value needs more than {width} bits")


@cython.cdivision(True)
cdef int _check(
    uint64_t size, uint64_t bit, uint64_t stride, int width, uint64_t count, int most
) except -1:
    cdef uint64_t row = 8 * size
    if not 0 <= width <= most:
        raise ValueError(f"expected a width of 0 to {most} bits, found {width}")
    if count == 0:
        return 0
    if <uint64_t>width > row or bit > row - <uint64_t>width:
        raise IndexError("the first value lies outside the data")
    if stride and count - 1 > (row - <uint64_t>width - bit) // stride:
        raise IndexError("the last value lies outside the data")
    return 0


cdef inline uint64_t _mask(int width) noexcept nogil:
    return ~(<uint64_t>0) if width == 64 else ((<uint64_t>1) << width) - 1


cdef inline uint64_t _load(const uint8_t* at) noexcept nogil:
    # Compilers make this one load on little-endian machines.
    return (
        <uint64_t>at[0]
        | <uint64_t>at[1] << 8
        | <uint64_t>at[2] << 16
        | <uint64_t>at[3] << 24
        | <uint64_t>at[4] << 32
        | <uint64_t>at[5] << 40
        | <uint64_t>at[6] << 48
        | <uint64_t>at[7] << 56
    )


cdef inline void _store(uint8_t* at, uint64_t value) noexcept nogil:
    at[0] = <uint8_t>value
    at[1] = <uint8_t>(value >> 8)
    at[2] = <uint8_t>(value >> 16)
    at[3] = <uint8_t>(value >> 24)
    at[4] = <uint8_t>(value >> 32)
    at[5] = <uint8_t>(value >> 40)
    at[6] = <uint8_t>(value >> 48)
    at[7] = <uint8_t>(value >> 56)


cdef inline uint64_t _load_tail(const uint8_t* at, uint64_t count) noexcept nogil:
    cdef uint64_t value = 0, i
    for i in range(count):
        value |= <uint64_t>at[i] << (8 * i)
    return value


cdef void _unpack(
    const uint8_t* data,
    uint64_t size,
    uint64_t bit,
    uint64_t stride,
    int width,
    unsigned_t* out,
    uint64_t count,
) noexcept nogil:
    cdef uint64_t mask = _mask(width)
    cdef uint64_t i, at, value
    cdef int shift
    for i in range(count):
        at = bit >> 3
        shift = bit & 7
        if at + 8 <= size:
            value = _load(data + at) >> shift
            if shift + width > 64:
                value |= <uint64_t>data[at + 8] << (64 - shift)
        else:
            value = _load_tail(data + at, size - at) >> shift
        out[i] = <unsigned_t>(value & mask)
        bit += stride


cdef bint _fit(const unsigned_t* values, int width, uint64_t count) noexcept nogil:
    cdef uint64_t used = 0, i
    for i in range(count):
        used |= values[i]
    return (used & ~_mask(width)) == 0


cdef void _pack(
    uint8_t* data,
    uint64_t size,
    uint64_t bit,
    uint64_t stride,
    int width,
    const unsigned_t* values,
    uint64_t count,
) noexcept nogil:
    cdef uint64_t i, at, value
    cdef int shift
    for i in range(count):
        at = bit >> 3
        shift = bit & 7
        value = values[i]
        if at + 8 <= size:
            _store(data + at, _load(data + at) | value << shift)
            if shift + width > 64:
                data[at + 8] |= <uint8_t>(value >> (64 - shift))
        else:
            value <<= shift
            while value:
                data[at] |= <uint8_t>value
                value >>= 8
                at += 1
        bit += stride
