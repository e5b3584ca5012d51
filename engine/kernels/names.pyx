# cython: language_level=3
"""Names and paths: distinct names in order, pre-order, paths, sums over subtrees.

All strings are runs of bytes in one `text` array, given by start and size, and free
of NUL bytes, as file names and link targets are. Every loop runs with the GIL
released.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

cdef struct Item:
    uint64_t key  # the next eight bytes, big-endian, zeros after the end
    uint32_t index


cdef inline uint64_t load_key(
    const uint8_t* text, int64_t start, int64_t size, int64_t depth
) noexcept nogil:
    """Return bytes `depth` to `depth + 8` of a string so that integers compare alike."""
    cdef uint64_t key = 0
    cdef int64_t left = size - depth
    cdef int64_t k
    if left >= 8:
        for k in range(8):
            key = key << 8 | text[start + depth + k]
        return key
    if left <= 0:
        return 0
    for k in range(left):
        key = key << 8 | text[start + depth + k]
    return key << (8 * (8 - left))


cdef void sort_items(Item* items, Item* spare, int64_t count) noexcept nogil:
    """Sort by key, keeping the order of equal ones (merge sort)."""
    cdef int64_t i, j, k, half
    cdef Item item
    if count <= 16:
        for i in range(1, count):
            item = items[i]
            j = i
            while j > 0 and items[j - 1].key > item.key:
                items[j] = items[j - 1]
                j -= 1
            items[j] = item
        return
    half = count // 2
    sort_items(items, spare, half)
    sort_items(items + half, spare, count - half)
    if items[half - 1].key <= items[half].key:
        return
    memcpy(spare, items, half * sizeof(Item))
    i, j, k = 0, half, 0
    while i < half and j < count:
        if items[j].key < spare[i].key:
            items[k] = items[j]
            j += 1
        else:
            items[k] = spare[i]
            i += 1
        k += 1
    memcpy(items + k, spare + i, (half - i) * sizeof(Item))


cdef void sort_strings(
    Item* items,
    Item* spare,
    int64_t count,
    int64_t depth,
    const uint8_t* text,
    const int64_t* starts,
    const uint16_t* sizes,
) noexcept nogil:
    """Sort strings that agree before `depth`, eight bytes at a time."""
    cdef int64_t i, begin, end
    cdef uint32_t index
    for i in range(count):
        index = items[i].index
        items[i].key = load_key(text, starts[index], sizes[index], depth)
    sort_items(items, spare, count)
    begin = 0
    while begin < count:
        end = begin + 1
        while end < count and items[end].key == items[begin].key:
            end += 1
        # A zero at the end of the key: these strings are over, hence equal.
        if end - begin > 1 and items[begin].key & 0xFF:
            sort_strings(
                items + begin, spare, end - begin, depth + 8, text, starts, sizes
            )
        begin = end


cdef inline bint same(
    const uint8_t* text, int64_t a, int64_t b, int64_t size
) noexcept nogil:
    cdef int64_t k
    for k in range(size):
        if text[a + k] != text[b + k]:
            return False
    return True


@cython.boundscheck(False)
@cython.wraparound(False)
def rank_strings(
    const uint8_t[::1] text,
    const int64_t[::1] starts,
    const uint16_t[::1] sizes,
    int32_t[::1] rank,
):
    cdef int64_t n = rank.shape[0]
    if starts.shape[0] != n or sizes.shape[0] != n:
        raise ValueError("expected as many starts and sizes as ranks")
    if n == 0:
        return bytearray(), bytearray(8)
    cdef Item* items = <Item*>malloc(n * sizeof(Item))
    cdef Item* spare = <Item*>malloc((n // 2 + 1) * sizeof(Item))
    cdef int64_t i, count = 0, distinct = 0, total = 0
    cdef int64_t* offsets
    cdef uint8_t* out
    cdef uint32_t index, last = 0
    cdef const uint8_t* base = &text[0] if text.shape[0] else NULL
    try:
        if items == NULL or spare == NULL:
            raise MemoryError
        with nogil:
            for i in range(n):
                if rank[i] >= 0:
                    items[count].index = <uint32_t>i
                    count += 1
            sort_strings(items, spare, count, 0, base, &starts[0], &sizes[0])
            for i in range(count):
                index = items[i].index
                if i == 0 or not (
                    sizes[index] == sizes[last]
                    and same(base, starts[index], starts[last], sizes[index])
                ):
                    total += sizes[index]
                    last = index
                    items[distinct].key = index
                    distinct += 1
                rank[index] = <int32_t>(distinct - 1)
        names = bytearray(total)
        bounds = bytearray(8 * (distinct + 1))
        out = <uint8_t*>PyByteArray_AS_STRING(names)
        offsets = <int64_t*>PyByteArray_AS_STRING(bounds)
        with nogil:
            total = 0
            for i in range(distinct):
                index = <uint32_t>items[i].key
                offsets[i] = total
                if sizes[index]:
                    memcpy(out + total, base + starts[index], sizes[index])
                total += sizes[index]
            offsets[distinct] = total
        return names, bounds
    finally:
        free(items)
        free(spare)


@cython.boundscheck(False)
@cython.wraparound(False)
def suffixed(
    const uint8_t[::1] text,
    const int64_t[::1] starts,
    const uint16_t[::1] sizes,
    const uint8_t[::1] marked,
    uint8_t suffix,
    int64_t[::1] new_starts,
    uint16_t[::1] new_sizes,
):
    cdef int64_t n = starts.shape[0]
    if not (
        sizes.shape[0] == marked.shape[0] == n
        and new_starts.shape[0] == new_sizes.shape[0] == n
    ):
        raise ValueError("expected columns of one length")
    cdef int64_t i, total = 0
    for i in range(n):
        if marked[i] and sizes[i] == 0xFFFF:
            raise ValueError("expected names of less than 65535 bytes")
        total += sizes[i] + (1 if marked[i] else 0)
    result = bytearray(total)
    cdef uint8_t* out = <uint8_t*>PyByteArray_AS_STRING(result)
    with nogil:
        total = 0
        for i in range(n):
            new_starts[i] = total
            if sizes[i]:
                memcpy(out + total, &text[starts[i]], sizes[i])
            total += sizes[i]
            new_sizes[i] = sizes[i]
            if marked[i]:
                out[total] = suffix
                total += 1
                new_sizes[i] += 1
    return result


@cython.boundscheck(False)
@cython.wraparound(False)
def preorder(
    const int32_t[::1] parent,
    const int32_t[::1] rank,
    int32_t[::1] position,
):
    cdef int64_t n = parent.shape[0]
    if not rank.shape[0] == position.shape[0] == n:
        raise ValueError("expected columns of one length")
    if n == 0:
        return
    cdef int32_t highest = 0
    cdef int64_t i, k, where, running
    for i in range(1, n):
        if rank[i] < 0 or not 0 <= parent[i] < i:
            raise ValueError("expected a rank and an earlier parent for each entry")
        highest = max(highest, rank[i])
    cdef int64_t* bucket = <int64_t*>calloc(highest + 2, sizeof(int64_t))
    cdef int32_t* order = <int32_t*>malloc(n * sizeof(int32_t))
    cdef int32_t* inside = <int32_t*>calloc(n, sizeof(int32_t))
    cdef int32_t* next_at = <int32_t*>calloc(n, sizeof(int32_t))
    try:
        if bucket == NULL or order == NULL or inside == NULL or next_at == NULL:
            raise MemoryError
        with nogil:
            # Entries by rank (counting sort), so that visiting them in this order
            # meets the children of every directory sorted by name.
            for i in range(1, n):
                bucket[rank[i] + 1] += 1
            for k in range(highest + 1):
                bucket[k + 1] += bucket[k]
            for i in range(1, n):
                where = bucket[rank[i]]
                bucket[rank[i]] = where + 1
                order[where] = <int32_t>i
            for i in range(n - 1, 0, -1):
                inside[parent[i]] += inside[i] + 1
            # position holds each entry's offset behind its parent first, ...
            position[0] = 0
            for k in range(n - 1):
                i = order[k]
                running = next_at[parent[i]]
                position[i] = <int32_t>(running + 1)
                next_at[parent[i]] = <int32_t>(running + inside[i] + 1)
            # ... then, parents before children, its place in the whole walk.
            for i in range(1, n):
                position[i] += position[parent[i]]
    finally:
        free(bucket)
        free(order)
        free(inside)
        free(next_at)


@cython.boundscheck(False)
@cython.wraparound(False)
def rollup(const int32_t[::1] parent, int64_t[::1] values):
    cdef int64_t i, n = parent.shape[0]
    if values.shape[0] != n:
        raise ValueError("expected a value for each entry")
    for i in range(1, n):
        if not 0 <= parent[i] < i:
            raise ValueError("expected an earlier parent for each entry")
    with nogil:
        for i in range(n - 1, 0, -1):
            values[parent[i]] += values[i]


@cython.boundscheck(False)
@cython.wraparound(False)
def paths(
    const int32_t[::1] entries,
    const int32_t[::1] parent,
    const int64_t[::1] name_start,
    const uint16_t[::1] name_size,
    const uint8_t[::1] text,
):
    cdef int64_t count = entries.shape[0], n = parent.shape[0]
    cdef int64_t i, total = 0, end
    cdef int32_t entry
    for i in range(count):
        if not 0 <= entries[i] < n:
            raise IndexError(f"expected an entry below {n}, found {entries[i]}")
    bounds = bytearray(8 * (count + 1))
    cdef int64_t* offsets = <int64_t*>PyByteArray_AS_STRING(bounds)
    with nogil:
        for i in range(count):
            offsets[i] = total
            entry = entries[i]
            while entry > 0:
                total += name_size[entry]
                entry = parent[entry]
                total += entry > 0  # the slash before the name
        offsets[count] = total
    blob = bytearray(total)
    cdef uint8_t* out = <uint8_t*>PyByteArray_AS_STRING(blob)
    with nogil:
        for i in range(count):
            end = offsets[i + 1]
            entry = entries[i]
            while entry > 0:
                end -= name_size[entry]
                memcpy(out + end, &text[name_start[entry]], name_size[entry])
                entry = parent[entry]
                if entry > 0:
                    end -= 1
                    out[end] = c"/"
    return blob, bounds
