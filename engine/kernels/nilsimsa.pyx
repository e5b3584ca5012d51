# cython: language_level=3
"""The Nilsimsa hash: 256 bits, of which similar data has many in common.

Every byte of the data counts eight trigrams of a sliding window, each by one byte

    tran(a, b, c, n) = ((T[a + n] ^ T[b] * (2 n + 1)) + T[c ^ T[n]]) mod 256

in 256 accumulators; a bit is set where an accumulator is above average. All eight are
computed at once, one to a byte of a 64-bit word: for each of the five bytes in the
window a table has what it gives to the two words, left and right of the plus. The
words are joined by exclusive or, each byte of them being given by one table only.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

cdef extern from *:
    """
    static const uint8_t nilsimsa_t[256] = {
        0x02, 0xD6, 0x9E, 0x6F, 0xF9, 0x1D, 0x04, 0xAB,
        0xD0, 0x22, 0x16, 0x1F, 0xD8, 0x73, 0xA1, 0xAC,
        0x3B, 0x70, 0x62, 0x96, 0x1E, 0x6E, 0x8F, 0x39,
        0x9D, 0x05, 0x14, 0x4A, 0xA6, 0xBE, 0xAE, 0x0E,
        0xCF, 0xB9, 0x9C, 0x9A, 0xC7, 0x68, 0x13, 0xE1,
        0x2D, 0xA4, 0xEB, 0x51, 0x8D, 0x64, 0x6B, 0x50,
        0x23, 0x80, 0x03, 0x41, 0xEC, 0xBB, 0x71, 0xCC,
        0x7A, 0x86, 0x7F, 0x98, 0xF2, 0x36, 0x5E, 0xEE,
        0x8E, 0xCE, 0x4F, 0xB8, 0x32, 0xB6, 0x5F, 0x59,
        0xDC, 0x1B, 0x31, 0x4C, 0x7B, 0xF0, 0x63, 0x01,
        0x6C, 0xBA, 0x07, 0xE8, 0x12, 0x77, 0x49, 0x3C,
        0xDA, 0x46, 0xFE, 0x2F, 0x79, 0x1C, 0x9B, 0x30,
        0xE3, 0x00, 0x06, 0x7E, 0x2E, 0x0F, 0x38, 0x33,
        0x21, 0xAD, 0xA5, 0x54, 0xCA, 0xA7, 0x29, 0xFC,
        0x5A, 0x47, 0x69, 0x7D, 0xC5, 0x95, 0xB5, 0xF4,
        0x0B, 0x90, 0xA3, 0x81, 0x6D, 0x25, 0x55, 0x35,
        0xF5, 0x75, 0x74, 0x0A, 0x26, 0xBF, 0x19, 0x5C,
        0x1A, 0xC6, 0xFF, 0x99, 0x5D, 0x84, 0xAA, 0x66,
        0x3E, 0xAF, 0x78, 0xB3, 0x20, 0x43, 0xC1, 0xED,
        0x24, 0xEA, 0xE6, 0x3F, 0x18, 0xF3, 0xA0, 0x42,
        0x57, 0x08, 0x53, 0x60, 0xC3, 0xC0, 0x83, 0x40,
        0x82, 0xD7, 0x09, 0xBD, 0x44, 0x2A, 0x67, 0xA8,
        0x93, 0xE0, 0xC2, 0x56, 0x9F, 0xD9, 0xDD, 0x85,
        0x15, 0xB4, 0x8A, 0x27, 0x28, 0x92, 0x76, 0xDE,
        0xEF, 0xF8, 0xB2, 0xB7, 0xC9, 0x3D, 0x45, 0x94,
        0x4B, 0x11, 0x0D, 0x65, 0xD5, 0x34, 0x8B, 0x91,
        0x0C, 0xFA, 0x87, 0xE9, 0x7C, 0x5B, 0xB1, 0x4D,
        0xE5, 0xD4, 0xCB, 0x10, 0xA2, 0x17, 0x89, 0xBC,
        0xDB, 0xB0, 0xE2, 0x97, 0x88, 0x52, 0xF7, 0x48,
        0xD3, 0x61, 0x2C, 0x3A, 0x2B, 0xD1, 0x8C, 0xFB,
        0xF1, 0xCD, 0xE4, 0x6A, 0xE7, 0xA9, 0xFD, 0xC4,
        0x37, 0xC8, 0xD2, 0xF6, 0xDF, 0x58, 0x72, 0x4E,
    };

    typedef uint8_t nilsimsa_pair __attribute__((vector_size(16)));
    typedef uint64_t nilsimsa_words __attribute__((vector_size(16)));

    /* By role of the byte, 0 the latest, and its value. */
    static nilsimsa_pair nilsimsa_give[5][256];
    #define NILSIMSA_GIVE(role, scaled) \
        (*(const nilsimsa_pair *)((const char *)nilsimsa_give[role] + (scaled)))

    /* Which byte of the window is a, b and c of each trigram. */
    static const uint8_t nilsimsa_roles[8][3] = {
        {0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {0, 1, 4},
        {0, 2, 4}, {0, 3, 4}, {4, 1, 0}, {4, 3, 0},
    };

    static void nilsimsa_prepare(void) {
        for (unsigned n = 0; n < 8; n++) {
            const uint8_t *roles = nilsimsa_roles[n];
            for (unsigned x = 0; x < 256; x++) {
                uint8_t *a = (uint8_t *)&nilsimsa_give[roles[0]][x];
                uint8_t *b = (uint8_t *)&nilsimsa_give[roles[1]][x];
                uint8_t *c = (uint8_t *)&nilsimsa_give[roles[2]][x];
                a[n] ^= nilsimsa_t[(x + n) & 255];
                b[n] ^= (uint8_t)(nilsimsa_t[x] * (2 * n + 1));
                c[8 + n] ^= nilsimsa_t[x ^ nilsimsa_t[n]];
            }
        }
    }

    static inline size_t nilsimsa_scale(uint8_t byte) {
        return (size_t)byte * sizeof(nilsimsa_pair);
    }

    /* The eight bytes for a window, in memory from the first trigram's to the last;
       the window's bytes come scaled to table offsets, the latest first. */
    static inline uint64_t nilsimsa_trigrams(
        size_t w0, size_t w1, size_t w2, size_t w3, size_t w4
    ) {
        nilsimsa_pair pair = NILSIMSA_GIVE(0, w0) ^ NILSIMSA_GIVE(1, w1)
            ^ NILSIMSA_GIVE(2, w2) ^ NILSIMSA_GIVE(3, w3) ^ NILSIMSA_GIVE(4, w4);
        nilsimsa_words words = (nilsimsa_words)pair;
        nilsimsa_words right = {words[1], 0};
        return ((nilsimsa_words)(pair + (nilsimsa_pair)right))[0];
    }

    #define NILSIMSA_BLOCK 320 /* a multiple of five */

    /* Count the trigrams of the windows that end at data[0] ... data[size - 1]; the
       four bytes before must be there. First all bytes of a block, then the counting:
       either loop alone keeps the processor busy. A table for each of the eight, so
       that equal bytes following each other do not wait for one another. */
    static void nilsimsa_count(
        const uint8_t *data, size_t size, uint32_t counts[8][256]
    ) {
        uint8_t bytes[NILSIMSA_BLOCK][8];
        uint64_t t[5];
        size_t a, b, c, d, e;
        if (size == 0)
            return;
        e = nilsimsa_scale(data[-1]);
        d = nilsimsa_scale(data[-2]);
        c = nilsimsa_scale(data[-3]);
        b = nilsimsa_scale(data[-4]);
        while (size) {
            size_t n = size < NILSIMSA_BLOCK ? size : NILSIMSA_BLOCK, i, k;
            for (i = 0; i + 5 <= n; i += 5) {
                a = nilsimsa_scale(data[i]);
                t[0] = nilsimsa_trigrams(a, e, d, c, b);
                b = nilsimsa_scale(data[i + 1]);
                t[1] = nilsimsa_trigrams(b, a, e, d, c);
                c = nilsimsa_scale(data[i + 2]);
                t[2] = nilsimsa_trigrams(c, b, a, e, d);
                d = nilsimsa_scale(data[i + 3]);
                t[3] = nilsimsa_trigrams(d, c, b, a, e);
                e = nilsimsa_scale(data[i + 4]);
                t[4] = nilsimsa_trigrams(e, d, c, b, a);
                memcpy(bytes[i], t, sizeof t);
            }
            for (; i < n; i++) {
                a = nilsimsa_scale(data[i]);
                t[0] = nilsimsa_trigrams(a, e, d, c, b);
                memcpy(bytes[i], t, sizeof t[0]);
                b = c;
                c = d;
                d = e;
                e = a;
            }
            for (i = 0; i < n; i++)
                for (k = 0; k < 8; k++)
                    counts[k][bytes[i][k]]++;
            data += n;
            size -= n;
        }
    }
    """
    void nilsimsa_prepare()
    size_t nilsimsa_scale(uint8_t byte) noexcept nogil
    uint64_t nilsimsa_trigrams(
        size_t w0, size_t w1, size_t w2, size_t w3, size_t w4
    ) noexcept nogil
    void nilsimsa_count(
        const uint8_t* data, size_t size, uint32_t (*counts)[256]
    ) noexcept nogil

nilsimsa_prepare()

cdef struct State:
    uint64_t counts[256]
    uint64_t size  # bytes so far
    uint8_t last[4]  # the latest first


cdef void update(State* state, const uint8_t* data, int64_t size) noexcept nogil:
    """Add up to 4 GiB of data."""
    cdef uint32_t counts[8][256]
    cdef int64_t i, lead = min(size, 4)
    cdef uint8_t* last = state.last
    cdef uint64_t t, seen
    cdef const uint8_t* trigrams = <const uint8_t*>&t
    cdef int k, valid
    memset(counts, 0, sizeof(counts))
    for i in range(lead):
        t = nilsimsa_trigrams(
            nilsimsa_scale(data[i]),
            nilsimsa_scale(last[0]),
            nilsimsa_scale(last[1]),
            nilsimsa_scale(last[2]),
            nilsimsa_scale(last[3]),
        )
        seen = state.size + <uint64_t>i
        # A trigram counts once all bytes of its window are data.
        valid = 0 if seen < 2 else 1 if seen == 2 else 3 if seen == 3 else 8
        for k in range(valid):
            counts[k][trigrams[k]] += 1
        last[3] = last[2]
        last[2] = last[1]
        last[1] = last[0]
        last[0] = data[i]
    if size > 4:
        nilsimsa_count(data + 4, <size_t>(size - 4), counts)
        for k in range(4):
            last[k] = data[size - 1 - k]
    state.size += <uint64_t>size
    for i in range(256):
        for k in range(8):
            state.counts[i] += counts[k][i]


cdef void digest(const State* state, uint64_t* words) noexcept nogil:
    cdef uint64_t total, threshold
    cdef int i
    if state.size < 3:
        total = 0
    elif state.size < 5:
        total = 1 if state.size == 3 else 4
    else:
        total = 8 * state.size - 28
    threshold = total // 256
    memset(words, 0, 4 * sizeof(uint64_t))
    for i in range(256):
        if state.counts[i] > threshold:
            words[i >> 6] |= <uint64_t>1 << (i & 63)


@cython.boundscheck(False)
@cython.wraparound(False)
def nilsimsa_batch(
    const uint8_t[::1] buffer,
    const int64_t[::1] starts,
    const int64_t[::1] sizes,
    uint64_t[:, ::1] hashes,
):
    cdef int64_t i, n = starts.shape[0]
    cdef State state
    if not sizes.shape[0] == hashes.shape[0] == n or hashes.shape[1] != 4:
        raise ValueError("expected columns of one length and four words a hash")
    for i in range(n):
        if sizes[i] < 0 or not 0 <= starts[i] <= buffer.shape[0] - sizes[i]:
            raise ValueError("expected strings inside the buffer")
    with nogil:
        for i in range(n):
            memset(&state, 0, sizeof(State))
            if sizes[i]:
                update(&state, &buffer[starts[i]], sizes[i])
            digest(&state, &hashes[i, 0])


cdef class NilsimsaHasher:
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
        cdef uint64_t words[4]
        digest(&self.state, words)
        return words[0], words[1], words[2], words[3]
