# All filter rules at once: shared by the kernels that decide about entries.
#
# The position automaton (see source.globs.Program) is made deterministic while it is
# used: a state is a set of positions, made when a name first leads there. States have
# a row of the transition table as long as the table is within its limit. Beyond that
# sets of positions are worked out anew each time, and only those are kept as states
# that directories end in, so memory stays bounded and time linear whatever the rules.

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

cdef enum:
    UNKNOWN = -1  # a transition nobody took yet, or a state that is no state
    NO_MEMORY = -2

cdef struct State:
    uint64_t hash
    int64_t row  # in `table`, UNKNOWN without one
    int64_t positions_at  # in `positions`
    int64_t rules_at  # in `rules`
    int32_t position_count
    int32_t rule_count

cdef struct Numbers:  # a growing column
    int32_t* data
    int64_t size
    int64_t room


cdef inline bint make_room(Numbers* numbers, int64_t more) noexcept nogil:
    """Have room for `more` numbers; False: no memory."""
    cdef int64_t room
    cdef int32_t* data
    if numbers.size + more <= numbers.room:
        return True
    room = max(2 * numbers.room, numbers.size + more, <int64_t>256)
    data = <int32_t*>realloc(numbers.data, room * sizeof(int32_t))
    if data == NULL:
        return False
    numbers.data = data
    numbers.room = room
    return True


cdef int by_value(const void* a, const void* b) noexcept nogil:
    cdef int32_t x = (<const int32_t*>a)[0]
    cdef int32_t y = (<const int32_t*>b)[0]
    return (x > y) - (x < y)


cdef int64_t make_distinct(int32_t* numbers, int64_t count) noexcept nogil:
    """Sort numbers, drop repeated ones, and return how many are left."""
    cdef int64_t i, kept = 0
    if count < 2:
        return count
    qsort(numbers, count, sizeof(int32_t), by_value)
    for i in range(count):
        if kept == 0 or numbers[kept - 1] != numbers[i]:
            numbers[kept] = numbers[i]
            kept += 1
    return kept


cdef class Automaton:
    cdef int32_t root  # the state after the slash that every path begins with
    cdef const int32_t* matched  # rules that match what was read last, ascending
    cdef int32_t matched_count

    cdef object program
    cdef const uint8_t[::1] class_of, includes
    cdef const uint8_t[:, ::1] member
    cdef const int32_t[::1] set_of, follow_start, follow, accept_start, accept
    cdef int64_t classes

    cdef State* states
    cdef int64_t state_count, state_room
    cdef int32_t* slots  # hash table of states
    cdef int64_t slot_count
    cdef int32_t* table  # transitions, a row of `classes` for each state that has one
    cdef int64_t table_size, table_room, table_limit
    cdef Numbers positions, rules  # of all states
    cdef Numbers current, next_set, matched_here  # of none
    cdef uint8_t* seen  # positions in `next_set`

    def __cinit__(self, program, *, int64_t table_limit_bytes=1 << 25):
        self.program = program
        self.class_of = program.class_of
        self.includes = program.includes
        self.member = program.member
        self.set_of = program.set_of
        self.follow_start = program.follow_start
        self.follow = program.follow
        self.accept_start = program.accept_start
        self.accept = program.accept
        self.classes = self.member.shape[1]
        self.table_limit = table_limit_bytes // sizeof(int32_t)
        self.check()
        self.seen = <uint8_t*>realloc(NULL, self.set_of.shape[0])
        if self.seen == NULL:
            raise MemoryError
        memset(self.seen, 0, self.set_of.shape[0])
        if not self.rehash(1024) or not make_room(&self.current, 1):
            raise MemoryError
        self.current.data[0] = 0
        self.current.size = 1
        self.root = self.keep_current(True)
        if self.root < 0 or not self.read(self.root, NULL, 0, True, &self.root):
            raise MemoryError

    def __dealloc__(self):
        free(self.states)
        free(self.slots)
        free(self.table)
        free(self.seen)
        free(self.positions.data)
        free(self.rules.data)
        free(self.current.data)
        free(self.next_set.data)
        free(self.matched_here.data)

    cdef object check(self):
        """Check that no number of the program leads astray."""
        cdef int64_t i, count = self.set_of.shape[0]
        if not (
            count > 0
            and self.class_of.shape[0] == 256
            and self.follow_start.shape[0] == self.accept_start.shape[0] == count + 1
            and self.follow_start[0] == self.accept_start[0] == 0
            and self.follow_start[count] == self.follow.shape[0]
            and self.accept_start[count] == self.accept.shape[0]
        ):
            raise ValueError("expected columns that fit each other")
        for i in range(count):
            if not (
                0 <= self.set_of[i] < self.member.shape[0]
                and self.follow_start[i] <= self.follow_start[i + 1]
                and self.accept_start[i] <= self.accept_start[i + 1]
            ):
                raise ValueError(f"expected sets and lists in range, at position {i}")
        for i in range(256):
            if self.class_of[i] >= self.classes:
                raise ValueError(f"expected a known class, at byte {i}")
        for i in range(self.follow.shape[0]):
            if not 0 <= self.follow[i] < count:
                raise ValueError(f"expected positions to follow, at {i}")
        for i in range(self.accept.shape[0]):
            if not 0 <= self.accept[i] < self.includes.shape[0]:
                raise ValueError(f"expected rules to match, at {i}")

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint read(
        self,
        int32_t state,
        const uint8_t* name,
        int64_t size,
        bint directory,
        int32_t* end,
    ) noexcept nogil:
        """Read a name below the directory that ends in `state`; False: no memory.

        Which rules match is then in `matched`, until the next call. For a directory,
        `end` is set to the state that its entries begin with.
        """
        cdef int64_t i
        cdef uint8_t byte
        cdef int32_t known
        for i in range(size + directory):
            byte = name[i] if i < size else c"/"
            if state >= 0:
                if self.states[state].row >= 0:
                    known = self.table[self.states[state].row + self.class_of[byte]]
                    if known >= 0:
                        state = known
                        continue
                if not self.load(state):
                    return False
            state = self.follow_current(state, self.class_of[byte])
            if state == NO_MEMORY:
                return False
        if directory:
            if state < 0:
                state = self.keep_current(True)
            if state < 0:
                return False
            end[0] = state
        if state >= 0:
            self.matched = self.rules.data + self.states[state].rules_at
            self.matched_count = self.states[state].rule_count
            return True
        if not self.match_current():
            return False
        self.matched = self.matched_here.data
        self.matched_count = <int32_t>self.matched_here.size
        return True

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint excludes(self) noexcept nogil:
        """Return whether what was read last is excluded."""
        return self.matched_count > 0 and not self.includes[self.matched[0]]

    cdef bint load(self, int32_t state) noexcept nogil:
        """Make `current` the positions of a state; False: no memory."""
        cdef int64_t count = self.states[state].position_count
        self.current.size = 0
        if not make_room(&self.current, count):
            return False
        if count:
            memcpy(
                self.current.data,
                self.positions.data + self.states[state].positions_at,
                count * sizeof(int32_t),
            )
        self.current.size = count
        return True

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int32_t follow_current(self, int32_t state, int32_t byte_class) noexcept nogil:
        """Take `current` one byte further and note that for `state`, if it is one.

        Returns the new state, UNKNOWN if `current` is none, or NO_MEMORY.
        """
        cdef int64_t i, k
        cdef int32_t position, follower, reached
        cdef Numbers swapped
        self.next_set.size = 0
        for i in range(self.current.size):
            position = self.current.data[i]
            k = self.follow_start[position]
            if not make_room(&self.next_set, self.follow_start[position + 1] - k):
                return NO_MEMORY
            for k in range(k, self.follow_start[position + 1]):
                follower = self.follow[k]
                if self.seen[follower]:
                    continue
                if self.member[self.set_of[follower], byte_class]:
                    self.seen[follower] = 1
                    self.next_set.data[self.next_set.size] = follower
                    self.next_set.size += 1
        for i in range(self.next_set.size):
            self.seen[self.next_set.data[i]] = 0
        swapped = self.current
        self.current = self.next_set
        self.next_set = swapped
        self.current.size = make_distinct(self.current.data, self.current.size)
        reached = self.keep_current(False)
        if reached >= 0 and state >= 0 and self.states[state].row >= 0:
            self.table[self.states[state].row + byte_class] = reached
        return reached

    cdef int32_t keep_current(self, bint needed) noexcept nogil:
        """Return the state that has the positions in `current`.

        One that is not there yet is made if it is needed or the table has room for
        it; otherwise UNKNOWN is returned. NO_MEMORY: there is none.
        """
        cdef int64_t size_bytes = self.current.size * sizeof(int32_t)
        cdef uint64_t hash = 0xCBF29CE484222325ULL
        cdef int64_t i, slot
        cdef int32_t known
        cdef State* state
        for i in range(self.current.size):
            hash = (hash ^ <uint64_t>self.current.data[i]) * 0x9E3779B97F4A7C15ULL
            hash ^= hash >> 29
        slot = <int64_t>(hash & <uint64_t>(self.slot_count - 1))
        while self.slots[slot] >= 0:
            known = self.slots[slot]
            state = &self.states[known]
            if (
                state.hash == hash
                and state.position_count == self.current.size
                and memcmp(
                    self.positions.data + state.positions_at,
                    self.current.data,
                    size_bytes,
                ) == 0
            ):
                return known
            slot = (slot + 1) & (self.slot_count - 1)
        if not needed and self.table_size + self.classes > self.table_limit:
            return UNKNOWN
        known = self.add_state(hash)
        if known >= 0:
            self.slots[slot] = known
            if 2 * self.state_count > self.slot_count:
                if not self.rehash(2 * self.slot_count):
                    return NO_MEMORY
        return known

    cdef int32_t add_state(self, uint64_t hash) noexcept nogil:
        """Make a state of `current`; returns its number or NO_MEMORY."""
        cdef int64_t room
        cdef State* states
        cdef State* state
        if self.state_count == self.state_room:
            room = max(2 * self.state_room, <int64_t>256)
            states = <State*>realloc(self.states, room * sizeof(State))
            if states == NULL:
                return NO_MEMORY
            self.states = states
            self.state_room = room
        if not (
            self.match_current()
            and make_room(&self.positions, self.current.size)
            and make_room(&self.rules, self.matched_here.size)
        ):
            return NO_MEMORY
        state = &self.states[self.state_count]
        state.hash = hash
        state.positions_at = self.positions.size
        state.position_count = <int32_t>self.current.size
        state.rules_at = self.rules.size
        state.rule_count = <int32_t>self.matched_here.size
        state.row = UNKNOWN
        append(&self.positions, &self.current)
        append(&self.rules, &self.matched_here)
        if self.table_size + self.classes <= self.table_limit:
            state.row = self.add_row()
            if state.row < 0:
                return NO_MEMORY
        self.state_count += 1
        return <int32_t>(self.state_count - 1)

    cdef int64_t add_row(self) noexcept nogil:
        """Add a row without transitions to the table; returns where it begins."""
        cdef int64_t i, room, row = self.table_size
        cdef int32_t* table
        if row + self.classes > self.table_room:
            room = max(2 * self.table_room, 64 * self.classes)
            table = <int32_t*>realloc(self.table, room * sizeof(int32_t))
            if table == NULL:
                return NO_MEMORY
            self.table = table
            self.table_room = room
        for i in range(self.classes):
            self.table[row + i] = UNKNOWN
        self.table_size += self.classes
        return row

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint match_current(self) noexcept nogil:
        """Have `matched_here` hold the rules that match at `current`."""
        cdef int64_t i, k, count
        cdef int32_t position
        cdef Numbers* found = &self.matched_here
        found.size = 0
        for i in range(self.current.size):
            position = self.current.data[i]
            count = self.accept_start[position + 1] - self.accept_start[position]
            if not make_room(found, count):
                return False
            for k in range(count):
                found.data[found.size] = self.accept[self.accept_start[position] + k]
                found.size += 1
        found.size = make_distinct(found.data, found.size)
        return True

    cdef bint rehash(self, int64_t slot_count) noexcept nogil:
        """Make the hash table anew, with a power of two of slots."""
        cdef int64_t i, slot
        cdef int32_t* slots = <int32_t*>realloc(
            self.slots, slot_count * sizeof(int32_t)
        )
        if slots == NULL:
            return False
        self.slots = slots
        self.slot_count = slot_count
        for i in range(slot_count):
            slots[i] = UNKNOWN
        for i in range(self.state_count):
            slot = <int64_t>(self.states[i].hash & <uint64_t>(slot_count - 1))
            while slots[slot] >= 0:
                slot = (slot + 1) & (slot_count - 1)
            slots[slot] = <int32_t>i
        return True


cdef void append(Numbers* numbers, const Numbers* more) noexcept nogil:
    """Add numbers there is room for."""
    if more.size:
        memcpy(
            numbers.data + numbers.size, more.data, more.size * sizeof(int32_t)
        )
        numbers.size += more.size
