# cython: language_level=3
"""Clustering of 256-bit hashes by Hamming distance, and chains of near neighbors.

A set of hashes is divided into clusters around centroids, large clusters again at half
the distance. Inside the final clusters, and among the clusters of a division, greedy
chains go from each hash to its nearest neighbor that is left.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy

cdef extern from *:
    """
    /* Without -march flags x86 compilers do not use the instruction that counts bits,
       so there is a second version for processors that have it. */
    static inline int cluster_bits(uint64_t x) {
        x -= x >> 1 & 0x5555555555555555ull;
        x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
        return (int)(x * 0x0101010101010101ull >> 56);
    }

    #define CLUSTER_FIND(NAME, BITS)                                                 \\
        static int64_t NAME(                                                         \\
            const uint64_t *hash, const uint64_t *others, int64_t count, int enough, \\
            int *distance                                                            \\
        ) {                                                                          \\
            int64_t best = -1;                                                       \\
            int least = 257;                                                         \\
            uint64_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];             \\
            for (int64_t k = 0; k < count; k++) {                                    \\
                const uint64_t *other = others + 4 * k;                              \\
                int bits = BITS(a ^ other[0]) + BITS(b ^ other[1])                   \\
                    + BITS(c ^ other[2]) + BITS(d ^ other[3]);                       \\
                if (bits < least) {                                                  \\
                    least = bits;                                                    \\
                    best = k;                                                        \\
                    if (bits <= enough)                                              \\
                        break;                                                       \\
                }                                                                    \\
            }                                                                        \\
            *distance = least;                                                       \\
            return best;                                                             \\
        }

    #if defined(__x86_64__) || defined(__i386__)
    CLUSTER_FIND(cluster_find_plain, cluster_bits)
    __attribute__((target("popcnt")))
    CLUSTER_FIND(cluster_find_popcnt, __builtin_popcountll)
    static int64_t (*cluster_find)(
        const uint64_t *, const uint64_t *, int64_t, int, int *) = cluster_find_plain;
    static void cluster_prepare(void) {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("popcnt"))
            cluster_find = cluster_find_popcnt;
    }
    #else
    CLUSTER_FIND(cluster_find, __builtin_popcountll)
    static void cluster_prepare(void) { (void)cluster_bits; }
    #endif

    /* Count the bits of one more member and return the centroid: the bits that more
       than half of the `members` have. */
    static void cluster_add(
        const uint64_t *hash, uint32_t *counts, uint32_t members, uint64_t *centroid
    ) {
        uint32_t half = members / 2;
        for (int word = 0; word < 4; word++) {
            uint64_t bits = 0;
            for (int k = 0; k < 64; k++) {
                uint32_t count = counts[64 * word + k] += hash[word] >> k & 1;
                bits |= (uint64_t)(count > half) << k;
            }
            centroid[word] = bits;
        }
    }
    """
    # The first of `count` others that is not further than `enough`, or else the first
    # of the nearest.
    int64_t cluster_find(
        const uint64_t* hash,
        const uint64_t* others,
        int64_t count,
        int enough,
        int* distance,
    ) noexcept nogil
    void cluster_prepare()
    void cluster_add(
        const uint64_t* hash, uint32_t* counts, uint32_t members, uint64_t* centroid
    ) noexcept nogil

cluster_prepare()

cdef enum:
    ROOT_DISTANCE = 128
    NEAR_ENOUGH = 1  # a chain looks no further

cdef enum:
    DONE = 0
    NO_MEMORY = -1
    STOPPED = -2

cdef struct Key:
    int64_t key
    int64_t item


cdef struct Cluster:
    int64_t begin
    int64_t end
    int64_t weight


cdef int by_key(const void* a, const void* b) noexcept nogil:
    cdef const Key* left = <const Key*>a
    cdef const Key* right = <const Key*>b
    if left.key != right.key:
        return -1 if left.key < right.key else 1
    return (left.item > right.item) - (left.item < right.item)


cdef class Clustering:
    cdef const uint64_t[:, ::1] hashes
    cdef const int64_t[::1] sizes
    cdef const int32_t[::1] size_rank
    cdef int64_t max_children, max_cluster_size
    cdef int32_t[::1] order
    cdef volatile int stopped
    cdef volatile int64_t placed

    def __init__(
        self, hashes, sizes, size_rank, *, int64_t max_children, int64_t max_cluster_size
    ):
        self.hashes = hashes
        self.sizes = sizes
        self.size_rank = size_rank
        self.max_children = max_children
        self.max_cluster_size = max_cluster_size
        if not self.hashes.shape[0] == self.sizes.shape[0] == self.size_rank.shape[0]:
            raise ValueError("expected columns of one length")
        if self.hashes.shape[1] != 4:
            raise ValueError("expected four words a hash")
        if max_children < 1 or max_cluster_size < 1:
            raise ValueError("expected limits from 1 on")

    @property
    def done(self):
        return self.placed

    def stop(self):
        self.stopped = 1

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def run(self, int32_t[::1] order):
        cdef int64_t i, n = self.hashes.shape[0]
        cdef int result = DONE
        if order.shape[0] != n:
            raise ValueError("expected room for each hash")
        self.order = order
        with nogil:
            for i in range(n):
                order[i] = <int32_t>i
            if n > 1:
                result = self.divide(0, n, ROOT_DISTANCE)
        if result == NO_MEMORY:
            raise MemoryError
        return result == DONE

    cdef int divide(self, int64_t begin, int64_t end, int distance) noexcept nogil:
        """Order the elements of a node: divide, order the parts, chain the parts."""
        cdef int32_t* child = <int32_t*>malloc((end - begin) * sizeof(int32_t))
        cdef Cluster* clusters = NULL
        cdef int64_t k, count = NO_MEMORY
        cdef int result = DONE
        if child != NULL:
            count = self.assign(begin, end, distance, child)
        if count >= 0:
            clusters = <Cluster*>calloc(count, sizeof(Cluster))
            if clusters == NULL or not self.group(begin, end, child, clusters, count):
                count = NO_MEMORY
        free(child)
        if count < 0:
            result = <int>count
        for k in range(count):
            if result != DONE:
                break
            if distance > 1 and (
                clusters[k].end - clusters[k].begin > self.max_cluster_size
            ):
                result = self.divide(clusters[k].begin, clusters[k].end, distance // 2)
            else:
                result = self.chain_elements(clusters[k].begin, clusters[k].end)
        if result == DONE and count > 1:
            result = self.chain_clusters(begin, end, clusters, count)
        free(clusters)
        return result

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int64_t assign(
        self, int64_t begin, int64_t end, int distance, int32_t* child
    ) noexcept nogil:
        """Choose a cluster for each element; returns their number."""
        cdef uint64_t* centroids = NULL
        cdef uint32_t* counts = NULL
        cdef uint32_t* members = NULL
        cdef int64_t i, best, count = 0, room = 0
        cdef const uint64_t* hash
        cdef int found
        for i in range(begin, end):
            if self.stopped:
                count = STOPPED
                break
            hash = &self.hashes[self.order[i], 0]
            best = cluster_find(hash, centroids, count, distance, &found)
            if best < 0 or (found > distance and count < self.max_children):
                if count == room:
                    room = max(2 * room, <int64_t>16)
                    if not (
                        grow(<void**>&centroids, room * 4 * sizeof(uint64_t))
                        and grow(<void**>&counts, room * 256 * sizeof(uint32_t))
                        and grow(<void**>&members, room * sizeof(uint32_t))
                    ):
                        count = NO_MEMORY
                        break
                best = count
                members[best] = 0
                clear(counts + 256 * best)
                count += 1
            members[best] += 1
            cluster_add(hash, counts + 256 * best, members[best], centroids + 4 * best)
            child[i - begin] = <int32_t>best
        free(centroids)
        free(counts)
        free(members)
        return count

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint group(
        self,
        int64_t begin,
        int64_t end,
        const int32_t* child,
        Cluster* clusters,
        int64_t count,
    ) noexcept nogil:
        """Put the elements of each cluster together, in their order."""
        cdef int32_t* elements = <int32_t*>malloc((end - begin) * sizeof(int32_t))
        cdef int64_t i, k, at = begin
        cdef Cluster* cluster
        if elements == NULL:
            return False
        for i in range(end - begin):
            elements[i] = self.order[begin + i]
            clusters[child[i]].end += 1
        for k in range(count):
            clusters[k].begin = at
            at += clusters[k].end
            clusters[k].end = clusters[k].begin
        for i in range(end - begin):
            cluster = &clusters[child[i]]
            self.order[cluster.end] = elements[i]
            cluster.end += 1
            cluster.weight += self.sizes[elements[i]]
        free(elements)
        return True

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int chain_elements(self, int64_t begin, int64_t end) noexcept nogil:
        """Order a final cluster: the largest first, then always the nearest."""
        cdef int64_t i, k, count = end - begin
        cdef int32_t element
        cdef Key* keys
        cdef uint64_t* chain
        cdef int distance, result = DONE
        if count > 1:
            keys = <Key*>malloc(count * sizeof(Key))
            chain = <uint64_t*>malloc(count * 4 * sizeof(uint64_t))
            if keys == NULL or chain == NULL:
                result = NO_MEMORY
            else:
                for i in range(count):
                    element = self.order[begin + i]
                    keys[i].key = self.size_rank[element]
                    keys[i].item = element
                qsort(keys, count, sizeof(Key), by_key)
                for i in range(count):
                    self.order[begin + i] = <int32_t>keys[i].item
                    memcpy(
                        chain + 4 * i,
                        &self.hashes[keys[i].item, 0],
                        4 * sizeof(uint64_t),
                    )
                for i in range(count - 2):
                    if self.stopped:
                        result = STOPPED
                        break
                    k = i + 1 + cluster_find(
                        chain + 4 * i,
                        chain + 4 * (i + 1),
                        count - i - 1,
                        NEAR_ENOUGH,
                        &distance,
                    )
                    swap_hashes(chain + 4 * (i + 1), chain + 4 * k)
                    element = self.order[begin + i + 1]
                    self.order[begin + i + 1] = self.order[begin + k]
                    self.order[begin + k] = element
            free(keys)
            free(chain)
        self.placed += count
        return result

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int chain_clusters(
        self, int64_t begin, int64_t end, Cluster* clusters, int64_t count
    ) noexcept nogil:
        """Order the clusters of a node: the heaviest first, then the nearest by the
        last hash of the one before and the first hash of the candidate."""
        cdef int64_t i, k, size, swapped, at = 0
        cdef Key* keys = <Key*>malloc(count * sizeof(Key))
        cdef uint64_t* firsts = <uint64_t*>malloc(count * 4 * sizeof(uint64_t))
        cdef int32_t* elements = <int32_t*>malloc((end - begin) * sizeof(int32_t))
        cdef Cluster* cluster
        cdef int distance, result = DONE
        if keys == NULL or firsts == NULL or elements == NULL:
            result = NO_MEMORY
        else:
            for i in range(count):
                keys[i].key = -clusters[i].weight
                keys[i].item = i
            qsort(keys, count, sizeof(Key), by_key)
            for i in range(count):
                cluster = &clusters[keys[i].item]
                memcpy(
                    firsts + 4 * i,
                    &self.hashes[self.order[cluster.begin], 0],
                    4 * sizeof(uint64_t),
                )
            for i in range(count - 2):
                if self.stopped:
                    result = STOPPED
                    break
                cluster = &clusters[keys[i].item]
                k = i + 1 + cluster_find(
                    &self.hashes[self.order[cluster.end - 1], 0],
                    firsts + 4 * (i + 1),
                    count - i - 1,
                    NEAR_ENOUGH,
                    &distance,
                )
                swap_hashes(firsts + 4 * (i + 1), firsts + 4 * k)
                swapped = keys[i + 1].item
                keys[i + 1].item = keys[k].item
                keys[k].item = swapped
            for i in range(count):
                cluster = &clusters[keys[i].item]
                size = cluster.end - cluster.begin
                memcpy(
                    elements + at, &self.order[cluster.begin], size * sizeof(int32_t)
                )
                at += size
            memcpy(&self.order[begin], elements, at * sizeof(int32_t))
        free(keys)
        free(firsts)
        free(elements)
        return result


cdef bint grow(void** memory, size_t size) noexcept nogil:
    cdef void* larger = realloc(memory[0], size)
    if larger != NULL:
        memory[0] = larger
    return larger != NULL


cdef void clear(uint32_t* counts) noexcept nogil:
    cdef int k
    for k in range(256):
        counts[k] = 0


cdef inline void swap_hashes(uint64_t* a, uint64_t* b) noexcept nogil:
    cdef uint64_t word
    cdef int k
    for k in range(4):
        word = a[k]
        a[k] = b[k]
        b[k] = word
