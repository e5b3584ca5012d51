# cython: cdivision=True
# All divisors are positive.
"""Rice++: 16-bit pixels as differences, in Rice codes whose parameter suits each block.

DwarFS format, "RICE++". The bit stream is packed least significant bit first. Nothing
is read beyond the stream, and its length bounds the time spent on it: a run of zero
bits longer than any difference needs ends the decoder.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

cdef enum:
    PIXEL_BITS = 16
    SELECTOR_BITS = 4
    ALL_EQUAL = 0  # selectors; between them: the split of a Rice code, plus 1
    RAW = 15
    SPLIT_END = 14  # splits are 0..13
    LARGEST_BLOCK = 512
    MOST_COMPONENTS = 2
    PADDING_BYTES = 8  # encoders may fill up their last word

cdef enum:  # what decoding came to
    DONE = -1
    TRUNCATED = -2
    RUN_TOO_LONG = -3

cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil


cdef struct Shape:
    int block_size
    int components
    int shift  # low bits of a pixel that are always zero
    bint big_endian


cdef struct Writer:
    uint8_t *out
    uint64_t bits
    int count  # of `bits` in use, below 32 between calls


cdef struct Reader:
    const uint8_t *data
    uint64_t size
    uint64_t position  # in bits


@cython.boundscheck(False)
@cython.wraparound(False)
def encode(
    const uint8_t[::1] data,
    int block_size,
    int component_count,
    int unused_lsb_count,
    bint big_endian,
):
    cdef Shape shape = _shape(
        data.shape[0], block_size, component_count, unused_lsb_count, big_endian
    )
    cdef int64_t count = data.shape[0] // 2, size
    cdef uint8_t *out
    if count == 0:
        return b""
    # Raw blocks are the longest.
    out = <uint8_t *>malloc(
        data.shape[0] + 2 * component_count + _block_count(count, &shape) + 8
    )
    if out == NULL:
        raise MemoryError
    try:
        with nogil:
            size = _encode(&data[0], count, &shape, out)
        return PyBytes_FromStringAndSize(<char *>out, size)
    finally:
        free(out)


@cython.boundscheck(False)
@cython.wraparound(False)
def decode(
    const uint8_t[::1] stream,
    int64_t size,
    int block_size,
    int component_count,
    int unused_lsb_count,
    bint big_endian,
):
    cdef Shape shape = _shape(
        size, block_size, component_count, unused_lsb_count, big_endian
    )
    cdef int64_t count = size // 2, least, result
    cdef Reader reader
    cdef uint8_t *out
    if count:
        least = PIXEL_BITS * component_count
        least += SELECTOR_BITS * _block_count(count, &shape)
        if stream.shape[0] < (least + 7) // 8:
            raise ValueError(
                f"expected {(least + 7) // 8} bytes of stream or more for {size} "
                f"bytes, found {stream.shape[0]}"
            )
    reader.data = &stream[0] if stream.shape[0] else NULL
    reader.size = stream.shape[0]
    reader.position = 0
    data = PyBytes_FromStringAndSize(NULL, size)
    out = <uint8_t *>PyBytes_AS_STRING(data)  # not shared before it is returned
    with nogil:
        result = _decode(&reader, count, &shape, out)
    if result == RUN_TOO_LONG:
        raise ValueError(
            f"expected a difference of 16 bits, found a longer one, "
            f"at bit {reader.position} of the stream"
        )
    if result == TRUNCATED:
        raise ValueError(f"expected {size} bytes, found the end of the stream")
    if not _is_padding(&reader):
        raise ValueError(
            f"expected {(reader.position + 7) // 8} bytes of stream, "
            f"found {stream.shape[0]}"
        )
    return data


@cython.boundscheck(False)
@cython.wraparound(False)
def unused_bits(const uint8_t[::1] data, bint big_endian):
    cdef int64_t i, count = data.shape[0] // 2
    cdef uint8_t first = 0, second = 0
    cdef uint32_t used
    if data.shape[0] % 2:
        raise ValueError(f"expected whole pixels, found {data.shape[0]} bytes")
    with nogil:
        for i in range(count):
            first |= data[2 * i]
            second |= data[2 * i + 1]
    used = first << 8 | second if big_endian else second << 8 | first
    return __builtin_ctzll(used | 1 << PIXEL_BITS)


cdef Shape _shape(
    int64_t size, int block_size, int components, int shift, bint big_endian
) except *:
    cdef Shape shape
    if not 1 <= block_size <= LARGEST_BLOCK:
        raise ValueError(f"expected blocks of 1 to 512 pixels, found {block_size}")
    if not 1 <= components <= MOST_COMPONENTS:
        raise ValueError(f"expected 1 or 2 components, found {components}")
    if not 0 <= shift < PIXEL_BITS:
        raise ValueError(f"expected 0 to 15 unused bits, found {shift}")
    if size < 0 or size % (2 * components):
        raise ValueError(
            f"expected a multiple of {2 * components} bytes of pixels, found {size}"
        )
    shape.block_size = block_size
    shape.components = components
    shape.shift = shift
    shape.big_endian = big_endian
    return shape


cdef inline int64_t _block_count(int64_t count, const Shape *shape) noexcept nogil:
    cdef int64_t group = <int64_t>shape.block_size * shape.components
    return (count + group - 1) // group * shape.components


cdef inline uint16_t _load(const uint8_t *at, const Shape *shape) noexcept nogil:
    cdef uint32_t pixel
    pixel = at[0] << 8 | at[1] if shape.big_endian else at[1] << 8 | at[0]
    return <uint16_t>(pixel >> shape.shift)


cdef inline void _store(uint8_t *at, uint16_t value, const Shape *shape) noexcept nogil:
    cdef uint32_t pixel = <uint32_t>value << shape.shift
    at[shape.big_endian] = <uint8_t>pixel
    at[not shape.big_endian] = <uint8_t>(pixel >> 8)


# Writing ---------------------------------------------------------------------------


cdef inline void _put(Writer *writer, uint32_t value, int count) noexcept nogil:
    writer.bits |= <uint64_t>value << writer.count
    writer.count += count
    if writer.count >= 32:
        writer.out[0] = <uint8_t>writer.bits
        writer.out[1] = <uint8_t>(writer.bits >> 8)
        writer.out[2] = <uint8_t>(writer.bits >> 16)
        writer.out[3] = <uint8_t>(writer.bits >> 24)
        writer.out += 4
        writer.bits >>= 32
        writer.count -= 32


cdef inline void _put_zeros(Writer *writer, uint32_t count) noexcept nogil:
    while count > 32:
        _put(writer, 0, 32)
        count -= 32
    _put(writer, 0, count)


cdef inline void _flush(Writer *writer) noexcept nogil:
    while writer.count > 0:
        writer.out[0] = <uint8_t>writer.bits
        writer.out += 1
        writer.bits >>= 8
        writer.count -= 8


cdef int64_t _encode(
    const uint8_t *data, int64_t count, const Shape *shape, uint8_t *out
) noexcept nogil:
    """Fill `out`, which has room for raw blocks, and return the size used."""
    cdef Writer writer
    cdef uint16_t last[MOST_COMPONENTS]
    cdef int64_t start = 0, size
    cdef int i
    writer.out = out
    writer.bits = 0
    writer.count = 0
    for i in range(shape.components):
        last[i] = _load(data + 2 * i, shape)
        _put(&writer, last[i], PIXEL_BITS)
    while start < count:
        size = min(<int64_t>shape.block_size, (count - start) // shape.components)
        for i in range(shape.components):
            _encode_block(&writer, data + 2 * (start + i), <int>size, shape, &last[i])
        start += size * shape.components
    _flush(&writer)
    return writer.out - out


cdef void _encode_block(
    Writer *writer, const uint8_t *data, int size, const Shape *shape, uint16_t *last
) noexcept nogil:
    cdef uint16_t differences[LARGEST_BLOCK]
    cdef uint32_t total = 0, cost
    cdef uint16_t value, step
    cdef int i, split
    cdef int stride = 2 * shape.components
    for i in range(size):
        value = _load(data + i * stride, shape)
        step = <uint16_t>(value - last[0])
        last[0] = value
        # Zigzag: small differences of either sign are small numbers.
        differences[i] = <uint16_t>(step << 1) ^ (0xFFFF if step >> 15 else 0)
        total += differences[i]
    if total == 0:
        _put(writer, ALL_EQUAL, SELECTOR_BITS)
        return
    split = _best_split(differences, size, total, &cost)
    if split >= SPLIT_END or cost >= <uint32_t>(PIXEL_BITS * size):
        _put(writer, RAW, SELECTOR_BITS)
        for i in range(size):
            _put(writer, data[i * stride] | data[i * stride + 1] << 8, PIXEL_BITS)
        return
    _put(writer, split + 1, SELECTOR_BITS)
    for i in range(size):
        _put_zeros(writer, differences[i] >> split)
        _put(writer, 1 | (differences[i] & ((1 << split) - 1)) << 1, split + 1)


cdef uint32_t _cost(const uint16_t *differences, int size, int split) noexcept nogil:
    """Return the bits of a block with `split` low bits of each difference verbatim."""
    cdef uint32_t cost = <uint32_t>size * (split + 1)
    cdef int i
    for i in range(size):
        cost += differences[i] >> split
    return cost


cdef int _best_split(
    const uint16_t *differences, int size, uint32_t total, uint32_t *cost
) noexcept nogil:
    """Return the cheapest split and its cost.

    The walk from a guess by the mean, downhill and over plateaus, is the reference's:
    among splits of equal cost it decides which is taken.
    """
    cdef uint32_t mean = total // size, below, above, following
    cdef int split = 0, direction
    while mean >> (split + 2):
        split += 1
    below = _cost(differences, size, split)
    above = _cost(differences, size, split + 1)
    if above <= below:
        split += 1
        direction = 1
        cost[0] = above
    else:
        direction = -1
        cost[0] = below
    if above == below:
        return split
    while 0 < split < SPLIT_END:
        following = _cost(differences, size, split + direction)
        if following > cost[0]:
            break
        cost[0] = following
        split += direction
    return split


# Reading ---------------------------------------------------------------------------


cdef inline uint64_t _peek(const Reader *reader) noexcept nogil:
    """Return the next 57 bits or more, zeros beyond the end."""
    cdef uint64_t byte = reader.position >> 3, bits = 0, i
    cdef const uint8_t *at
    if byte + 8 <= reader.size:
        at = reader.data + byte
        bits = (
            <uint64_t>at[0]
            | <uint64_t>at[1] << 8
            | <uint64_t>at[2] << 16
            | <uint64_t>at[3] << 24
            | <uint64_t>at[4] << 32
            | <uint64_t>at[5] << 40
            | <uint64_t>at[6] << 48
            | <uint64_t>at[7] << 56
        )
    elif byte < reader.size:
        for i in range(reader.size - byte):
            bits |= <uint64_t>reader.data[byte + i] << (8 * i)
    return bits >> (reader.position & 7)


cdef inline uint32_t _take(Reader *reader, int count) noexcept nogil:
    cdef uint64_t bits = _peek(reader)
    reader.position += count
    return <uint32_t>(bits & ((<uint64_t>1 << count) - 1))


cdef inline int64_t _take_zeros(Reader *reader, int64_t most) noexcept nogil:
    """Return how many zeros come before the next one and pass both; -1: too many."""
    cdef uint64_t bits = _peek(reader) & ((<uint64_t>1 << 57) - 1)
    cdef int64_t zeros = 0, ahead
    while bits == 0:
        zeros += 57
        reader.position += 57
        if zeros > most:
            return -1
        bits = _peek(reader) & ((<uint64_t>1 << 57) - 1)
    ahead = __builtin_ctzll(bits)
    reader.position += ahead + 1
    return zeros + ahead if zeros + ahead <= most else -1


cdef int64_t _decode(
    Reader *reader, int64_t count, const Shape *shape, uint8_t *out
) noexcept nogil:
    cdef uint16_t last[MOST_COMPONENTS]
    cdef int64_t start = 0, size, result
    cdef int i
    if count == 0:
        return DONE
    for i in range(shape.components):
        last[i] = <uint16_t>_take(reader, PIXEL_BITS)
    while start < count:
        size = min(<int64_t>shape.block_size, (count - start) // shape.components)
        for i in range(shape.components):
            result = _decode_block(
                reader, out + 2 * (start + i), <int>size, shape, &last[i]
            )
            # A block takes no more than `size` steps, so this is often enough.
            if reader.position > 8 * reader.size:
                return TRUNCATED
            if result != DONE:
                return result
        start += size * shape.components
    return DONE


cdef int64_t _decode_block(
    Reader *reader, uint8_t *out, int size, const Shape *shape, uint16_t *last
) noexcept nogil:
    cdef int selector = _take(reader, SELECTOR_BITS), split = selector - 1
    cdef int stride = 2 * shape.components, i
    cdef int64_t zeros, most
    cdef uint32_t difference, pixel
    if selector == ALL_EQUAL:
        for i in range(size):
            _store(out + i * stride, last[0], shape)
    elif selector == RAW:
        for i in range(size):
            pixel = _take(reader, PIXEL_BITS)
            out[i * stride] = <uint8_t>pixel
            out[i * stride + 1] = <uint8_t>(pixel >> 8)
        last[0] = _load(out + (size - 1) * stride, shape)
    else:
        most = 0xFFFF >> split
        for i in range(size):
            zeros = _take_zeros(reader, most)
            if zeros < 0:
                return RUN_TOO_LONG
            difference = <uint32_t>zeros << split | _take(reader, split)
            last[0] += <uint16_t>(difference >> 1) ^ (0xFFFF if difference & 1 else 0)
            _store(out + i * stride, last[0], shape)
    return DONE


cdef bint _is_padding(const Reader *reader) noexcept nogil:
    """Tell whether nothing is left but zeros that fill up a word."""
    cdef uint64_t byte = (reader.position + 7) >> 3
    if reader.size - byte >= PADDING_BYTES:
        return False
    return reader.position >> 3 == reader.size or _peek(reader) == 0
