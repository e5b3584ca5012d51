# cython: language_level=3
"""Filter rules decide about the entries of a tree, and the lines that tell of it."""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport uint16_t
from libc.stdlib cimport malloc

include "automaton.pxi"


@cython.boundscheck(False)
@cython.wraparound(False)
def decide(
    program,
    const int32_t[::1] parent,
    const uint8_t[::1] directory,
    const int64_t[::1] name_start,
    const uint16_t[::1] name_size,
    const uint8_t[::1] text,
    int32_t[::1] deciding,
    uint8_t[::1] included,
    int64_t[::1] matches,
    *,
    int64_t table_limit_bytes=1 << 25,
):
    cdef Automaton automaton = Automaton(program, table_limit_bytes=table_limit_bytes)
    cdef int64_t i, n = parent.shape[0]
    cdef int32_t k
    if not (
        directory.shape[0] == name_start.shape[0] == name_size.shape[0] == n
        and deciding.shape[0] == included.shape[0] == n
        and matches.shape[0] == automaton.includes.shape[0]
    ):
        raise ValueError("expected columns of one length and a count for each rule")
    if n == 0:
        return
    for i in range(1, n):
        if not 0 <= parent[i] < i:
            raise ValueError("expected an earlier parent for each entry")
    cdef int32_t* state = <int32_t*>malloc(n * sizeof(int32_t))
    cdef const uint8_t* base = &text[0] if text.shape[0] else NULL
    cdef bint good = state != NULL
    if good:
        state[0] = automaton.root
        deciding[0] = -1
        included[0] = True
    try:
        with nogil:
            for i in range(1, n):
                if not good:
                    break
                if not included[parent[i]]:
                    deciding[i] = deciding[parent[i]]
                    included[i] = False
                    continue
                good = automaton.read(
                    state[parent[i]],
                    base + name_start[i],
                    name_size[i],
                    directory[i],
                    &state[i],
                )
                deciding[i] = automaton.matched[0] if automaton.matched_count else -1
                included[i] = not automaton.excludes()
                for k in range(automaton.matched_count):
                    matches[automaton.matched[k]] += 1
    finally:
        free(state)
    if not good:
        raise MemoryError


def matching(program, const uint8_t[::1] path, bint directory):
    cdef Automaton automaton = Automaton(program)
    cdef int32_t end
    cdef const uint8_t* base = &path[0] if path.shape[0] else NULL
    if not automaton.read(automaton.root, base, path.shape[0], directory, &end):
        raise MemoryError
    return [automaton.matched[k] for k in range(automaton.matched_count)]


@cython.boundscheck(False)
@cython.wraparound(False)
def lines(
    const int32_t[::1] entries,
    const uint8_t[::1] sign,
    bytes root,
    const int32_t[::1] parent,
    const uint8_t[::1] directory,
    const int64_t[::1] name_start,
    const uint16_t[::1] name_size,
    const uint8_t[::1] text,
):
    cdef int64_t count = entries.shape[0], n = parent.shape[0]
    cdef int64_t i, size, total = 0
    cdef int64_t root_size = len(root)
    cdef const char* root_text = root
    cdef int32_t entry
    cdef bint signed = sign.shape[0] > 0
    if not directory.shape[0] == name_start.shape[0] == name_size.shape[0] == n:
        raise ValueError("expected columns of one length")
    if signed and sign.shape[0] != n:
        raise ValueError("expected a sign for each entry")
    for i in range(count):
        if not 0 < entries[i] < n:
            raise IndexError(f"expected an entry below {n}, found {entries[i]}")
    with nogil:
        for i in range(count):
            total += (2 if signed else 0) + root_size + directory[entries[i]] + 1
            entry = entries[i]
            while entry > 0:
                total += name_size[entry] + 1
                entry = parent[entry]
    result = bytearray(total)
    cdef char* out = PyByteArray_AS_STRING(result)
    cdef char* end = out + total
    # Backwards: the end of a path is known before its beginning.
    with nogil:
        for i in range(count - 1, -1, -1):
            end -= 1
            end[0] = c"\n"
            entry = entries[i]
            if directory[entry]:
                end -= 1
                end[0] = c"/"
            while entry > 0:
                size = name_size[entry]
                end -= size
                memcpy(end, &text[name_start[entry]], size)
                end -= 1
                end[0] = c"/"
                entry = parent[entry]
            end -= root_size
            memcpy(end, root_text, root_size)
            if signed:
                end -= 2
                end[0] = c"+" if sign[entries[i]] else c"-"
                end[1] = c" "
    return result
