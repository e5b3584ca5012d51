# cython: cdivision=True
# All divisors are positive.
"""Decode FLAC streams (RFC 9639) of 1 to 8 channels and 8 to 32 bits.

Everything a stream may hold is read: constant, verbatim, fixed and linear predictors,
escaped partitions, wasted bits, all stereo decorrelations, frames of any size. The
checksums of all frames are compared; the MD5 sum of the samples is not.

Samples are 64 bits wide throughout, so that the 33 bits of a side channel fit, and
sums are made without sign, so that hostile coefficients overflow harmlessly. Work is
bounded by the stream and by the samples wanted: a frame that has more is refused
before it is decoded.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp

include "pcm.pxi"
include "flac.pxi"

cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef enum:
    PEEK_BITS = 57  # that `_peek` has at least
    MOST_RESIDUAL = 0xFFFF_FFFF  # with its sign folded in

cdef enum Fault:
    NONE
    TRUNCATED
    NO_STREAM
    OTHER_STREAM
    NO_FRAME
    RESERVED
    BAD_HEADER_CRC
    OTHER_FRAME
    TOO_LONG
    NO_SUBFRAME
    BAD_RESIDUAL
    NO_PADDING
    BAD_CRC
    OUT_OF_RANGE
    TOO_SHORT

cdef dict FAULTS = {
    TRUNCATED: "more of the stream, found its end",
    NO_STREAM: "'fLaC' and stream information, found something else",
    OTHER_STREAM: "a stream of {} channels with {} bits, found another",
    NO_FRAME: "a frame, found something else",
    RESERVED: "a frame header, found reserved codes",
    BAD_HEADER_CRC: "a frame header with the right checksum, found a wrong one",
    OTHER_FRAME: "a frame of {} channels with {} bits, found another",
    TOO_LONG: "no more samples than the data has, found a longer frame",
    NO_SUBFRAME: "a subframe, found reserved codes",
    BAD_RESIDUAL: "a residual, found one that cannot be",
    NO_PADDING: "zeros to the end of a byte, found something else",
    BAD_CRC: "a frame with the right checksum, found a wrong one",
    OUT_OF_RANGE: "samples of {1} bits, found larger ones",
    TOO_SHORT: "the end of the stream, found more",
}


cdef struct Reader:
    const uint8_t *data
    uint64_t size
    uint64_t position  # in bits


cdef struct Frame:
    int64_t size  # samples of each channel
    int assignment
    int64_t *samples[MOST_CHANNELS]


cdef struct Target:
    uint8_t *out
    int64_t count  # samples of each channel that are still to come
    int channels
    Pcm pcm


@cython.boundscheck(False)
@cython.wraparound(False)
def decode(const uint8_t[::1] stream, int64_t size, int channels, layout):
    cdef Reader reader
    cdef Target target
    cdef Frame frame
    cdef int64_t *samples
    cdef Fault fault
    cdef int i
    target.pcm = pcm_of(layout)
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"expected 1 to 8 channels, found {channels}")
    if size < 0 or size % (channels * target.pcm.width):
        raise ValueError(
            f"expected a multiple of {channels * target.pcm.width} bytes of samples, "
            f"found {size}"
        )
    reader.data = &stream[0] if stream.shape[0] else NULL
    reader.size = stream.shape[0]
    reader.position = 0
    data = PyBytes_FromStringAndSize(NULL, size)
    target.out = <uint8_t *>PyBytes_AS_STRING(data)  # not shared before it is returned
    target.count = size // (channels * target.pcm.width)
    target.channels = channels
    samples = <int64_t *>malloc(channels * LARGEST_FRAME * sizeof(int64_t))
    if samples == NULL:
        raise MemoryError
    for i in range(channels):
        frame.samples[i] = samples + i * LARGEST_FRAME
    try:
        with nogil:
            fault = _decode(&reader, &target, &frame)
    finally:
        free(samples)
    if fault != NONE:
        expectation = FAULTS[fault].format(channels, target.pcm.bits)
        raise ValueError(f"expected {expectation}, at byte {reader.position // 8}")
    return data


cdef Fault _decode(Reader *reader, Target *target, Frame *frame) noexcept nogil:
    cdef Fault fault = _skip_metadata(reader, target)
    if fault != NONE:
        return fault
    while target.count:
        fault = _take_frame(reader, target, frame)
        if fault != NONE:
            return fault
    return TOO_SHORT if reader.position < 8 * reader.size else NONE


# Bits ------------------------------------------------------------------------------


cdef inline uint64_t _peek(const Reader *reader) noexcept nogil:
    """Return the next `PEEK_BITS` bits or more at the top, zeros beyond the end."""
    cdef uint64_t byte = reader.position >> 3, bits = 0, i
    cdef const uint8_t *at
    if byte + 8 <= reader.size:
        at = reader.data + byte
        bits = (
            <uint64_t>at[0] << 56
            | <uint64_t>at[1] << 48
            | <uint64_t>at[2] << 40
            | <uint64_t>at[3] << 32
            | <uint64_t>at[4] << 24
            | <uint64_t>at[5] << 16
            | <uint64_t>at[6] << 8
            | <uint64_t>at[7]
        )
    elif byte < reader.size:
        for i in range(reader.size - byte):
            bits |= <uint64_t>reader.data[byte + i] << (56 - 8 * i)
    return bits << (reader.position & 7)


cdef inline uint64_t _take(Reader *reader, int count) noexcept nogil:
    """Return the next `count` bits, at most `PEEK_BITS`."""
    cdef uint64_t bits = _peek(reader)
    reader.position += count
    return bits >> 1 >> (63 - count)


cdef inline int64_t _take_signed(Reader *reader, int count) noexcept nogil:
    cdef uint64_t bits = _peek(reader)
    reader.position += count
    return <int64_t>bits >> 1 >> (63 - count) if count else 0


cdef inline int64_t _take_zeros(Reader *reader, int64_t most) noexcept nogil:
    """Return how many zeros come before the next one and pass both; -1: too many."""
    cdef uint64_t bits = _peek(reader) >> (64 - PEEK_BITS)
    cdef int64_t zeros = 0, ahead
    while bits == 0:
        zeros += PEEK_BITS
        reader.position += PEEK_BITS
        if zeros > most or reader.position > 8 * reader.size:
            return -1
        bits = _peek(reader) >> (64 - PEEK_BITS)
    ahead = __builtin_clzll(bits) - (64 - PEEK_BITS)
    reader.position += ahead + 1
    return zeros + ahead if zeros + ahead <= most else -1


# Frames ----------------------------------------------------------------------------


cdef Fault _skip_metadata(Reader *reader, const Target *target) noexcept nogil:
    """Compare the stream information with the target, and skip other metadata."""
    cdef bint is_last
    cdef uint64_t size
    if reader.size < 8 + STREAMINFO_BYTES or memcmp(reader.data, b"fLaC", 4):
        return NO_STREAM
    reader.position = 32
    is_last = _take(reader, 1)
    if _take(reader, 7) or _take(reader, 24) != STREAMINFO_BYTES:
        return NO_STREAM
    reader.position += 100  # sizes of blocks and frames, sample rate
    if (
        _take(reader, 3) + 1 != <uint64_t>target.channels
        or _take(reader, 5) + 1 != <uint64_t>target.pcm.bits
    ):
        return OTHER_STREAM
    reader.position = 8 * (8 + STREAMINFO_BYTES)
    while not is_last:
        is_last = _take(reader, 1)
        reader.position += 7
        size = _take(reader, 24)
        reader.position += 8 * size
        if reader.position > 8 * reader.size:
            return TRUNCATED
    return NONE


cdef Fault _take_frame(Reader *reader, Target *target, Frame *frame) noexcept nogil:
    cdef uint64_t start = reader.position >> 3, end
    cdef Fault fault = _take_header(reader, target, frame)
    cdef int i, width
    if fault != NONE:
        return fault
    if frame.size > target.count:
        return TOO_LONG
    for i in range(target.channels):
        width = target.pcm.bits
        if i == (0 if frame.assignment == SIDE_RIGHT else 1):
            width += frame.assignment >= LEFT_SIDE  # the side channel has a bit more
        fault = _take_subframe(reader, frame.samples[i], frame.size, width)
        if reader.position > 8 * reader.size:
            return TRUNCATED
        if fault != NONE:
            return fault
    if _take(reader, -<int64_t>reader.position & 7):
        return NO_PADDING
    end = reader.position >> 3
    if end + 2 > reader.size:
        return TRUNCATED
    if crc16_of(reader.data + start, end - start) != _take(reader, 16):
        return BAD_CRC
    _correlate(frame)
    return _store(target, frame)


cdef Fault _take_header(
    Reader *reader, const Target *target, Frame *frame
) noexcept nogil:
    cdef uint64_t start = reader.position >> 3, end
    cdef int size_code, rate_code, width, channels
    if _take(reader, 15) != SYNC:
        return TRUNCATED if start + 2 > reader.size else NO_FRAME
    reader.position += 1  # whether the frames are of equal size
    size_code = <int>_take(reader, 4)
    rate_code = <int>_take(reader, 4)
    frame.assignment = <int>_take(reader, 4)
    width = _width_of(<int>_take(reader, 3), target.pcm.bits)
    if (
        size_code == 0
        or rate_code == 15
        or frame.assignment > MID_SIDE
        or width == 0
        or _take(reader, 1)
        or not _skip_number(reader)
    ):
        return RESERVED
    frame.size = _size_of(reader, size_code)
    if frame.size > LARGEST_FRAME:
        return RESERVED
    if rate_code >= 12:
        reader.position += 8 if rate_code == 12 else 16
    end = reader.position >> 3
    if end >= reader.size:
        return TRUNCATED
    if crc8_of(reader.data + start, end - start) != _take(reader, 8):
        return BAD_HEADER_CRC
    channels = 2 if frame.assignment >= LEFT_SIDE else frame.assignment + 1
    if channels != target.channels or width != target.pcm.bits:
        return OTHER_FRAME
    return NONE


cdef int _width_of(int code, int stream_width) noexcept nogil:
    """Return the bits of a sample, 0 if the code is reserved."""
    if code == 0:
        return stream_width
    if code == 3:
        return 0
    if code == 7:
        return 32
    return 4 + 4 * code if code < 3 else 4 * code


cdef int64_t _size_of(Reader *reader, int code) noexcept nogil:
    """Return the samples of a channel."""
    if code == 1:
        return 192
    if code < 6:
        return 144 << code
    if code < 8:
        return _take(reader, 8 if code == 6 else 16) + 1
    return 1 << code


cdef bint _skip_number(Reader *reader) noexcept nogil:
    """Skip the frame's number, which is coded like a character in UTF-8."""
    cdef uint64_t first = _take(reader, 8)
    cdef int i
    if first < 0x80:
        return True
    if first < 0xC0 or first == 0xFF:
        return False
    for i in range(__builtin_clzll(~(first << 56)) - 1):
        if _take(reader, 8) >> 6 != 2:
            return False
    return True


cdef void _correlate(Frame *frame) noexcept nogil:
    """Turn a pair with a side channel into left and right."""
    cdef int64_t *first = frame.samples[0]
    cdef int64_t *second = frame.samples[1]
    cdef int64_t i
    cdef uint64_t middle, side
    if frame.assignment == LEFT_SIDE:
        for i in range(frame.size):
            second[i] = <int64_t>(<uint64_t>first[i] - <uint64_t>second[i])
    elif frame.assignment == SIDE_RIGHT:
        for i in range(frame.size):
            first[i] = <int64_t>(<uint64_t>first[i] + <uint64_t>second[i])
    elif frame.assignment == MID_SIDE:
        for i in range(frame.size):
            side = <uint64_t>second[i]
            middle = <uint64_t>first[i] << 1 | (side & 1)
            first[i] = <int64_t>(middle + side) >> 1
            second[i] = <int64_t>(middle - side) >> 1


cdef Fault _store(Target *target, const Frame *frame) noexcept nogil:
    """Append a frame to the target."""
    cdef int width = target.pcm.width, bits = target.pcm.bits, channel
    cdef int64_t half = <int64_t>1 << (bits - 1), i
    cdef int64_t stride = target.channels * width
    cdef const int64_t *samples
    cdef uint64_t excess = 0
    for channel in range(target.channels):
        samples = frame.samples[channel]
        for i in range(frame.size):
            excess |= (<uint64_t>samples[i] + <uint64_t>half) >> bits
        pcm_pack(samples, frame.size, &target.pcm, target.out + channel * width, stride)
    if excess:
        return OUT_OF_RANGE
    target.out += frame.size * stride
    target.count -= frame.size
    return NONE


# Subframes -------------------------------------------------------------------------


cdef Fault _take_subframe(
    Reader *reader, int64_t *samples, int64_t size, int width
) noexcept nogil:
    """Read one channel of a frame, whose samples have `width` bits."""
    cdef int head = <int>_take(reader, 8), form = head >> 1, wasted = 0
    cdef int64_t i
    cdef Fault fault = NONE
    if head & 0x80:
        return NO_SUBFRAME
    if head & 1:
        i = _take_zeros(reader, width)
        if i < 0 or i + 1 >= width:
            return NO_SUBFRAME
        wasted = <int>i + 1
        width -= wasted
    if form == CONSTANT:
        samples[0] = _take_signed(reader, width)
        for i in range(1, size):
            samples[i] = samples[0]
    elif form == VERBATIM:
        for i in range(size):
            samples[i] = _take_signed(reader, width)
    elif FIXED <= form <= FIXED + 4:
        fault = _take_fixed(reader, samples, size, width, form - FIXED)
    elif form >= LPC:
        fault = _take_lpc(reader, samples, size, width, form - LPC + 1)
    else:
        return NO_SUBFRAME
    if wasted:
        for i in range(size):
            samples[i] = <int64_t>(<uint64_t>samples[i] << wasted)
    return fault


cdef Fault _take_fixed(
    Reader *reader, int64_t *samples, int64_t size, int width, int order
) noexcept nogil:
    cdef int64_t coefficients[4]
    cdef int64_t i
    cdef Fault fault
    if order > size:
        return NO_SUBFRAME
    for i in range(order):
        samples[i] = _take_signed(reader, width)
    fault = _take_residual(reader, samples, size, order)
    if fault == NONE and order:
        # Differences of differences: binomial coefficients with changing signs.
        coefficients[0] = order
        for i in range(1, order):
            coefficients[i] = -coefficients[i - 1] * (order - i) // (i + 1)
        _restore(samples, size, coefficients, order, 0)
    return fault


cdef Fault _take_lpc(
    Reader *reader, int64_t *samples, int64_t size, int width, int order
) noexcept nogil:
    cdef int64_t coefficients[MOST_COEFFICIENTS]
    cdef int64_t i
    cdef int precision, shift
    cdef Fault fault
    if order > size:
        return NO_SUBFRAME
    for i in range(order):
        samples[i] = _take_signed(reader, width)
    precision = <int>_take(reader, 4) + 1
    shift = <int>_take_signed(reader, 5)
    if precision == 16 or shift < 0:
        return NO_SUBFRAME
    for i in range(order):
        coefficients[i] = _take_signed(reader, precision)
    fault = _take_residual(reader, samples, size, order)
    if fault == NONE:
        _restore(samples, size, coefficients, order, shift)
    return fault


cdef void _restore(
    int64_t *samples, int64_t size, const int64_t *coefficients, int order, int shift
) noexcept nogil:
    """Add its prediction to each residual."""
    cdef int64_t i
    cdef uint64_t total
    cdef int k
    for i in range(order, size):
        total = 0
        for k in range(order):
            total += <uint64_t>coefficients[k] * <uint64_t>samples[i - 1 - k]
        samples[i] = <int64_t>(
            <uint64_t>samples[i] + <uint64_t>(<int64_t>total >> shift)
        )


cdef Fault _take_residual(
    Reader *reader, int64_t *samples, int64_t size, int order
) noexcept nogil:
    """Read the residual of all samples but the first `order`."""
    cdef int coding = <int>_take(reader, 2)
    cdef int parameter_bits = RICE2_BITS if coding else RICE_BITS
    cdef int partition_order = <int>_take(reader, 4)
    cdef int64_t length = size >> partition_order, start = order, end = 0
    cdef int parameter
    cdef Fault fault
    if coding > 1 or length << partition_order != size or length < order:
        return BAD_RESIDUAL
    while end < size:
        end += length
        parameter = <int>_take(reader, parameter_bits)
        if parameter == (1 << parameter_bits) - 1:
            parameter = <int>_take(reader, 5)
            while start < end:
                samples[start] = _take_signed(reader, parameter)
                start += 1
        else:
            fault = _take_rice(reader, samples + start, end - start, parameter)
            if fault != NONE:
                return fault
            start = end
        if reader.position > 8 * reader.size:
            return TRUNCATED
    return NONE


cdef Fault _take_rice(
    Reader *reader, int64_t *samples, int64_t count, int parameter
) noexcept nogil:
    cdef int64_t most = <int64_t>MOST_RESIDUAL >> parameter, zeros, i
    cdef uint64_t bits, folded
    for i in range(count):
        bits = _peek(reader)
        zeros = __builtin_clzll(bits | 1)
        if zeros + 1 + parameter <= PEEK_BITS:  # all in what we see
            if zeros > most:
                return BAD_RESIDUAL
            reader.position += zeros + 1 + parameter
            folded = bits << (zeros + 1) >> 1 >> (63 - parameter)
        else:
            zeros = _take_zeros(reader, most)
            if zeros < 0:
                return BAD_RESIDUAL
            folded = _take(reader, parameter)
        folded |= <uint64_t>zeros << parameter
        samples[i] = <int64_t>(folded >> 1) ^ -<int64_t>(folded & 1)
    return NONE
