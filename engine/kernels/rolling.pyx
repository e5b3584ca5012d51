# cython: cdivision=True
# All divisors are positive.
"""Cut contents into blocks, referring to repeated stretches instead of storing them.

The segmenter of DwarFS. Each block that is searched notes a rolling hash of its
windows at every step; the hash of the window before each position of new data is
looked up there. What matches is extended in both directions and becomes a chunk;
the rest is appended.

The index finds what the description of the format finds, but is built for speed:

* The hash is a polynomial in `BASE` modulo 2**64, of which the upper half is used.
  Unlike the two sums of rsync it addresses filter and buckets without mixing.
* The hash of a window inside a block is the difference of two hashes of all that is
  before, noted at every step: cheaper than a second rolling hash.
* All searched blocks share one index. Its entries are a ring in the order they were
  stored: a block is dropped by moving the start of the ring on. Chains of entries
  run from new to old and end at what is older than the start. The ring grows, and
  the bloom filter with it. A hash has three bits in one word of the filter.

One rule is added, so that data which looks alike everywhere does not make a search
quadratic, and so that the result does not depend on the windows a large content is
presented in: of the stored windows with equal hash only the `MAX_CANDIDATES` newest
are tried, and of their forward extensions only the first `horizon` bytes count when
the longest is chosen. Among equals the newest wins, and is extended as far as it goes.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

ctypedef const uint8_t *bytes_t

cdef enum:
    _MAX_CANDIDATES = 64
    _FIRST_ROOM = 1 << 14  # entries the index has room for at first

cdef enum:  # what came of a search
    NOTHING
    FOUND
    UNDECIDED  # which match is the longest will be known when there is more data

MAX_CANDIDATES = _MAX_CANDIDATES
"""How many stored windows of equal hash are compared with the data, newest first."""

HORIZON = 1 << 20
"""Bytes of a match beyond its window that count in the choice of the longest."""


cdef extern from *:  # constants for the C compiler
    """
    #include <stdint.h>
    #define ROLLING_BASE UINT64_C(0x9E3779B97F4A7C15)
    #define ROLLING_BASE_2 (ROLLING_BASE * ROLLING_BASE)
    #define ROLLING_BASE_3 (ROLLING_BASE_2 * ROLLING_BASE)
    #define ROLLING_BASE_4 (ROLLING_BASE_3 * ROLLING_BASE)
    """
    const uint64_t BASE "ROLLING_BASE"
    const uint64_t BASE_2 "ROLLING_BASE_2"
    const uint64_t BASE_3 "ROLLING_BASE_3"
    const uint64_t BASE_4 "ROLLING_BASE_4"


cdef struct Chunk:
    int32_t content
    uint32_t block
    uint32_t offset
    uint32_t size


cdef struct Block:
    uint8_t *data
    int64_t fill
    uint32_t number
    uint32_t first_entry
    uint64_t repeated[4]  # byte values whose window of nothing else is stored


cdef struct Entry:
    uint32_t hash
    uint32_t older  # entry with the same bucket
    uint32_t block
    uint32_t position


cdef struct Match:
    int64_t start  # in the data
    int64_t size
    int64_t limit  # of the block, when the match was found
    uint32_t block
    uint32_t offset


cdef class RollingSegmenter:
    """Fill blocks of `capacity` bytes and note which chunks make up which content.

    Contents come one after the other, each whole (`add_batch`) or in windows
    (`add_window`). Sizes are multiples of `granularity`, as is everything else
    here but `window` and `step`, which count frames of that many bytes.

    Args:
        capacity: Bytes of a full block.
        window: Frames of a window; 0 only appends.
        step: Frames between the stored windows of a block; divides `window`.
        lookback: How many blocks, counting the one being filled, are searched;
            0 only appends.
        bloom_bits: The filter has 2**bloom_bits bits for each stored window.
        granularity: Bytes of a frame.
        on_block: Gets each block as a read-only buffer that never changes again.
        horizon: See `HORIZON`.
    """

    cdef readonly int64_t matched_bytes
    cdef readonly int64_t segmented_bytes
    cdef readonly uint32_t block_count
    cdef object on_block
    # Parameters, all in bytes.
    cdef int64_t capacity, window, step, granularity, horizon, lookback
    cdef int bloom_bits
    cdef bint searching
    cdef uint64_t[256] leaving  # what each byte counts when it leaves the window
    # Active blocks, oldest first; `buffers` keeps their data alive.
    cdef list buffers
    cdef Block *blocks
    cdef int64_t active, blocks_room
    # Hash of all of the block being filled, and what it was at the last steps.
    cdef uint64_t block_hash
    cdef uint64_t *marks
    cdef int64_t marks_room
    # The index: a ring of entries, counted modulo 2**32, and its bloom filter.
    cdef Entry *entries
    cdef uint32_t *buckets
    cdef uint64_t *filter
    cdef uint64_t filter_mask
    cdef uint32_t room, first, end
    cdef int bucket_shift
    # The content in hand; `pos` and `next_append` count from its first byte that
    # is neither stored nor matched yet.
    cdef int32_t content
    cdef bint pending, hashed, finished
    cdef int64_t pos, next_append
    cdef uint64_t hash
    cdef Match best
    # A match that reached the end of the data and goes on with what comes next.
    cdef object open_buffer
    cdef bytes_t open_data
    cdef int64_t open_size, open_limit
    # Result.
    cdef Chunk *chunk_list
    cdef int64_t chunk_count, chunk_room

    def __cinit__(
        self,
        int64_t capacity,
        int64_t window,
        int64_t step,
        int64_t lookback,
        int bloom_bits,
        int64_t granularity,
        on_block,
        *,
        int64_t horizon=HORIZON,
    ):
        cdef uint64_t weight
        cdef int value
        if granularity < 1 or capacity < granularity or capacity % granularity:
            raise ValueError(
                f"expected whole frames of {granularity} bytes in a block, "
                f"found {capacity} bytes"
            )
        if capacity > 1 << 30:
            raise ValueError(f"expected at most 2**30 bytes a block, found {capacity}")
        if window and not 0 < step <= window or window and window % step:
            raise ValueError(f"expected a step that divides {window}, found {step}")
        if not 0 <= bloom_bits <= 10:
            raise ValueError(f"expected 0 to 10 bloom filter bits, found {bloom_bits}")
        self.on_block = on_block
        self.capacity = capacity
        self.window = window * granularity
        self.step = step * granularity
        self.lookback = max(1, lookback)
        self.bloom_bits = bloom_bits
        self.granularity = granularity
        self.horizon = horizon
        self.buffers = []
        # A window that fits in no block is never stored, so never found.
        self.searching = 0 < self.window <= capacity and lookback > 0
        weight = power(BASE, self.window)
        for value in range(256):  # a table is faster than to multiply
            self.leaving[value] = weight * <uint64_t>value
        if self.searching:
            self._make_index()

    def __dealloc__(self):
        free(self.blocks)
        free(self.marks)
        free(self.entries)
        free(self.buckets)
        free(self.filter)
        free(self.chunk_list)

    # -- public ------------------------------------------------------------------

    @cython.boundscheck(False)  # all ranges are checked before the loop
    @cython.wraparound(False)
    def add_batch(
        self,
        const int32_t[::1] contents,
        const uint8_t[::1] buffer,
        const int64_t[::1] starts,
        const int64_t[::1] sizes,
    ):
        """Take whole contents; number i is `buffer[starts[i] : starts[i] + sizes[i]]`.

        Raises:
            ValueError: A content is out of the buffer or no whole number of frames,
                or another one is unfinished.
        """
        cdef Py_ssize_t i, count = contents.shape[0]
        if starts.shape[0] != count or sizes.shape[0] != count:
            raise ValueError(
                f"expected {count} starts and sizes, "
                f"found {starts.shape[0]} and {sizes.shape[0]}"
            )
        for i in range(count):
            if not (0 <= starts[i] and 0 <= sizes[i] <= buffer.shape[0] - starts[i]):
                raise ValueError(f"content {contents[i]} reaches out of its buffer")
            if sizes[i] % self.granularity:
                raise ValueError(self._ragged(contents[i], sizes[i]))
        with nogil:
            for i in range(count):
                if sizes[i]:
                    self._begin(contents[i])
                    self._advance(&buffer[starts[i]], sizes[i], True)
                    self.pending = False

    def add_window(self, int32_t content, const uint8_t[::1] buffer, bint last):
        """Take the next part of a large content and return how much was consumed.

        What is left must come again, followed by more. Without the last one, less
        than a window, two steps and the horizon are left over.

        Raises:
            ValueError: Another content is unfinished, or the last window ends
                inside a frame.
        """
        cdef int64_t consumed = 0, size = buffer.shape[0]
        if size % self.granularity:
            if last:
                raise ValueError(self._ragged(content, size))
            size -= size % self.granularity
        with nogil:
            self._begin(content)
            if size:
                consumed = self._advance(&buffer[0], size, last)
            if last:
                self.pending = False
                self._close_match()
        return consumed

    def finish(self):
        """Hand over the last block, trimmed to what is in it.

        Raises:
            ValueError: A content is unfinished.
        """
        if self.pending:
            raise ValueError(f"content {self.content} is unfinished")
        self.finished = True
        if self.active and self.blocks[self.active - 1].fill < self.capacity:
            self._hand_over()

    def drop(self, int32_t content):
        """Forget the chunks of `content`, finished or not. Its blocks stay as is."""
        cdef int64_t i, kept = 0
        for i in range(self.chunk_count):
            if self.chunk_list[i].content != content:
                self.chunk_list[kept] = self.chunk_list[i]
                kept += 1
        self.chunk_count = kept
        if self.pending and self.content == content:
            self.pending = False
            self._close_match()

    def chunks(self):
        """Return all chunks: 16 bytes each, i4 content, u4 block, offset and size."""
        return PyBytes_FromStringAndSize(
            <const char *>self.chunk_list, self.chunk_count * sizeof(Chunk)
        )

    # -- the content in hand -----------------------------------------------------

    cdef str _ragged(self, int32_t content, int64_t size):
        return (
            f"expected whole frames of {self.granularity} bytes, "
            f"found {size} bytes in content {content}"
        )

    cdef int _begin(self, int32_t content) except -1 nogil:
        if self.finished:
            with gil:
                raise ValueError(f"content {content} comes after the end")
        if not self.pending:
            self.pending = True
            self.hashed = False
            self.content = content
        elif self.content != content:
            with gil:
                raise ValueError(
                    f"content {content} comes before the end of {self.content}"
                )
        return 0

    cdef int64_t _advance(self, bytes_t data, int64_t size, bint last) except -1 nogil:
        """Consume all of `data` that can be decided about; return how much that is."""
        cdef int64_t written
        if self.searching:
            written = self._search(data, size, last)
            if last:
                self._append(data + written, size - written)
                written = size
        else:
            self._append(data, size)
            written = size
        self.segmented_bytes += written
        return written

    cdef int64_t _search(self, bytes_t data, int64_t size, bint last) except -1 nogil:
        """Store or match from the start of `data` on; return where that ended."""
        cdef int64_t written = 0, pos, stop, lag = self.window + self.step
        cdef int verdict
        cdef bint hit
        if self.open_data != NULL:
            written = self._continue_match(data, size)
            if self.open_data != NULL:
                return written
        while True:
            if not self.hashed:
                if size - written < self.window:
                    return written
                self._restart_hash(data + written)
            pos = written + self.pos
            if pos >= size:
                return written
            stop = min(written + self.next_append, size - self.granularity)
            hit = self._scan(data, &pos, stop)
            self.pos = pos - written
            if hit:
                verdict = self._find(data, written, pos, size, last)
                if verdict == UNDECIDED:
                    return written
                if verdict == FOUND:
                    written = self._take_match(data, written, size, last)
                    if self.open_data != NULL:
                        return written
                    continue
            if self.pos == self.next_append:
                self._append(data + written, self.pos - lag)
                written += self.pos - lag
                self.pos = lag
                self.next_append = lag + self.step
            self.hash = self._slid(data + pos, self.hash)
            self.pos += self.granularity

    cdef int _restart_hash(self, bytes_t data) except -1 nogil:
        cdef int64_t fill = 0
        if self.active:
            fill = self.blocks[self.active - 1].fill
        self.hash = extended(0, data, self.window)
        self.pos = self.window
        # Appending in whole steps of the block makes backward extension possible
        # for as long as a stored window can be away.
        self.next_append = self.window + 2 * self.step - fill % self.step
        self.hashed = True
        return 0

    cdef inline uint64_t _slid(self, bytes_t data, uint64_t hash_) noexcept nogil:
        """Return the hash of the window before `data`, moved on by one frame."""
        cdef int64_t i
        for i in range(self.granularity):
            hash_ = hash_ * BASE + data[i] - self.leaving[data[i - self.window]]
        return hash_

    cdef bint _scan(self, bytes_t data, int64_t *position, int64_t stop) noexcept nogil:
        """Move on to the first position up to `stop` that passes the filter, if any."""
        cdef bytes_t at = data + position[0]
        cdef uint64_t hash_ = self.hash
        if self.granularity == 1:
            at = scan(at, data + stop, self.window, self.leaving,
                      &hash_, self.filter, self.filter_mask)
        else:
            while at != data + stop and misses(hash_, self.filter, self.filter_mask):
                hash_ = self._slid(at, hash_)
                at += self.granularity
        self.hash = hash_
        position[0] = at - data
        return not misses(hash_, self.filter, self.filter_mask)

    # -- matches -----------------------------------------------------------------

    cdef int _find(
        self, bytes_t data, int64_t written, int64_t pos, int64_t size, bint last
    ) except -1 nogil:
        """Look for the longest match of the window before `pos` into `best`."""
        cdef uint32_t value = <uint32_t>(self.hash >> 32)
        cdef uint32_t at = self.buckets[self._bucket(value)]
        cdef uint32_t live = self.end - self.first, age = at - self.first
        cdef int64_t rank, best = -1, back, ahead, begin = pos - self.window
        cdef int64_t frame = self.granularity
        cdef int tried = 0
        cdef Entry *entry
        cdef Block *block
        cdef bytes_t source
        while age < live:
            live = age
            entry = &self.entries[at & (self.room - 1)]
            at = entry.older
            age = at - self.first
            if entry.hash != value:
                continue
            tried += 1
            if tried > _MAX_CANDIDATES:
                break
            block = &self.blocks[entry.block - self.blocks[0].number]
            source = block.data + entry.position
            if memcmp(source, data + begin, self.window) != 0:
                continue
            ahead = common_prefix(
                source + self.window, data + pos,
                min(block.fill - entry.position - self.window, size - pos), frame,
            )
            if (
                not last and pos + ahead == size and ahead < self.horizon
                and entry.position + self.window + ahead < block.fill
            ):
                return UNDECIDED
            back = common_suffix(
                source, data + begin, min(entry.position, begin - written), frame
            )
            rank = back + min(ahead, self.horizon)
            if rank > best:
                best = rank
                self.best.start = begin - back
                self.best.size = back + self.window + ahead
                self.best.limit = block.fill
                self.best.block = entry.block
                self.best.offset = entry.position - <uint32_t>back
        return FOUND if best >= 0 else NOTHING

    cdef int64_t _take_match(
        self, bytes_t data, int64_t written, int64_t size, bint last
    ) except -1 nogil:
        """Store what is before the best match, refer to it, return where it ends."""
        cdef Match match = self.best
        cdef int64_t index = match.block - self.blocks[0].number
        self.hashed = False
        if (
            not last and match.start + match.size == size
            and match.offset + match.size < match.limit
        ):
            self.open_data = self.blocks[index].data
            self.open_limit = match.limit
            self.open_size = match.offset + match.size
            with gil:  # appending may drop the block
                self.open_buffer = self.buffers[index]
        self._append(data + written, match.start - written)
        self._add_chunk(match.block, match.offset, match.size)
        self.best = match
        self.matched_bytes += match.size
        return match.start + match.size

    cdef int64_t _continue_match(self, bytes_t data, int64_t size) except -1 nogil:
        cdef int64_t more = common_prefix(
            self.open_data + self.open_size, data,
            min(size, self.open_limit - self.open_size), self.granularity,
        )
        if more:
            self._add_chunk(self.best.block, <uint32_t>self.open_size, more)
            self.open_size += more
            self.matched_bytes += more
        if more < size or self.open_size == self.open_limit:
            self._close_match()
        return more

    cdef int _close_match(self) except -1 nogil:
        if self.open_data != NULL:
            self.open_data = NULL
            with gil:
                self.open_buffer = None
        return 0

    # -- blocks and chunks -------------------------------------------------------

    cdef int _append(self, bytes_t data, int64_t size) except -1 nogil:
        cdef int64_t part
        cdef Block *block
        while size:
            if not self.active or self.blocks[self.active - 1].fill == self.capacity:
                with gil:
                    self._start_block()
            block = &self.blocks[self.active - 1]
            part = min(size, self.capacity - block.fill)
            self._add_chunk(block.number, <uint32_t>block.fill, part)
            if self.searching:
                self._fill_indexed(block, data, part)
            else:
                memcpy(block.data + block.fill, data, part)
                block.fill += part
            data += part
            size -= part
            if block.fill == self.capacity:
                with gil:
                    self._hand_over()
        return 0

    cdef int _fill_indexed(
        self, Block *block, bytes_t data, int64_t size
    ) except -1 nogil:
        """Append to a block with room for it, storing a window at every step."""
        cdef int64_t part
        cdef uint64_t *mark
        while size:
            part = min(size, self.step - block.fill % self.step)
            memcpy(block.data + block.fill, data, part)
            self.block_hash = extended(self.block_hash, data, part)
            block.fill += part
            data += part
            size -= part
            if block.fill % self.step == 0:
                mark = &self.marks[block.fill // self.step % self.marks_room]
                if block.fill >= self.window:
                    # The ring holds one window of steps: this place is its start.
                    self._store_window(
                        block, self.block_hash - mark[0] * self.leaving[1]
                    )
                mark[0] = self.block_hash
        return 0

    cdef int _add_chunk(
        self, uint32_t block, uint32_t offset, int64_t size
    ) except -1 nogil:
        cdef Chunk *chunk
        cdef int64_t room
        if self.chunk_count:
            chunk = &self.chunk_list[self.chunk_count - 1]
            if (
                chunk.content == self.content and chunk.block == block
                and chunk.offset + chunk.size == offset
            ):
                chunk.size += <uint32_t>size
                return 0
        if self.chunk_count == self.chunk_room:
            room = max(1024, 2 * self.chunk_room)
            self.chunk_list = <Chunk *>resized(self.chunk_list, room * sizeof(Chunk))
            self.chunk_room = room
        self.chunk_list[self.chunk_count] = Chunk(
            self.content, block, offset, <uint32_t>size
        )
        self.chunk_count += 1
        return 0

    cdef int _start_block(self) except -1:
        cdef Block *block
        cdef int64_t room
        if self.active == self.lookback:
            self._drop_oldest()
        if self.active == self.blocks_room:
            room = max(4, 2 * self.blocks_room)
            self.blocks = <Block *>resized(self.blocks, room * sizeof(Block))
            self.blocks_room = room
        # Left uninitialized: pages of a block are touched when they are filled.
        buffer = PyByteArray_FromStringAndSize(NULL, self.capacity)
        self.buffers.append(buffer)
        block = &self.blocks[self.active]
        memset(block, 0, sizeof(Block))
        block.data = <uint8_t *>PyByteArray_AS_STRING(buffer)
        block.number = self.block_count
        block.first_entry = self.end
        self.block_count += 1
        self.active += 1
        if self.searching:
            self.block_hash = 0
            self.marks[0] = 0
        return 0

    cdef int _hand_over(self) except -1:
        cdef Block *block = &self.blocks[self.active - 1]
        self.on_block(memoryview(self.buffers[-1])[: block.fill].toreadonly())
        return 0

    cdef int _drop_oldest(self) except -1:
        self.active -= 1
        memmove(self.blocks, self.blocks + 1, self.active * sizeof(Block))
        del self.buffers[0]
        if self.searching:
            self.first = self.blocks[0].first_entry if self.active else self.end
            self._fill_filter()
        return 0

    # -- the index ---------------------------------------------------------------

    cdef int _make_index(self) except -1:
        cdef uint64_t most = self.lookback * (self.capacity // self.step)
        cdef uint64_t room = 128
        while room < most and room < _FIRST_ROOM:
            room *= 2
        # Entry 0 is never stored, so that an empty bucket can name it.
        self.first = self.end = 1
        self.marks_room = self.window // self.step
        self.marks = <uint64_t *>resized(NULL, self.marks_room * sizeof(uint64_t))
        with nogil:
            self._resize_index(room)
        return 0

    cdef int _resize_index(self, uint64_t room) except -1 nogil:
        """Make room for `room` entries, a power of two, and link them anew."""
        cdef Entry *entries
        cdef Entry *entry
        cdef uint32_t i
        if room > <uint64_t>1 << 31:
            with gil:
                raise MemoryError("expected at most 2**31 windows in active blocks")
        entries = <Entry *>resized(NULL, room * sizeof(Entry))
        for i in range(self.end - self.first):
            entries[(self.first + i) & (room - 1)] = (
                self.entries[(self.first + i) & (self.room - 1)]
            )
        free(self.entries)
        self.entries = entries
        self.buckets = <uint32_t *>resized(self.buckets, room * sizeof(uint32_t))
        memset(self.buckets, 0, room * sizeof(uint32_t))
        # More bits than there are hashes would not tell more.
        self.filter_mask = min(room << self.bloom_bits, <uint64_t>1 << 32) // 64 - 1
        self.filter = <uint64_t *>resized(self.filter, (self.filter_mask + 1) * 8)
        self.room = <uint32_t>room
        self.bucket_shift = 32 - log2(room)
        for i in range(self.end - self.first):
            entry = &self.entries[(self.first + i) & (self.room - 1)]
            entry.older = self.buckets[self._bucket(entry.hash)]
            self.buckets[self._bucket(entry.hash)] = self.first + i
        self._fill_filter()
        return 0

    cdef void _fill_filter(self) noexcept nogil:
        cdef uint32_t i, value
        memset(self.filter, 0xFF, (self.filter_mask + 1) * 8)
        for i in range(self.end - self.first):
            value = self.entries[(self.first + i) & (self.room - 1)].hash
            self.filter[value & self.filter_mask] &= ~PATTERNS[value >> 23]

    cdef inline uint32_t _bucket(self, uint32_t value) noexcept nogil:
        return value >> self.bucket_shift

    cdef int _store_window(self, Block *block, uint64_t hash_) except -1 nogil:
        """Note the window that ends where `block` is filled."""
        cdef uint32_t value = <uint32_t>(hash_ >> 32)
        cdef bytes_t data = block.data + block.fill - self.window
        cdef uint64_t seen = <uint64_t>1 << (data[0] & 63)
        cdef Entry *entry
        cdef uint32_t *bucket
        if memcmp(data, data + 1, self.window - 1) == 0:
            if block.repeated[data[0] >> 6] & seen:
                return 0
            block.repeated[data[0] >> 6] |= seen
        if self.end - self.first == self.room:
            self._resize_index(2 * <uint64_t>self.room)
        bucket = &self.buckets[self._bucket(value)]
        entry = &self.entries[self.end & (self.room - 1)]
        entry.hash = value
        entry.older = bucket[0]
        entry.block = block.number
        entry.position = <uint32_t>(block.fill - self.window)
        bucket[0] = self.end
        self.end += 1
        self.filter[value & self.filter_mask] &= ~PATTERNS[value >> 23]
        return 0


cdef void *resized(void *memory, size_t size) except NULL nogil:
    cdef void *moved = realloc(memory, size)
    if moved == NULL:
        with gil:
            raise MemoryError(f"cannot allocate {size} bytes for the segmenter")
    return moved


cdef int log2(uint64_t power) noexcept nogil:
    cdef int result = 0
    while power > 1:
        power //= 2
        result += 1
    return result


# The bits of a filter word that stand for a hash. A bit is cleared when its hash is
# stored: the test for none of them set is the cheapest there is.
cdef uint64_t[512] PATTERNS


cdef void make_patterns() noexcept nogil:
    cdef uint64_t random = BASE
    cdef int i, _
    for i in range(512):
        PATTERNS[i] = 0
        for _ in range(3):
            random = random * BASE + 1
            PATTERNS[i] |= <uint64_t>1 << (random >> 58)


make_patterns()


cdef inline uint64_t misses(
    uint64_t hash_, const uint64_t *filter, uint64_t mask
) noexcept nogil:
    """Tell whether no stored window has this hash, for certain."""
    return filter[hash_ >> 32 & mask] & PATTERNS[hash_ >> 55]


cdef bytes_t scan(
    bytes_t data, bytes_t stop, int64_t window, const uint64_t *leaving,
    uint64_t *hash_, const uint64_t *filter, uint64_t mask,
) noexcept nogil:
    """Roll the hash of the window before `data` on to `stop` or to a known one."""
    cdef uint64_t value = hash_[0]
    while misses(value, filter, mask) and data != stop:
        value = value * BASE + (data[0] - leaving[data[-window]])
        data += 1
    hash_[0] = value
    return data


cdef uint64_t power(uint64_t base, int64_t exponent) noexcept nogil:
    cdef uint64_t result = 1
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


cdef uint64_t extended(uint64_t hash_, bytes_t data, int64_t size) noexcept nogil:
    """Return the hash of what `hash_` stands for followed by `data`."""
    # Four bytes at a time: the multiplications do not wait for each other.
    while size >= 4:
        hash_ = (
            hash_ * BASE_4 + data[0] * BASE_3 + data[1] * BASE_2
            + (data[2] * BASE + data[3])
        )
        data += 4
        size -= 4
    while size:
        hash_ = hash_ * BASE + data[0]
        data += 1
        size -= 1
    return hash_


cdef int64_t common_prefix(
    bytes_t left, bytes_t right, int64_t most, int64_t frame
) noexcept nogil:
    """Return how many bytes, in whole frames, both have in common from the start."""
    cdef int64_t size = 0
    while most - size >= 64 and memcmp(left + size, right + size, 64) == 0:
        size += 64
    while size < most and left[size] == right[size]:
        size += 1
    return size - size % frame


cdef int64_t common_suffix(
    bytes_t left, bytes_t right, int64_t most, int64_t frame
) noexcept nogil:
    """Return how many bytes, in whole frames, both have in common before the start."""
    cdef int64_t size = 0
    while size < most and left[-1 - size] == right[-1 - size]:
        size += 1
    return size - size % frame
