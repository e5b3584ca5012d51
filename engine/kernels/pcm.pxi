# PCM samples as numbers and as bytes (DwarFS format, "Sample conversion"); included by
# the kernels that take audio apart.
#
# A sample of `bits` bits sits in `width` bytes, at their low end, or at their high end
# if the padding is `lsb`. Its number has a sign, also where the bytes have none.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef struct Pcm:
    int width
    int bits
    bint big_endian
    bint is_signed
    bint lsb


cdef Pcm pcm_of(layout) except *:
    """Return a layout `(width, bits, big_endian, is_signed, lsb)` checked."""
    cdef Pcm pcm
    pcm.width, pcm.bits, pcm.big_endian, pcm.is_signed, pcm.lsb = layout
    if not 1 <= pcm.width <= 4:
        raise ValueError(f"expected samples of 1 to 4 bytes, found {pcm.width}")
    if not 8 <= pcm.bits <= 8 * pcm.width:
        raise ValueError(
            f"expected samples of 8 to {8 * pcm.width} bits, found {pcm.bits}"
        )
    return pcm


cdef inline uint32_t _assemble(const uint8_t *at, int width, bint big) noexcept nogil:
    cdef uint32_t value = 0
    cdef int i
    for i in range(width):
        value |= <uint32_t>at[i] << 8 * (width - 1 - i if big else i)
    return value


cdef inline void _unpack(
    const uint8_t *at,
    int64_t stride,
    int64_t count,
    const Pcm *pcm,
    int width,
    bint big,
    int64_t *out,
) noexcept nogil:
    cdef int drop = 8 * width - pcm.bits if pcm.lsb else 0
    cdef uint32_t mask = <uint32_t>0xFFFFFFFF >> (32 - pcm.bits)
    cdef uint32_t half = <uint32_t>1 << (pcm.bits - 1)
    cdef uint32_t flip = half if pcm.is_signed else 0  # makes signed ones unsigned
    cdef int64_t i
    for i in range(count):
        out[i] = (
            <int64_t>(((_assemble(at, width, big) >> drop) ^ flip) & mask)
            - <int64_t>half
        )
        at += stride


cdef inline void _pack(
    const int64_t *values,
    int64_t count,
    const Pcm *pcm,
    int width,
    bint big,
    uint8_t *at,
    int64_t stride,
) noexcept nogil:
    cdef int drop = 8 * width - pcm.bits if pcm.lsb else 0
    cdef uint32_t add = 0 if pcm.is_signed else <uint32_t>1 << (pcm.bits - 1)
    cdef uint32_t value
    cdef int64_t i
    cdef int k
    for i in range(count):
        value = (<uint32_t>values[i] + add) << drop
        for k in range(width):
            at[width - 1 - k if big else k] = <uint8_t>(value >> 8 * k)
        at += stride


# The width and the order of bytes are constants to the compiler below, which makes
# the loops above several times as fast.


cdef inline void pcm_unpack(
    const uint8_t *at, int64_t stride, int64_t count, const Pcm *pcm, int64_t *out
) noexcept nogil:
    """Read `count` samples that are `stride` bytes apart."""
    cdef int form = 2 * pcm.width + pcm.big_endian
    if form == 2 or form == 3:
        _unpack(at, stride, count, pcm, 1, False, out)
    elif form == 4:
        _unpack(at, stride, count, pcm, 2, False, out)
    elif form == 5:
        _unpack(at, stride, count, pcm, 2, True, out)
    elif form == 6:
        _unpack(at, stride, count, pcm, 3, False, out)
    elif form == 7:
        _unpack(at, stride, count, pcm, 3, True, out)
    elif form == 8:
        _unpack(at, stride, count, pcm, 4, False, out)
    else:
        _unpack(at, stride, count, pcm, 4, True, out)


cdef inline void pcm_pack(
    const int64_t *values, int64_t count, const Pcm *pcm, uint8_t *at, int64_t stride
) noexcept nogil:
    """Write `count` samples, `stride` bytes apart."""
    cdef int form = 2 * pcm.width + pcm.big_endian
    if form == 2 or form == 3:
        _pack(values, count, pcm, 1, False, at, stride)
    elif form == 4:
        _pack(values, count, pcm, 2, False, at, stride)
    elif form == 5:
        _pack(values, count, pcm, 2, True, at, stride)
    elif form == 6:
        _pack(values, count, pcm, 3, False, at, stride)
    elif form == 7:
        _pack(values, count, pcm, 3, True, at, stride)
    elif form == 8:
        _pack(values, count, pcm, 4, False, at, stride)
    else:
        _pack(values, count, pcm, 4, True, at, stride)
