# cython: language_level=3
"""The similarity hash: the four most frequent mixed four-byte sequences."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

cdef extern from *:
    """
    /* Hashes of up to this many bytes are computed before they are counted, apart
       from each other because the first loop can then use vector instructions. */
    #define SIMILARITY_BLOCK 1024

    static inline uint32_t similarity_mix(uint32_t v) {
        v += 0x9e3779b9u;
        v ^= v >> 16;
        v *= 0x21f0aaadu;
        v ^= v >> 15;
        v *= 0x735a2d97u;
        v ^= v >> 15;
        return v >> 24;
    }

    /* Count the sequences that end at data[0] ... data[size - 1]; the three bytes
       before must be there. Four tables: equal neighbors do not wait for each other. */
    static void similarity_count(
        const uint8_t *data, size_t size, uint32_t counts[4][256]
    ) {
        uint8_t mixed[SIMILARITY_BLOCK];
        while (size) {
            size_t n = size < SIMILARITY_BLOCK ? size : SIMILARITY_BLOCK, i;
            for (i = 0; i < n; i++) {
                const uint8_t *at = data + i - 3;
                mixed[i] = (uint8_t)similarity_mix(
                    (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16
                    | (uint32_t)at[2] << 8 | (uint32_t)at[3]);
            }
            for (i = 0; i + 4 <= n; i += 4) {
                counts[0][mixed[i]]++;
                counts[1][mixed[i + 1]]++;
                counts[2][mixed[i + 2]]++;
                counts[3][mixed[i + 3]]++;
            }
            for (; i < n; i++)
                counts[0][mixed[i]]++;
            data += n;
            size -= n;
        }
    }
    """
    uint32_t similarity_mix(uint32_t v) noexcept nogil
    void similarity_count(
        const uint8_t* data, size_t size, uint32_t (*counts)[256]
    ) noexcept nogil

cdef struct State:
    uint64_t counts[256]
    uint64_t size  # bytes so far
    uint32_t last  # the last four of them


cdef void update(State* state, const uint8_t* data, int64_t size) noexcept nogil:
    """Add up to 4 GiB of data."""
    cdef uint32_t counts[4][256]
    cdef int64_t i, lead = min(size, 3)
    memset(counts, 0, sizeof(counts))
    for i in range(lead):
        state.last = state.last << 8 | data[i]
        if state.size + <uint64_t>i >= 3:
            counts[0][similarity_mix(state.last)] += 1
    if size > 3:
        similarity_count(data + 3, <size_t>(size - 3), counts)
        for i in range(size - 4, size):
            state.last = state.last << 8 | data[i]
    state.size += <uint64_t>size
    for i in range(256):
        state.counts[i] += (
            <uint64_t>counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i]
        )


cdef uint32_t digest(const State* state) noexcept nogil:
    cdef uint64_t counts[256]
    cdef int i, k, best
    cdef uint32_t result = 0
    cdef bint used[256]
    memset(used, 0, sizeof(used))
    for i in range(256):
        counts[i] = state.counts[i]
    for k in range(4):
        best = -1
        for i in range(256):
            if not used[i] and (best < 0 or counts[i] > counts[best]):
                best = i
        used[best] = True
        result = result << 8 | <uint32_t>best
    return result


@cython.boundscheck(False)
@cython.wraparound(False)
def similarity_batch(
    const uint8_t[::1] buffer,
    const int64_t[::1] starts,
    const int64_t[::1] sizes,
    uint32_t[::1] hashes,
):
    cdef int64_t i, n = starts.shape[0]
    cdef State state
    if not sizes.shape[0] == hashes.shape[0] == n:
        raise ValueError("expected columns of one length")
    for i in range(n):
        if sizes[i] < 0 or not 0 <= starts[i] <= buffer.shape[0] - sizes[i]:
            raise ValueError("expected strings inside the buffer")
    with nogil:
        for i in range(n):
            memset(&state, 0, sizeof(State))
            if sizes[i]:
                update(&state, &buffer[starts[i]], sizes[i])
            hashes[i] = digest(&state)


cdef class SimilarityHasher:
    cdef State state

    def __cinit__(self):
        memset(&self.state, 0, sizeof(State))

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def update(self, const uint8_t[::1] data):
        cdef int64_t at = 0, size = data.shape[0], some
        with nogil:
            while at < size:
                some = min(size - at, <int64_t>1 << 30)
                update(&self.state, &data[at], some)
                at += some

    def digest(self):
        return digest(&self.state)
