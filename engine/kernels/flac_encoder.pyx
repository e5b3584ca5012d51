# cython: cdivision=True
# All divisors are positive.
"""Encode FLAC streams (RFC 9639) of 1 to 8 channels and 8 to 32 bits.

Frames of `FRAME_SIZE` samples. Each channel is coded in the way that takes the fewest
bits: as a constant, by a fixed predictor, by linear prediction, or verbatim. Linear
predictors come from the autocorrelation of the windowed signal (Levinson-Durbin); the
residual is split into partitions that each have their own Rice parameter. Of two
channels, left, right, their mean and their difference are the candidates.

The same samples give the same bytes on every machine: what is not integer arithmetic
is IEEE addition, multiplication and division in a fixed order, windows are polynomials,
and of the mathematical library only `frexp` and `ldexp` are used, which are exact. (The
compiler must not fuse multiplications with additions: `-ffp-contract=off`.)
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport fabs, frexp, ldexp
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

include "pcm.pxi"
include "flac.pxi"

cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil

cdef enum:
    FRAME_SIZE = 4096
    MOST_ORDER = 15  # of the linear predictors made here
    LAGS = 16
    MOST_PARTITION_ORDER = 8
    MOST_PARTS = 8
    MOST_SIGNALS = 8  # channels, or two of them and what is made of them
    LONGEST_HEADER = 16  # of a frame

cdef enum:  # what is tried with two channels; see `encode`
    INDEPENDENT
    ESTIMATED
    COMPARED

FRAME_SAMPLES = FRAME_SIZE
"""Samples of each channel in a frame."""


cdef struct Search:
    int stereo
    int order  # of linear predictors; 0: none
    int parts  # windows over all, over halves, … up to this many parts
    int partition_order
    bint exhaustive


cdef struct Subframe:
    int form  # CONSTANT, VERBATIM, FIXED + order, LPC + order - 1
    int order
    int width  # bits of a sample without the wasted ones
    int wasted
    int precision
    int shift
    int32_t coefficients[MOST_ORDER]
    int partition_order
    int parameter_bits
    uint8_t parameters[1 << MOST_PARTITION_ORDER]
    int64_t bits
    uint32_t *residual  # with the sign folded in; not of the first `order` samples


cdef struct Encoder:
    Search search
    int channels
    int width
    int64_t size  # samples of a channel in this frame
    int64_t *signals[MOST_SIGNALS]
    Subframe chosen[MOST_SIGNALS]
    Subframe candidate
    double *windowed


cdef struct Writer:
    uint8_t *out
    uint64_t bits
    int count  # of `bits` in use, below 32 between calls


@cython.boundscheck(False)
@cython.wraparound(False)
def encode(
    const uint8_t[::1] data,
    int channels,
    layout,
    const uint8_t[::1] md5,
    search,
):
    cdef Pcm pcm = pcm_of(layout)
    cdef Encoder encoder
    cdef int64_t count, size
    cdef uint8_t *out = NULL
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"expected 1 to 8 channels, found {channels}")
    if data.shape[0] % (channels * pcm.width):
        raise ValueError(
            f"expected a multiple of {channels * pcm.width} bytes of samples, "
            f"found {data.shape[0]}"
        )
    if md5.shape[0] != 16:
        raise ValueError(f"expected 16 bytes of MD5, found {md5.shape[0]}")
    encoder.search = _search_of(search)
    if channels != 2:
        encoder.search.stereo = INDEPENDENT
    count = data.shape[0] // (channels * pcm.width)
    encoder.channels = channels
    encoder.width = pcm.bits
    try:
        out = <uint8_t *>malloc(_most_bytes(count, channels, pcm.bits))
        if not _allocate(&encoder) or out == NULL:
            raise MemoryError
        with nogil:
            size = _encode(
                &encoder, &data[0] if count else NULL, count, &pcm, &md5[0], out
            )
        return PyBytes_FromStringAndSize(<char *>out, size)
    finally:
        free(out)
        _free(&encoder)


cdef Search _search_of(search) except *:
    """Return a search `(stereo, order, parts, partition_order, exhaustive)` checked."""
    cdef Search found
    (
        found.stereo,
        found.order,
        found.parts,
        found.partition_order,
        found.exhaustive,
    ) = search
    if not (
        INDEPENDENT <= found.stereo <= COMPARED
        and 0 <= found.order <= MOST_ORDER
        and 1 <= found.parts <= MOST_PARTS
        and 0 <= found.partition_order <= MOST_PARTITION_ORDER
    ):
        raise ValueError(f"expected a search within its limits, found {search}")
    return found


cdef int64_t _most_bytes(int64_t count, int channels, int width) noexcept:
    """Return how large a stream of verbatim subframes is."""
    cdef int64_t frames = (count + FRAME_SIZE - 1) // FRAME_SIZE
    cdef int64_t frame = LONGEST_HEADER + 8 * channels
    return 64 + frames * frame + (count * channels * (width + 1) + 7) // 8


cdef bint _allocate(Encoder *encoder) noexcept:
    cdef int i
    cdef bint complete = True
    for i in range(MOST_SIGNALS):
        encoder.signals[i] = NULL
        encoder.chosen[i].residual = NULL
    for i in range(max(encoder.channels, 4)):
        encoder.signals[i] = <int64_t *>malloc(FRAME_SIZE * sizeof(int64_t))
        encoder.chosen[i].residual = <uint32_t *>malloc(FRAME_SIZE * sizeof(uint32_t))
        complete &= encoder.signals[i] != NULL
        complete &= encoder.chosen[i].residual != NULL
    encoder.candidate.residual = <uint32_t *>malloc(FRAME_SIZE * sizeof(uint32_t))
    encoder.windowed = <double *>malloc((FRAME_SIZE + LAGS) * sizeof(double))
    return (
        complete and encoder.candidate.residual != NULL and encoder.windowed != NULL
    )


cdef void _free(Encoder *encoder) noexcept:
    cdef int i
    for i in range(MOST_SIGNALS):
        free(encoder.signals[i])
        free(encoder.chosen[i].residual)
    free(encoder.candidate.residual)
    free(encoder.windowed)


# Bits ------------------------------------------------------------------------------


cdef inline void _put(Writer *writer, uint64_t value, int count) noexcept nogil:
    """Append the low `count` bits of `value`, at most 32."""
    value &= (<uint64_t>1 << count) - 1
    writer.bits = writer.bits << count | value
    writer.count += count
    if writer.count >= 32:
        writer.count -= 32
        value = writer.bits >> writer.count
        writer.out[0] = <uint8_t>(value >> 24)
        writer.out[1] = <uint8_t>(value >> 16)
        writer.out[2] = <uint8_t>(value >> 8)
        writer.out[3] = <uint8_t>value
        writer.out += 4


cdef inline void _put_sample(Writer *writer, int64_t value, int width) noexcept nogil:
    """Append a sample of up to 33 bits."""
    if width > 32:
        _put(writer, <uint64_t>value >> 32, width - 32)
        width = 32
    _put(writer, <uint64_t>value, width)


cdef inline void _put_zeros(Writer *writer, uint32_t count) noexcept nogil:
    while count > 32:
        _put(writer, 0, 32)
        count -= 32
    _put(writer, 0, count)


cdef void _flush(Writer *writer) noexcept nogil:
    """Fill the last byte with zeros and write what is left."""
    _put(writer, 0, -writer.count & 7)
    while writer.count:
        writer.count -= 8
        writer.out[0] = <uint8_t>(writer.bits >> writer.count)
        writer.out += 1


# The stream ------------------------------------------------------------------------


cdef int64_t _encode(
    Encoder *encoder,
    const uint8_t *data,
    int64_t count,
    const Pcm *pcm,
    const uint8_t *md5,
    uint8_t *out,
) noexcept nogil:
    """Fill `out`, which has room for verbatim subframes, and return the size used."""
    cdef Writer writer
    cdef int64_t stride = pcm.width * encoder.channels, start = 0, number = 0
    cdef int64_t size, least = 0, most = 0
    cdef uint8_t *frame
    cdef int i
    writer.out = out + 8 + STREAMINFO_BYTES
    writer.bits = 0
    writer.count = 0
    while start < count:
        encoder.size = min(<int64_t>FRAME_SIZE, count - start)
        for i in range(encoder.channels):
            pcm_unpack(
                data + start * stride + i * pcm.width,
                stride,
                encoder.size,
                pcm,
                encoder.signals[i],
            )
        frame = writer.out
        _put_frame(&writer, encoder, number)
        size = writer.out - frame
        least = min(least, size) if number else size
        most = max(most, size)
        start += encoder.size
        number += 1
    size = writer.out - out
    writer.out = out
    _put_stream_info(&writer, encoder, count, least, most)
    memcpy(writer.out, md5, 16)
    return size


cdef void _put_stream_info(
    Writer *writer, const Encoder *encoder, int64_t count, int64_t least, int64_t most
) noexcept nogil:
    """Write what comes before the MD5 sum."""
    _put(writer, 0x664C6143, 32)  # "fLaC"
    _put(writer, 0x80, 8)  # the only metadata
    _put(writer, STREAMINFO_BYTES, 24)
    _put(writer, FRAME_SIZE, 16)
    _put(writer, FRAME_SIZE, 16)
    _put(writer, least if least >> 24 == 0 else 0, 24)
    _put(writer, most if most >> 24 == 0 else 0, 24)
    _put(writer, 48000, 20)  # of no meaning here, and what others write
    _put(writer, encoder.channels - 1, 3)
    _put(writer, encoder.width - 1, 5)
    if count >> 36:
        count = 0  # not known
    _put(writer, count >> 32, 4)
    _put(writer, count, 32)
    _flush(writer)


cdef void _put_frame(Writer *writer, Encoder *encoder, int64_t number) noexcept nogil:
    cdef uint8_t *start = writer.out
    cdef int signals[MOST_SIGNALS]
    cdef int assignment = _choose(encoder, signals), i
    _put_header(writer, encoder, assignment, number)
    for i in range(encoder.channels):
        _put_subframe(
            writer,
            &encoder.chosen[signals[i]],
            encoder.signals[signals[i]],
            encoder.size,
        )
    _flush(writer)
    _put(writer, crc16_of(start, writer.out - start), 16)
    _flush(writer)


cdef void _put_header(
    Writer *writer, const Encoder *encoder, int assignment, int64_t number
) noexcept nogil:
    cdef uint8_t *start = writer.out
    cdef int size_code = 7
    if encoder.size == FRAME_SIZE:
        size_code = 12
    elif encoder.size <= 256:
        size_code = 6
    _put(writer, SYNC << 1, 16)  # frames of equal size
    _put(writer, size_code, 4)
    _put(writer, 10, 4)  # 48000 samples per second
    _put(writer, assignment, 4)
    _put(writer, _width_code(encoder.width), 3)
    _put(writer, 0, 1)
    _put_number(writer, number)
    if size_code < 8:
        _put(writer, encoder.size - 1, 8 * (size_code - 5))
    _flush(writer)
    _put(writer, crc8_of(start, writer.out - start), 8)
    _flush(writer)


cdef int _width_code(int width) noexcept nogil:
    """Return the code of the bits of a sample; 0 refers to the stream information."""
    if width == 32:
        return 7
    if width == 8 or width == 12:
        return width // 4 - 1
    return width // 4 if width in (16, 20, 24) else 0


cdef void _put_number(Writer *writer, int64_t number) noexcept nogil:
    """Write a number like a character in UTF-8."""
    cdef int more = 0
    if number < 0x80:
        _put(writer, number, 8)
        return
    while number >> (6 * more + 6 - more):
        more += 1
    _put(writer, 0xFF << (7 - more) | number >> 6 * more, 8)
    while more:
        more -= 1
        _put(writer, 0x80 | (number >> 6 * more & 0x3F), 8)


cdef void _put_subframe(
    Writer *writer, const Subframe *subframe, const int64_t *signal, int64_t size
) noexcept nogil:
    cdef int64_t i
    _put(writer, subframe.form << 1 | (subframe.wasted > 0), 8)
    if subframe.wasted:
        _put_zeros(writer, subframe.wasted - 1)
        _put(writer, 1, 1)
    if subframe.form == CONSTANT:
        _put_sample(writer, signal[0], subframe.width)
    elif subframe.form == VERBATIM:
        for i in range(size):
            _put_sample(writer, signal[i], subframe.width)
    else:
        for i in range(subframe.order):
            _put_sample(writer, signal[i], subframe.width)
        if subframe.form >= LPC:
            _put(writer, subframe.precision - 1, 4)
            _put(writer, subframe.shift, 5)
            for i in range(subframe.order):
                _put(writer, <uint64_t>subframe.coefficients[i], subframe.precision)
        _put_residual(writer, subframe, size)


cdef void _put_residual(
    Writer *writer, const Subframe *subframe, int64_t size
) noexcept nogil:
    cdef int64_t length = size >> subframe.partition_order, i = subframe.order
    cdef int part, parameter
    cdef uint32_t folded
    _put(writer, subframe.parameter_bits - RICE_BITS, 2)
    _put(writer, subframe.partition_order, 4)
    for part in range(1 << subframe.partition_order):
        parameter = subframe.parameters[part]
        _put(writer, parameter, subframe.parameter_bits)
        while i < (part + 1) * length:
            folded = subframe.residual[i]
            _put_zeros(writer, folded >> parameter)
            _put(writer, 1, 1)
            _put(writer, folded, parameter)
            i += 1


# Channels --------------------------------------------------------------------------


cdef int _choose(Encoder *encoder, int *signals) noexcept nogil:
    """Find subframes for all channels.

    Return the channel assignment, and in `signals` which signal each subframe is of.
    """
    cdef int assignment = encoder.channels - 1, i
    cdef double costs[4]
    for i in range(encoder.channels):
        signals[i] = i
    if encoder.search.stereo != INDEPENDENT:
        _mix(encoder)
        if encoder.search.stereo == COMPARED:
            for i in range(4):
                _find_subframe(encoder, i)
                costs[i] = <double>encoder.chosen[i].bits
            return _cheapest_pair(costs, signals)
        for i in range(4):
            costs[i] = _binary_logarithm(
                1 + _roughness(encoder.signals[i], encoder.size)
            )
        assignment = _cheapest_pair(costs, signals)
    for i in range(encoder.channels):
        _find_subframe(encoder, signals[i])
    return assignment


cdef void _mix(Encoder *encoder) noexcept nogil:
    """Make the mean (2) and the difference (3) of left (0) and right (1)."""
    cdef const int64_t *left = encoder.signals[0]
    cdef const int64_t *right = encoder.signals[1]
    cdef int64_t i
    for i in range(encoder.size):
        encoder.signals[2][i] = (left[i] + right[i]) >> 1
        encoder.signals[3][i] = left[i] - right[i]


cdef int _cheapest_pair(const double *costs, int *signals) noexcept nogil:
    """Return the channel assignment that costs least, and its signals."""
    cdef int assignment = 1
    cdef double least = costs[0] + costs[1]
    signals[0], signals[1] = 0, 1
    if costs[0] + costs[3] < least:
        least = costs[0] + costs[3]
        assignment = LEFT_SIDE
        signals[0], signals[1] = 0, 3
    if costs[3] + costs[1] < least:
        least = costs[3] + costs[1]
        assignment = SIDE_RIGHT
        signals[0], signals[1] = 3, 1
    if costs[2] + costs[3] < least:
        assignment = MID_SIDE
        signals[0], signals[1] = 2, 3
    return assignment


cdef double _roughness(const int64_t *signal, int64_t size) noexcept nogil:
    """Return the sum of the second differences, without their signs."""
    cdef int64_t total = 0, i, difference
    for i in range(2, size):
        difference = signal[i] - 2 * signal[i - 1] + signal[i - 2]
        total += difference if difference >= 0 else -difference
    return <double>total


# Subframes -------------------------------------------------------------------------


cdef void _find_subframe(Encoder *encoder, int number) noexcept nogil:
    """Find how to code a signal in few bits; the signal loses its wasted bits."""
    cdef int64_t *signal = encoder.signals[number]
    cdef Subframe *chosen = &encoder.chosen[number]
    cdef int width = encoder.width + (number == 3 and encoder.channels == 2)
    cdef int64_t i, size = encoder.size
    cdef uint64_t used = 0, changes = 0
    for i in range(size):
        used |= <uint64_t>signal[i]
        changes |= <uint64_t>(signal[i] ^ signal[0])
    chosen.wasted = 0
    if used and used & 1 == 0:
        chosen.wasted = __builtin_ctzll(used)
        for i in range(size):
            signal[i] >>= chosen.wasted
    chosen.width = width - chosen.wasted
    chosen.order = 0
    if changes == 0:
        chosen.form = CONSTANT
        chosen.bits = 8 + chosen.wasted + chosen.width
        return
    chosen.form = VERBATIM
    chosen.bits = 8 + chosen.wasted + size * chosen.width
    encoder.candidate.width = chosen.width
    encoder.candidate.wasted = chosen.wasted
    _try_fixed(encoder, signal, chosen)
    if encoder.search.order:
        _try_lpc(encoder, signal, chosen)


cdef void _keep_better(Encoder *encoder, Subframe *chosen) noexcept nogil:
    """Take the candidate, whose residual is there, if it needs fewer bits."""
    cdef Subframe *candidate = &encoder.candidate
    cdef Subframe other
    cdef int64_t head = 8 + candidate.wasted + candidate.order * candidate.width
    if candidate.form >= LPC:
        head += 9 + candidate.order * candidate.precision
    if head >= chosen.bits:
        return
    _partition(candidate, encoder.size, encoder.search.partition_order)
    candidate.bits += head
    if candidate.bits < chosen.bits:
        other = chosen[0]
        chosen[0] = candidate[0]
        candidate[0] = other


cdef inline uint64_t _fold(int64_t value) noexcept nogil:
    """Number 0, -1, 1, -2, 2, … by 0, 1, 2, 3, 4, …"""
    return <uint64_t>value << 1 ^ <uint64_t>(value >> 63)


# Fixed predictors


cdef void _try_fixed(
    Encoder *encoder, const int64_t *signal, Subframe *chosen
) noexcept nogil:
    cdef int most = <int>min(<int64_t>4, encoder.size - 1), least = 0, order
    if not encoder.search.exhaustive and most == 4:
        least = most = _guess_fixed_order(signal, encoder.size)
    for order in range(least, most + 1):
        encoder.candidate.form = FIXED + order
        encoder.candidate.order = order
        if _fixed_residual(signal, encoder.size, order, encoder.candidate.residual):
            _keep_better(encoder, chosen)


cdef int _guess_fixed_order(const int64_t *signal, int64_t size) noexcept nogil:
    """Return the order of the smallest differences."""
    cdef int64_t totals[5]
    cdef int64_t last[5]
    cdef int64_t i, difference, before
    cdef int order, best = 0
    memset(totals, 0, sizeof(totals))
    memset(last, 0, sizeof(last))
    for i in range(size):
        difference = signal[i]
        for order in range(5):
            before = last[order]
            last[order] = difference
            if i >= 4:
                totals[order] += difference if difference >= 0 else -difference
            difference -= before
    for order in range(1, 5):
        if totals[order] < totals[best]:
            best = order
    return best


cdef bint _fixed_residual(
    const int64_t *x, int64_t size, int order, uint32_t *residual
) noexcept nogil:
    """Fill the residual and tell whether it fits 32 bits."""
    cdef uint64_t excess = 0, folded
    cdef int64_t value, i
    for i in range(order, size):
        if order == 0:
            value = x[i]
        elif order == 1:
            value = x[i] - x[i - 1]
        elif order == 2:
            value = x[i] - 2 * x[i - 1] + x[i - 2]
        elif order == 3:
            value = x[i] - 3 * (x[i - 1] - x[i - 2]) - x[i - 3]
        else:
            value = x[i] - 4 * (x[i - 1] + x[i - 3]) + 6 * x[i - 2] + x[i - 4]
        folded = _fold(value)
        residual[i] = <uint32_t>folded
        excess |= folded + 1  # the lowest number of 32 bits is not allowed either
    return excess >> 32 == 0


# Linear prediction


cdef void _try_lpc(
    Encoder *encoder, const int64_t *signal, Subframe *chosen
) noexcept nogil:
    """Try the predictors that each window gives."""
    cdef int most = <int>min(<int64_t>encoder.search.order, encoder.size - 1)
    cdef int64_t start, end
    cdef int parts, part
    if most < 1:
        return
    for parts in range(1, encoder.search.parts + 1):
        for part in range(parts):
            start = encoder.size * part // parts
            end = encoder.size * (part + 1) // parts
            if end - start > 2 * most:
                _window(signal + start, end - start, encoder.windowed)
                _try_window(encoder, signal, end - start, most, chosen)


cdef void _window(
    const int64_t *signal, int64_t size, double *windowed
) noexcept nogil:
    """Fade the signal in and out over a quarter of it, and add zeros."""
    cdef int64_t fade = size // 4, i
    cdef double t, weight
    for i in range(size):
        windowed[i] = <double>signal[i]
    for i in range(fade):
        t = <double>(2 * i + 1) / <double>(2 * fade)
        weight = t * t * (3 - 2 * t)
        windowed[i] *= weight
        windowed[size - 1 - i] *= weight
    for i in range(LAGS):
        windowed[size + i] = 0


cdef void _try_window(
    Encoder *encoder,
    const int64_t *signal,
    int64_t size,
    int most,
    Subframe *chosen,
) noexcept nogil:
    """Try the predictors made from the windowed signal of `size` samples."""
    cdef double correlation[LAGS]
    cdef double predictors[MOST_ORDER * MOST_ORDER]
    cdef double errors[MOST_ORDER]
    cdef int precision = _precision(encoder.width, encoder.size), order, least = 1
    _autocorrelate(encoder.windowed, size, correlation)
    most = _levinson_durbin(correlation, most, predictors, errors)
    if most == 0:
        return
    if not encoder.search.exhaustive:
        least = most = _guess_order(errors, most, size, chosen.width + precision)
    for order in range(least, most + 1):
        encoder.candidate.form = LPC + order - 1
        encoder.candidate.order = order
        encoder.candidate.precision = precision
        if _quantize(
            predictors + (order - 1) * MOST_ORDER, &encoder.candidate
        ) and _lpc_residual(signal, encoder.size, &encoder.candidate):
            _keep_better(encoder, chosen)


cdef int _precision(int width, int64_t size) noexcept nogil:
    """Return the bits of a coefficient: fewer for small samples and short frames."""
    cdef int precision = 0
    while size >> (precision + 1):
        precision += 1
    if width > 16:
        precision += 3
    elif width < 16:
        precision = min(precision, 2 + width // 2)
    return max(5, min(15, precision))


cdef void _autocorrelate(
    const double *windowed, int64_t size, double *correlation
) noexcept nogil:
    cdef double totals[LAGS]
    cdef int64_t i
    cdef int lag
    for lag in range(LAGS):
        totals[lag] = 0
    for i in range(size):
        for lag in range(LAGS):
            totals[lag] += windowed[i] * windowed[i + lag]
    for lag in range(LAGS):
        correlation[lag] = totals[lag]


cdef int _levinson_durbin(
    const double *correlation, int most, double *predictors, double *errors
) noexcept nogil:
    """Return the highest order for which there is a predictor.

    The predictor of order n is row n - 1 of `predictors`, and what it leaves of the
    energy element n - 1 of `errors`.
    """
    cdef double predictor[MOST_ORDER]
    cdef double turned[MOST_ORDER]
    cdef double error = correlation[0], reflection
    cdef int order, i
    for order in range(most):
        if not error > 0:
            return order
        reflection = correlation[order + 1]
        for i in range(order):
            reflection -= predictor[i] * correlation[order - i]
            turned[i] = predictor[order - 1 - i]
        reflection /= error
        for i in range(order):
            predictor[i] -= reflection * turned[i]
        predictor[order] = reflection
        error *= 1 - reflection * reflection
        errors[order] = error
        memcpy(
            predictors + order * MOST_ORDER, predictor, (order + 1) * sizeof(double)
        )
    return most


cdef int _guess_order(
    const double *errors, int most, int64_t size, int bits_per_order
) noexcept nogil:
    """Return the order that promises the fewest bits; 0 if there is none."""
    cdef double bits, least = 0, mean
    cdef int order, best = 0
    for order in range(1, most + 1):
        # Bits of a sample if the residual has the distribution of Laplace.
        mean = 0.24 * errors[order - 1] / <double>size
        bits = 0.5 * _binary_logarithm(mean) if mean > 1 else 0
        bits = bits * <double>(size - order) + order * bits_per_order
        if best == 0 or bits < least:
            best = order
            least = bits
    return best


cdef double _binary_logarithm(double value) noexcept nogil:
    """Return log2 to about two digits, the same ones on every machine."""
    cdef int exponent
    cdef double fraction = frexp(value, &exponent)
    # A parabola that is right at 1/2, at the root of 1/2 and at 1.
    return exponent + (4.1213 - 1.4142 * fraction) * fraction - 2.7071


cdef bint _quantize(const double *predictor, Subframe *candidate) noexcept nogil:
    """Round the coefficients, each with what rounding left of those before."""
    cdef int64_t most = (1 << (candidate.precision - 1)) - 1, rounded
    cdef double largest = 0, rest = 0
    cdef int exponent, i
    for i in range(candidate.order):
        largest = max(largest, fabs(predictor[i]))
    if not 0 < largest < 1e6:
        return False
    frexp(largest, &exponent)
    candidate.shift = max(0, min(15, candidate.precision - 1 - exponent))
    for i in range(candidate.order):
        rest += ldexp(predictor[i], candidate.shift)
        rounded = <int64_t>(rest + (0.5 if rest >= 0 else -0.5))
        rounded = max(<int64_t>-most - 1, min(most, rounded))
        candidate.coefficients[i] = <int32_t>rounded
        rest -= <double>rounded
    return True


cdef bint _lpc_residual(
    const int64_t *signal, int64_t size, Subframe *candidate
) noexcept nogil:
    """Fill the residual and tell whether it fits 32 bits."""
    cdef uint64_t excess = 0, folded
    cdef int64_t total, i
    cdef int order = candidate.order, k
    for i in range(order, size):
        total = 0
        for k in range(order):
            total += candidate.coefficients[k] * signal[i - 1 - k]
        folded = _fold(signal[i] - (total >> candidate.shift))
        candidate.residual[i] = <uint32_t>folded
        excess |= folded + 1
    return excess >> 32 == 0


# Rice codes ------------------------------------------------------------------------


cdef void _partition(Subframe *candidate, int64_t size, int most) noexcept nogil:
    """Choose the partitions of the residual, and count the bits they take."""
    cdef uint64_t totals[1 << MOST_PARTITION_ORDER]
    cdef uint8_t parameters[1 << MOST_PARTITION_ORDER]
    cdef int64_t bits, least = -1
    cdef int order = most, best = 0, largest, part
    while order and (
        size & ((1 << order) - 1) or size >> order <= candidate.order
    ):
        order -= 1
    _sum_up(candidate, size, order, totals)
    while order >= 0:
        bits = _choose_parameters(candidate, size, order, totals, parameters)
        if least < 0 or bits < least:
            least = bits
            best = order
            memcpy(candidate.parameters, parameters, 1 << order)
        for part in range((1 << order) // 2):
            totals[part] = totals[2 * part] + totals[2 * part + 1]
        order -= 1
    candidate.partition_order = best
    largest = 0
    for part in range(1 << best):
        largest = max(largest, candidate.parameters[part])
    candidate.parameter_bits = RICE_BITS if largest < 15 else RICE2_BITS
    candidate.bits = _count_bits(candidate, size)


cdef void _sum_up(
    const Subframe *candidate, int64_t size, int order, uint64_t *totals
) noexcept nogil:
    cdef int64_t length = size >> order, i = candidate.order, end
    cdef uint64_t total
    cdef int part
    for part in range(1 << order):
        total = 0
        end = (part + 1) * length
        while i < end:
            total += candidate.residual[i]
            i += 1
        totals[part] = total


cdef int64_t _choose_parameters(
    const Subframe *candidate,
    int64_t size,
    int order,
    const uint64_t *totals,
    uint8_t *parameters,
) noexcept nogil:
    """Choose by the sums, and return about how many bits it takes."""
    cdef int64_t bits = 0, count, cost, other
    cdef int part, parameter
    for part in range(1 << order):
        count = (size >> order) - (0 if part else candidate.order)
        parameter = 0
        while parameter < 30 and <uint64_t>count << (parameter + 1) <= totals[part]:
            parameter += 1
        # The best is the binary logarithm of the mean, or one below.
        cost = _estimate(totals[part], count, parameter)
        if parameter:
            other = _estimate(totals[part], count, parameter - 1)
            if other <= cost:
                cost = other
                parameter -= 1
        parameters[part] = <uint8_t>parameter
        bits += RICE_BITS + cost
    return bits


cdef inline int64_t _estimate(
    uint64_t total, int64_t count, int parameter
) noexcept nogil:
    """Return about how many bits numbers take, if their low bits are random."""
    cdef uint64_t low = <uint64_t>count * ((<uint64_t>1 << parameter) - 1) // 2
    total = total - low if total > low else 0
    return count * (parameter + 1) + <int64_t>(total >> parameter)


cdef int64_t _count_bits(const Subframe *candidate, int64_t size) noexcept nogil:
    """Return the bits that the residual takes."""
    cdef int64_t length = size >> candidate.partition_order, i = candidate.order
    cdef int64_t bits = 6, end
    cdef int part, parameter
    for part in range(1 << candidate.partition_order):
        parameter = candidate.parameters[part]
        end = (part + 1) * length
        bits += candidate.parameter_bits + (end - i) * (parameter + 1)
        while i < end:
            bits += candidate.residual[i] >> parameter
            i += 1
    return bits
