# cython: cdivision=True
# All divisors are positive.
"""PCM samples from one layout of bytes to another."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

include "pcm.pxi"

cdef enum:
    STEP = 1024  # samples converted at once


@cython.boundscheck(False)
@cython.wraparound(False)
def repack(const uint8_t[::1] data, source, target):
    cdef Pcm before = pcm_of(source), after = pcm_of(target)
    cdef int64_t count = data.shape[0] // before.width
    cdef uint8_t *out
    if data.shape[0] % before.width:
        raise ValueError(
            f"expected whole samples of {before.width} bytes, found {data.shape[0]}"
        )
    repacked = PyBytes_FromStringAndSize(NULL, count * after.width)
    out = <uint8_t *>PyBytes_AS_STRING(repacked)  # not shared before it is returned
    if count:
        with nogil:
            _repack(&data[0], count, &before, &after, out)
    return repacked


cdef void _repack(
    const uint8_t *data,
    int64_t count,
    const Pcm *before,
    const Pcm *after,
    uint8_t *out,
) noexcept nogil:
    cdef int64_t values[STEP]
    cdef int64_t start = 0, size
    while start < count:
        size = min(<int64_t>STEP, count - start)
        pcm_unpack(data + start * before.width, before.width, size, before, values)
        pcm_pack(values, size, after, out + start * after.width, after.width)
        start += size
