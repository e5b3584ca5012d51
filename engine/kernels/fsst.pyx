"""FSST: short strings compressed one by one with a shared table of symbols.

DwarFS format, "FSST symbol table". A code below 255 stands for a symbol of 1 to 8
bytes, code 255 for the byte that follows it.

Symbols lie in a trie; a string is cut into the fewest codes by going through it
backwards and keeping, for every position, the cheapest way to the end. Training
starts without symbols and repeats: cut a sample, count the codes and the pairs of
adjacent codes, and keep the symbols and joined pairs that gain most. The gain of a
symbol is the number of bytes it stands for in the whole table, less the bytes it takes
in the symbol table. Symbols of one byte are favored, for without them a rare byte costs
two. Ten rounds over 64 KiB instead of the classic five over 16 make the table of a
million names 3% smaller, at the cost of some milliseconds; weight and gain were found
by trying on file names of Linux systems.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memset

cdef enum:
    MAX_SYMBOLS = 255
    MAX_LENGTH = 8  # of a symbol
    ESCAPE = 255
    NODES = 1 + 255 * 8  # of the trie, when no two symbols share a prefix
    CODES = 256 + 255  # while training, bytes count as codes below 256
    ROUNDS = 10
    SAMPLE_BYTES = 1 << 16
    LONE_WEIGHT = 4  # what a symbol of one byte counts for


cdef struct Symbol:
    uint64_t content  # the bytes, first one lowest, zeros above
    uint32_t length


cdef struct Candidate:
    Symbol symbol
    uint64_t gain  # while collecting, the count


cdef struct Trie:
    Symbol symbols[MAX_SYMBOLS]
    int count
    int nodes
    uint16_t code[NODES]  # ESCAPE where no symbol ends
    uint16_t child[NODES][256]  # 0 where there is none


cdef struct Parser:
    Trie trie
    uint32_t* cost  # codes needed from each position to the end of the string
    uint8_t* choice  # code to take at each position


cdef struct Trainer:
    uint32_t single[CODES]
    uint32_t pair[CODES][CODES]
    int64_t taken  # size of the sample
    Candidate* slots  # a hash table, then the candidates in order
    uint32_t slot_bits


# Cutting strings -------------------------------------------------------------------


cdef void clear_trie(Trie* trie) noexcept nogil:
    trie.count = 0
    trie.nodes = 1
    trie.code[0] = ESCAPE
    memset(trie.child[0], 0, sizeof(trie.child[0]))


cdef void add_symbol(Trie* trie, Symbol symbol) noexcept nogil:
    cdef int node = 0, following
    cdef uint32_t i
    cdef uint8_t byte
    for i in range(symbol.length):
        byte = <uint8_t>(symbol.content >> (8 * i))
        following = trie.child[node][byte]
        if following == 0:
            following = trie.nodes
            trie.nodes += 1
            trie.code[following] = ESCAPE
            memset(trie.child[following], 0, sizeof(trie.child[following]))
            trie.child[node][byte] = <uint16_t>following
        node = following
    trie.code[node] = <uint16_t>trie.count
    trie.symbols[trie.count] = symbol
    trie.count += 1


cdef void cut(Parser* parser, const uint8_t* text, int64_t size) noexcept nogil:
    """Choose the codes of one string; of equally cheap ones the longest symbol."""
    cdef Trie* trie = &parser.trie
    cdef int64_t i, j
    cdef int node
    cdef uint32_t best, cost
    cdef uint16_t code
    cdef uint8_t choice
    parser.cost[size] = 0
    for i in range(size - 1, -1, -1):
        best = parser.cost[i + 1] + 2
        choice = ESCAPE
        node = 0
        j = i
        while j < size:
            node = trie.child[node][text[j]]
            if node == 0:
                break
            j += 1
            code = trie.code[node]
            if code != ESCAPE:
                cost = parser.cost[j] + 1
                if cost <= best:
                    best = cost
                    choice = <uint8_t>code
        parser.cost[i] = best
        parser.choice[i] = choice


cdef Parser* new_parser(int64_t longest) except NULL nogil:
    cdef Parser* parser = <Parser*>calloc(1, sizeof(Parser))
    if parser != NULL:
        parser.cost = <uint32_t*>malloc((longest + 1) * sizeof(uint32_t))
        parser.choice = <uint8_t*>malloc(longest + 1)
        if parser.cost != NULL and parser.choice != NULL:
            clear_trie(&parser.trie)
            return parser
        free_parser(parser)
    with gil:
        raise MemoryError


cdef void free_parser(Parser* parser) noexcept nogil:
    free(parser.cost)
    free(parser.choice)
    free(parser)


cdef int64_t longest_of(const int64_t[::1] offsets) noexcept nogil:
    cdef int64_t longest = 0, i
    for i in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


cdef int check(const uint8_t[::1] text, const int64_t[::1] offsets) except -1:
    cdef int64_t i
    if offsets.shape[0] < 1 or offsets[0] < 0 or offsets[-1] > text.shape[0]:
        raise ValueError("the offsets lie outside the text")
    for i in range(offsets.shape[0] - 1):
        if offsets[i] > offsets[i + 1]:
            raise ValueError("the offsets do not ascend")
    return 0


cdef int load_symbols(Trie* trie, list symbols) except -1:
    cdef Symbol symbol
    cdef bytes item
    if len(symbols) > MAX_SYMBOLS:
        raise ValueError("more than 255 symbols")
    for item in symbols:
        if not 1 <= len(item) <= MAX_LENGTH:
            raise ValueError("a symbol that has not 1 to 8 bytes")
        symbol.length = <uint32_t>len(item)
        symbol.content = int.from_bytes(item, "little")
        add_symbol(trie, symbol)
    return 0


# Encoding --------------------------------------------------------------------------


def encode(
    list symbols,
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    uint8_t[::1] out,
    int64_t[::1] out_offsets,
):
    check(text, offsets)
    if out_offsets.shape[0] != offsets.shape[0]:
        raise ValueError("the output has offsets for another number of strings")
    if out.shape[0] < 2 * (offsets[-1] - offsets[0]):
        raise ValueError("the output is not twice as large as the text")
    cdef Parser* parser = new_parser(longest_of(offsets))
    try:
        load_symbols(&parser.trie, symbols)
        out_offsets[0] = 0
        if out.shape[0]:
            with nogil:
                encode_all(parser, &text[0], offsets, &out[0], out_offsets)
        else:
            out_offsets[:] = 0
    finally:
        free_parser(parser)
    return out_offsets[-1]


@cython.boundscheck(False)
@cython.wraparound(False)
cdef void encode_all(
    Parser* parser,
    const uint8_t* text,
    const int64_t[::1] offsets,
    uint8_t* out,
    int64_t[::1] out_offsets,
) noexcept nogil:
    cdef int64_t i, start, size, at, position = 0
    cdef uint8_t code
    for i in range(offsets.shape[0] - 1):
        start = offsets[i]
        size = offsets[i + 1] - start
        cut(parser, text + start, size)
        at = 0
        while at < size:
            code = parser.choice[at]
            out[position] = code
            position += 1
            if code == ESCAPE:
                out[position] = text[start + at]
                position += 1
                at += 1
            else:
                at += parser.trie.symbols[code].length
        out_offsets[i + 1] = position


# Decoding --------------------------------------------------------------------------


cdef struct Decoder:
    uint64_t content[256]
    uint8_t length[256]  # 0: no such code


cdef int load_decoder(Decoder* decoder, list symbols) except -1:
    cdef bytes item
    cdef int code
    memset(decoder, 0, sizeof(Decoder))
    if len(symbols) > MAX_SYMBOLS:
        raise ValueError("more than 255 symbols")
    for code, item in enumerate(symbols):
        if not 1 <= len(item) <= MAX_LENGTH:
            raise ValueError("a symbol that has not 1 to 8 bytes")
        decoder.content[code] = int.from_bytes(item, "little")
        decoder.length[code] = <uint8_t>len(item)
    return 0


def measure(
    list symbols,
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    int64_t[::1] out_offsets,
):
    cdef Decoder decoder
    cdef int64_t bad = -1
    check(text, offsets)
    if out_offsets.shape[0] != offsets.shape[0]:
        raise ValueError("the output has offsets for another number of strings")
    load_decoder(&decoder, symbols)
    with nogil:
        bad = measure_all(&decoder, text, offsets, out_offsets)
    if bad >= 0:
        raise ValueError(f"string {bad} has an unknown code or ends in an escape")
    return out_offsets[-1]


@cython.boundscheck(False)
@cython.wraparound(False)
cdef int64_t measure_all(
    Decoder* decoder,
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    int64_t[::1] out_offsets,
) noexcept nogil:
    """Fill the offsets; return the number of a string that is wrong, or -1."""
    cdef int64_t i, at, end, total = 0
    cdef uint8_t code
    out_offsets[0] = 0
    for i in range(offsets.shape[0] - 1):
        at = offsets[i]
        end = offsets[i + 1]
        while at < end:
            code = text[at]
            at += 1
            if code == ESCAPE:
                if at == end:
                    return i
                at += 1
                total += 1
            elif decoder.length[code]:
                total += decoder.length[code]
            else:
                return i
        out_offsets[i + 1] = total
    return -1


def decode(
    list symbols,
    const uint8_t[::1] text,
    const int64_t[::1] offsets,
    uint8_t[::1] out,
):
    cdef Decoder decoder
    cdef bint complete = True
    check(text, offsets)
    load_decoder(&decoder, symbols)
    if offsets[-1] > offsets[0]:
        with nogil:
            complete = decode_all(&decoder, text, offsets[0], offsets[-1], out)
    elif out.shape[0]:
        complete = False
    if not complete:
        raise ValueError("the output has not the measured size")


@cython.boundscheck(False)
@cython.wraparound(False)
cdef bint decode_all(
    Decoder* decoder,
    const uint8_t[::1] text,
    int64_t at,
    int64_t end,
    uint8_t[::1] out,
) noexcept nogil:
    """Decode all strings as one, which they are once measured."""
    cdef int64_t position = 0, size = out.shape[0]
    cdef uint64_t content
    cdef uint8_t code, length, i
    while at < end:
        code = text[at]
        at += 1
        if code == ESCAPE:
            if at == end or position == size:
                return False
            out[position] = text[at]
            at += 1
            position += 1
        else:
            content = decoder.content[code]
            length = decoder.length[code]
            if length > size - position:
                return False
            for i in range(length):
                out[position + i] = <uint8_t>(content >> (8 * i))
            position += length
    return position == size


# Training --------------------------------------------------------------------------


def train(const uint8_t[::1] text, const int64_t[::1] offsets):
    check(text, offsets)
    cdef int64_t total = offsets[-1] - offsets[0]
    cdef Trainer* trainer = NULL
    cdef Parser* parser = NULL
    cdef int round_
    if total == 0:
        return []
    try:
        parser = new_parser(longest_of(offsets))
        trainer = new_trainer(total)
        with nogil:
            for round_ in range(ROUNDS):
                clear_trainer(trainer)
                count_codes(trainer, parser, &text[0], offsets)
                collect(trainer, &parser.trie)
                choose(trainer, &parser.trie, total)
        return [
            parser.trie.symbols[code].content.to_bytes(8, "little")[
                : parser.trie.symbols[code].length
            ]
            for code in range(parser.trie.count)
        ]
    finally:
        if trainer != NULL:
            free(trainer.slots)
            free(trainer)
        if parser != NULL:
            free_parser(parser)


cdef Trainer* new_trainer(int64_t total) except NULL:
    # Each code of the sample adds itself and a pair; the sample may exceed its size
    # by one string, which is cut to the same size.
    cdef int64_t most = CODES * CODES + CODES
    cdef int64_t candidates = min(2 * min(total, <int64_t>2 * SAMPLE_BYTES), most)
    cdef Trainer* trainer = <Trainer*>calloc(1, sizeof(Trainer))
    if trainer == NULL:
        raise MemoryError
    while (<int64_t>1 << trainer.slot_bits) <= candidates:
        trainer.slot_bits += 1
    trainer.slots = <Candidate*>malloc(sizeof(Candidate) << trainer.slot_bits)
    if trainer.slots == NULL:
        free(trainer)
        raise MemoryError
    return trainer


cdef void clear_trainer(Trainer* trainer) noexcept nogil:
    trainer.taken = 0
    memset(trainer.single, 0, sizeof(trainer.single))
    memset(trainer.pair, 0, sizeof(trainer.pair))
    memset(trainer.slots, 0, sizeof(Candidate) << trainer.slot_bits)


@cython.boundscheck(False)
@cython.wraparound(False)
cdef void count_codes(
    Trainer* trainer,
    Parser* parser,
    const uint8_t* text,
    const int64_t[::1] offsets,
) noexcept nogil:
    """Cut a sample of strings and count codes and pairs of them.

    Strings are taken evenly over the table: whenever the sample has a smaller part of
    its size than the strings so far have of theirs.
    """
    cdef int64_t count = offsets.shape[0] - 1
    cdef int64_t first = offsets[0]
    cdef int64_t total = offsets[count] - first
    cdef int64_t i, start, size, at
    cdef int code, previous
    for i in range(count):
        start = offsets[i]
        size = offsets[i + 1] - start
        if trainer.taken * total > (start - first) * SAMPLE_BYTES:
            continue
        size = min(size, <int64_t>SAMPLE_BYTES)
        trainer.taken += size
        cut(parser, text + start, size)
        at = 0
        previous = -1
        while at < size:
            code = parser.choice[at]
            if code == ESCAPE:
                code = text[start + at]
                at += 1
            else:
                at += parser.trie.symbols[code].length
                code += 256
            trainer.single[code] += 1
            if previous >= 0:
                trainer.pair[previous][code] += 1
            previous = code


cdef inline Symbol symbol_of(const Trie* trie, int code) noexcept nogil:
    cdef Symbol symbol
    if code >= 256:
        return trie.symbols[code - 256]
    symbol.content = <uint64_t>code
    symbol.length = 1
    return symbol


cdef void collect(Trainer* trainer, const Trie* trie) noexcept nogil:
    """Turn counts into candidates; different pairs may join to the same symbol."""
    cdef int first, second
    cdef uint32_t count
    cdef Symbol left, right
    for first in range(256 + trie.count):
        count = trainer.single[first]
        if count == 0:
            continue
        left = symbol_of(trie, first)
        add_candidate(trainer, left, count)
        if left.length == MAX_LENGTH:
            continue
        for second in range(256 + trie.count):
            count = trainer.pair[first][second]
            if count:
                right = symbol_of(trie, second)
                right.content = left.content | right.content << (8 * left.length)
                right.length = min(left.length + right.length, <uint32_t>MAX_LENGTH)
                add_candidate(trainer, right, count)


cdef void add_candidate(Trainer* trainer, Symbol symbol, uint32_t count) noexcept nogil:
    cdef uint64_t key = (symbol.content ^ symbol.length) * <uint64_t>0x9E3779B97F4A7C15
    cdef uint32_t slot = <uint32_t>(key >> (64 - trainer.slot_bits))
    cdef Candidate* candidate
    while True:
        candidate = &trainer.slots[slot]
        if candidate.gain == 0:
            candidate.symbol = symbol
            break
        if (
            candidate.symbol.content == symbol.content
            and candidate.symbol.length == symbol.length
        ):
            break
        slot = (slot + 1) & ((<uint32_t>1 << trainer.slot_bits) - 1)
    candidate.gain += count


cdef int by_gain(const void* a, const void* b) noexcept nogil:
    """Order by descending gain, then by length and content so that ties are stable."""
    cdef const Candidate* left = <const Candidate*>a
    cdef const Candidate* right = <const Candidate*>b
    if left.gain != right.gain:
        return -1 if left.gain > right.gain else 1
    if left.symbol.length != right.symbol.length:
        return -1 if left.symbol.length > right.symbol.length else 1
    if left.symbol.content != right.symbol.content:
        return -1 if left.symbol.content < right.symbol.content else 1
    return 0


@cython.cdivision(True)
cdef void choose(Trainer* trainer, Trie* trie, int64_t total) noexcept nogil:
    """Make the best candidates the new symbols, as many as are worth their bytes."""
    cdef uint32_t slot, i, used = 0
    cdef Symbol symbol
    cdef uint64_t gain, weight
    for slot in range(<uint32_t>1 << trainer.slot_bits):
        symbol = trainer.slots[slot].symbol
        weight = symbol.length if symbol.length > 1 else LONE_WEIGHT
        gain = trainer.slots[slot].gain * weight * total // trainer.taken
        if gain > symbol.length:
            trainer.slots[used].symbol = symbol
            trainer.slots[used].gain = gain - symbol.length
            used += 1
    qsort(trainer.slots, used, sizeof(Candidate), &by_gain)
    clear_trie(trie)
    used = min(used, <uint32_t>MAX_SYMBOLS)
    for i in range(used):
        add_symbol(trie, trainer.slots[i].symbol)
