# cython: language_level=3
"""Reading folders into rows: readdir, fstatat and readlinkat with the GIL released."""

from libc.errno cimport ENAMETOOLONG, errno
from libc.stdint cimport (
    INT64_MAX,
    INT64_MIN,
    int32_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
)
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset, strlen

include "automaton.pxi"
include "beneath.pxi"

cdef extern from *:
    """
    #include <dirent.h>
    #include <time.h>

    #ifdef __linux__
    #include <sys/syscall.h>

    /* The system call itself: opendir allocates a buffer and asks for the flags of
       each folder, which shows with many small ones. */
    typedef struct {
        uint64_t ino;
        int64_t offset;
        unsigned short size;
        unsigned char type;
        char name[];
    } folder_record;

    typedef struct {
        uint64_t buffer[4096];
        size_t at, end;
        int descriptor; /* -1: none is being read */
    } folder_reader;

    static int folder_begin(folder_reader *reader, int descriptor) {
        reader->at = reader->end = 0;
        reader->descriptor = descriptor;
        return 0;
    }

    /* The next name, or NULL with errno 0 at the end and not 0 after a failure. */
    static const char *folder_next(folder_reader *reader) {
        folder_record *record;
        long got;
        errno = 0;
        if (reader->at == reader->end) {
            got = syscall(
                SYS_getdents64, reader->descriptor, reader->buffer,
                sizeof reader->buffer);
            if (got <= 0)
                return NULL;
            reader->at = 0;
            reader->end = (size_t)got;
        }
        record = (folder_record *)((char *)reader->buffer + reader->at);
        reader->at += record->size;
        return record->name;
    }

    static void folder_end(folder_reader *reader) {
        close(reader->descriptor);
        reader->descriptor = -1;
    }
    #else
    typedef struct {
        DIR *stream;
        int descriptor;
    } folder_reader;

    static int folder_begin(folder_reader *reader, int descriptor) {
        reader->stream = fdopendir(descriptor);
        if (reader->stream == NULL)
            return -1;
        reader->descriptor = descriptor;
        return 0;
    }

    static const char *folder_next(folder_reader *reader) {
        struct dirent *entry;
        errno = 0;
        entry = readdir(reader->stream);
        return entry == NULL ? NULL : entry->d_name;
    }

    static void folder_end(folder_reader *reader) {
        closedir(reader->stream);
        reader->descriptor = -1;
    }
    #endif

    #ifdef __APPLE__
    #define STAT_TIME(info, which) ((info)->st_##which##timespec)
    #else
    #define STAT_TIME(info, which) ((info)->st_##which##tim)
    #endif
    #define STAT_SECONDS(info, which) ((int64_t)STAT_TIME(info, which).tv_sec)
    #define STAT_NANOSECONDS(info, which) ((int64_t)STAT_TIME(info, which).tv_nsec)
    #define stat_mtime(info) join_time(STAT_SECONDS(info, m), STAT_NANOSECONDS(info, m))
    #define stat_atime(info) join_time(STAT_SECONDS(info, a), STAT_NANOSECONDS(info, a))
    #define stat_ctime(info) join_time(STAT_SECONDS(info, c), STAT_NANOSECONDS(info, c))

    /* Nanoseconds since 1970; beyond the years 1678 to 2262 the nearest there is. */
    static int64_t join_time(int64_t seconds, int64_t nanoseconds) {
        if (seconds > INT64_MAX / 1000000000 - 1) return INT64_MAX;
        if (seconds < INT64_MIN / 1000000000 + 1) return INT64_MIN;
        return seconds * 1000000000 + nanoseconds;
    }

    static double now_seconds(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }

    typedef struct stat stat_info;
    #define KIND(mode) ((mode) & S_IFMT)
    #define set_errno(number) (errno = (number))
    """
    ctypedef struct stat_info:
        uint32_t st_mode
        uint32_t st_uid
        uint32_t st_gid
        uint64_t st_nlink
        int64_t st_size
        uint64_t st_dev
        uint64_t st_ino
        uint64_t st_rdev
    ctypedef struct folder_reader:
        int descriptor
    int folder_begin(folder_reader*, int) noexcept nogil
    const char* folder_next(folder_reader*) noexcept nogil
    void folder_end(folder_reader*) noexcept nogil
    int64_t stat_mtime(stat_info*) noexcept nogil
    int64_t stat_atime(stat_info*) noexcept nogil
    int64_t stat_ctime(stat_info*) noexcept nogil
    double now_seconds() noexcept nogil
    uint32_t KIND(uint32_t mode) noexcept nogil
    void set_errno(int) noexcept nogil
    int S_IFDIR, S_IFREG, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK
    int O_RDONLY, O_DIRECTORY, O_NOFOLLOW, AT_SYMLINK_NOFOLLOW
    int fstat(int, stat_info*) noexcept nogil
    int fstatat(int, const char*, stat_info*, int) noexcept nogil
    ssize_t readlinkat(int, const char*, char*, size_t) noexcept nogil
    int close(int) noexcept nogil

cdef enum:
    MAX_TARGET = 0xFFFF

cdef enum:
    PROBLEM_ENTRY
    PROBLEM_DIRECTORY
    PROBLEM_TYPE

# What a problem is about.
READING_ENTRY = PROBLEM_ENTRY
READING_DIRECTORY = PROBLEM_DIRECTORY
UNKNOWN_TYPE = PROBLEM_TYPE

# As source.tree.ROW; largest members first, so that there is no padding.
cdef struct Row:
    int64_t name_start
    int64_t target_start
    int64_t size
    uint64_t dev
    uint64_t ino
    uint64_t rdev
    int64_t mtime
    int64_t atime
    int64_t ctime
    int32_t parent
    int32_t first_child
    int32_t child_count
    uint32_t mode
    uint32_t uid
    uint32_t gid
    uint32_t nlink
    uint16_t name_size
    uint16_t target_size

cdef struct Listing:
    int32_t directory
    int32_t first_child
    int32_t child_count

cdef struct Pending:
    size_t name_start  # in `pending_names`
    size_t names_left  # how much of that is still needed without this one
    int32_t entry
    int32_t state  # of the rules, for what is in it
    uint32_t depth
    uint32_t name_size

cdef struct Trouble:
    int32_t kind
    int32_t number  # errno
    int64_t size  # bytes of the path that follows

cdef struct Vector:
    char* data
    size_t size  # bytes in use
    size_t room


cdef char* extend(Vector* vector, size_t more) noexcept nogil:
    """Add `more` bytes, not set, and return where they begin; NULL: no memory."""
    cdef size_t room
    cdef char* data
    if vector.size + more > vector.room:
        room = max(2 * vector.room, vector.size + more, <size_t>4096)
        data = <char*>realloc(vector.data, room)
        if data == NULL:
            return NULL
        vector.data = data
        vector.room = room
    data = vector.data + vector.size
    vector.size += more
    return data


cdef void fill_row(Row* row, stat_info* info) noexcept nogil:
    """Fill in what lstat says, and zeros for the rest."""
    memset(row, 0, sizeof(Row))
    row.mode = info.st_mode
    row.uid = info.st_uid
    row.gid = info.st_gid
    row.nlink = <uint32_t>min(info.st_nlink, <uint64_t>0xFFFFFFFF)
    row.size = info.st_size
    row.dev = info.st_dev
    row.ino = info.st_ino
    row.rdev = info.st_rdev
    row.mtime = stat_mtime(info)
    row.atime = stat_atime(info)
    row.ctime = stat_ctime(info)


cdef ssize_t extend_by_target(
    Vector* text, int folder, const char* name
) noexcept nogil:
    """Add the target of a symlink and return its size.

    -1: it cannot be read, errno says why; -2: no memory.
    """
    cdef size_t start = text.size
    cdef char* target = extend(text, MAX_TARGET + 1)
    cdef ssize_t got
    if target == NULL:
        return -2
    got = readlinkat(folder, name, target, MAX_TARGET + 1)
    text.size = start
    if got > MAX_TARGET:
        set_errno(ENAMETOOLONG)
        return -1
    if got > 0:
        text.size += <size_t>got
    return got


cdef class Walker:
    cdef int root
    cdef bint with_devices, with_specials
    cdef bint leaving_out
    cdef uint64_t left_out_dev, left_out_ino
    cdef Automaton rules
    cdef bint filtering, keep_excluded
    cdef folder_reader reader
    cdef int32_t current  # entry of the directory being read
    cdef int32_t state  # of the rules there
    cdef uint32_t depth  # of its children; the root's have 1
    cdef int64_t listed  # its children so far
    cdef size_t pending_from  # where its subdirectories begin in `pending`
    cdef size_t names_from  # and their names in `pending_names`
    cdef int64_t count  # entries so far, all batches
    cdef int64_t taken  # of these handed over
    cdef Vector rows, listings, text, troubles, pending, pending_names, path, levels

    cdef readonly int64_t directories, files, links, others, size_bytes

    def __cinit__(
        self,
        int root,
        *,
        bint with_devices,
        bint with_specials,
        leave_out=None,
        program=None,
        bint keep_excluded=False,
    ):
        self.root = -1
        self.reader.descriptor = -1
        cdef stat_info info
        if fstat(root, &info) != 0:
            raise OSError(errno, "cannot stat the root")
        self.root = root
        self.with_devices = with_devices
        self.with_specials = with_specials
        if leave_out is not None:
            self.left_out_dev, self.left_out_ino = leave_out
            self.leaving_out = True
        cdef int32_t state = 0
        if program is not None:
            self.rules = Automaton(program)
            self.filtering = True
            self.keep_excluded = keep_excluded
            state = self.rules.root
        if (
            not self.add_row(0, NULL, 0, &info)
            or not self.push(0, NULL, 0, 0, state)
        ):
            raise MemoryError

    def __dealloc__(self):
        if self.reader.descriptor >= 0:
            folder_end(&self.reader)
        free(self.rows.data)
        free(self.listings.data)
        free(self.text.data)
        free(self.troubles.data)
        free(self.pending.data)
        free(self.pending_names.data)
        free(self.path.data)
        free(self.levels.data)

    @property
    def entries(self):
        return self.count

    def step(self, int64_t max_rows, double max_seconds):
        cdef int result
        with nogil:
            result = self.advance(max_rows, now_seconds() + max_seconds)
        if result < 0:
            raise MemoryError
        return result > 0

    def take(self):
        result = (
            take_vector(&self.rows),
            take_vector(&self.text),
            take_vector(&self.listings),
        )
        self.taken = self.count
        return result

    def take_problems(self):
        cdef size_t at = 0
        cdef Trouble trouble
        problems = []
        while at < self.troubles.size:
            memcpy(&trouble, self.troubles.data + at, sizeof(Trouble))
            at += sizeof(Trouble)
            path = self.troubles.data[at : at + trouble.size]
            problems.append((trouble.kind, trouble.number, path))
            at += trouble.size
        self.troubles.size = 0
        return problems

    cdef int advance(self, int64_t max_rows, double deadline) noexcept nogil:
        """Read on; returns 1 if there is more to read, 0 if not, -1: no memory."""
        cdef const char* name
        while self.reader.descriptor >= 0 or self.pending.size:
            if self.reader.descriptor < 0:
                if not self.open_next():
                    return -1
            else:
                name = folder_next(&self.reader)
                if name != NULL:
                    if not self.read_entry(name):
                        return -1
                else:
                    if errno and not self.trouble(PROBLEM_DIRECTORY, NULL, 0):
                        return -1
                    if not self.finish_directory():
                        return -1
            if self.count - self.taken >= max_rows or now_seconds() > deadline:
                if self.reader.descriptor >= 0 and not self.note_listing():
                    return -1
                return 1
        return 0

    cdef bint open_next(self) noexcept nogil:
        """Open the directory on top of the stack; False: no memory."""
        cdef Pending* item
        cdef size_t length = 0
        cdef char* end
        cdef int folder
        self.pending.size -= sizeof(Pending)
        item = <Pending*>(self.pending.data + self.pending.size)
        self.current = item.entry
        self.state = item.state
        self.depth = item.depth + 1
        self.listed = 0
        if item.depth:
            # The path up to its parent is still there from the walk so far.
            length = (<size_t*>self.levels.data)[item.depth - 1]
        self.path.size = length
        end = extend(&self.path, item.name_size + 2)
        if end == NULL:
            return False
        if length:
            end[0] = c"/"
            end += 1
        if item.name_size:
            memcpy(end, self.pending_names.data + item.name_start, item.name_size)
        end += item.name_size
        end[0] = 0
        length = <size_t>(end - self.path.data)
        if self.levels.size < self.depth * sizeof(size_t):
            if extend(&self.levels, sizeof(size_t)) == NULL:
                return False
        (<size_t*>self.levels.data)[item.depth] = length
        self.pending_names.size = item.names_left
        self.names_from = self.pending_names.size
        self.pending_from = self.pending.size
        folder = open_beneath(
            self.root, self.path.data, length, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        )
        if folder >= 0 and folder_begin(&self.reader, folder) != 0:
            close(folder)
        return self.reader.descriptor >= 0 or self.trouble(PROBLEM_DIRECTORY, NULL, 0)

    cdef bint read_entry(self, const char* name) noexcept nogil:
        """Add the row of one entry; False: no memory."""
        cdef size_t size = strlen(name)
        cdef stat_info info
        cdef uint32_t kind
        cdef int32_t state = 0
        cdef bint excluded = False
        if name[0] == c"." and (size == 1 or (size == 2 and name[1] == c".")):
            return True
        if fstatat(self.reader.descriptor, name, &info, AT_SYMLINK_NOFOLLOW) != 0:
            return self.trouble(PROBLEM_ENTRY, name, size)
        kind = KIND(info.st_mode)
        if (
            self.leaving_out
            and info.st_ino == self.left_out_ino
            and info.st_dev == self.left_out_dev
        ):
            return True
        if kind == S_IFBLK or kind == S_IFCHR:
            if not self.with_devices:
                return True
        elif kind == S_IFIFO or kind == S_IFSOCK:
            if not self.with_specials:
                return True
        elif kind != S_IFDIR and kind != S_IFREG and kind != S_IFLNK:
            return self.trouble(PROBLEM_TYPE, name, size)
        if self.filtering:
            if not self.rules.read(
                self.state, <const uint8_t*>name, size, kind == S_IFDIR, &state
            ):
                return False
            excluded = self.rules.excludes()
            if excluded and not self.keep_excluded:
                return True
        if kind == S_IFDIR and not excluded:
            if not self.push(<int32_t>self.count, name, size, self.depth, state):
                return False
        if not self.add_row(self.current, name, size, &info):
            return False
        if kind == S_IFLNK:
            return self.read_target(name, size)
        return True

    cdef bint add_row(
        self, int32_t parent, const char* name, size_t size, stat_info* info
    ) noexcept nogil:
        cdef Row* row = <Row*>extend(&self.rows, sizeof(Row))
        cdef size_t start = self.text.size
        cdef char* text = extend(&self.text, size)
        cdef uint32_t kind = KIND(info.st_mode)
        if row == NULL or (size and text == NULL):
            return False
        if size:
            memcpy(text, name, size)
        fill_row(row, info)
        row.name_start = <int64_t>start
        row.name_size = <uint16_t>size
        row.parent = parent
        self.count += 1
        self.listed += 1
        if kind == S_IFDIR:
            self.directories += 1
        elif kind == S_IFREG:
            self.files += 1
            self.size_bytes += info.st_size
        elif kind == S_IFLNK:
            self.links += 1
        else:
            self.others += 1
        return True

    cdef bint read_target(self, const char* name, size_t size) noexcept nogil:
        """Complete the last row with a symlink's target, or take it back."""
        cdef size_t start = self.text.size
        cdef ssize_t got = extend_by_target(&self.text, self.reader.descriptor, name)
        cdef Row* row
        if got == -2:
            return False
        if got < 0:
            self.text.size -= size
            self.rows.size -= sizeof(Row)
            self.count -= 1
            self.listed -= 1
            self.links -= 1
            return self.trouble(PROBLEM_ENTRY, name, size)
        row = <Row*>(self.rows.data + self.rows.size - sizeof(Row))
        row.target_start = <int64_t>start
        row.target_size = <uint16_t>got
        return True

    cdef bint push(
        self,
        int32_t entry,
        const char* name,
        size_t size,
        uint32_t depth,
        int32_t state,
    ) noexcept nogil:
        """Remember a directory to be read; False: no memory."""
        cdef Pending* item = <Pending*>extend(&self.pending, sizeof(Pending))
        cdef size_t start = self.pending_names.size
        cdef char* text = extend(&self.pending_names, size)
        if item == NULL or (size and text == NULL):
            return False
        if size:
            memcpy(text, name, size)
        item.name_start = start
        item.names_left = 0
        item.name_size = <uint32_t>size
        item.entry = entry
        item.depth = depth
        item.state = state
        return True

    cdef bint finish_directory(self) noexcept nogil:
        """Close the directory and have the first of its subdirectories read next."""
        cdef Pending* low = <Pending*>(self.pending.data + self.pending_from)
        cdef Pending* high = <Pending*>(self.pending.data + self.pending.size)
        cdef Pending swapped
        folder_end(&self.reader)
        while low + 1 < high:
            high -= 1
            swapped = low[0]
            low[0] = high[0]
            high[0] = swapped
            low += 1
        # Their names go with the last of them to be read, the lowest.
        low = <Pending*>(self.pending.data + self.pending_from)
        high = <Pending*>(self.pending.data + self.pending.size)
        while low < high:
            low.names_left = self.pending_names.size
            low += 1
        if self.pending.size > self.pending_from:
            low = <Pending*>(self.pending.data + self.pending_from)
            low.names_left = self.names_from
        return self.note_listing()

    cdef bint note_listing(self) noexcept nogil:
        """Record which rows are the children of the present directory so far."""
        cdef Listing* listing = <Listing*>extend(&self.listings, sizeof(Listing))
        if listing == NULL:
            return False
        listing.directory = self.current
        listing.first_child = <int32_t>(self.count - self.listed)
        listing.child_count = <int32_t>self.listed
        return True

    cdef bint trouble(self, int32_t kind, const char* name, size_t size) noexcept nogil:
        """Record a problem with an entry, or the directory itself if NULL."""
        cdef int number = errno
        cdef size_t length = (<size_t*>self.levels.data)[self.depth - 1]
        cdef bint slash = length > 0 and size > 0
        cdef char* at = extend(&self.troubles, sizeof(Trouble) + length + slash + size)
        cdef Trouble head
        if at == NULL:
            return False
        head.kind = kind
        head.number = number if kind != PROBLEM_TYPE else 0
        head.size = <int64_t>(length + slash + size)
        memcpy(at, &head, sizeof(Trouble))
        at += sizeof(Trouble)
        memcpy(at, self.path.data, length)
        if slash:
            at[length] = c"/"
        if size:
            memcpy(at + length + slash, name, size)
        return True


@cython.boundscheck(False)
@cython.wraparound(False)
def stat_paths(
    int root,
    const uint8_t[::1] text,
    const int64_t[::1] starts,
    const uint16_t[::1] sizes,
    uint8_t[::1] rows,
    int32_t[::1] numbers,
):
    cdef int64_t i, n = starts.shape[0]
    cdef Vector path, targets
    cdef stat_info info
    cdef Row* row
    cdef ssize_t got = 0
    if not (
        sizes.shape[0] == numbers.shape[0] == n
        and rows.shape[0] == n * <int64_t>sizeof(Row)
    ):
        raise ValueError("expected columns of one length")
    for i in range(n):
        if not 0 <= starts[i] <= starts[i] + sizes[i] <= text.shape[0]:
            raise IndexError(f"expected a path inside the text, at {i}")
    memset(&path, 0, sizeof(Vector))
    memset(&targets, 0, sizeof(Vector))
    if extend(&path, 1 << 16) == NULL:
        raise MemoryError
    try:
        with nogil:
            for i in range(n):
                if sizes[i]:
                    memcpy(path.data, &text[starts[i]], sizes[i])
                path.data[sizes[i]] = 0
                row = <Row*>&rows[i * <int64_t>sizeof(Row)]
                numbers[i] = 0
                if fstatat(root, path.data, &info, AT_SYMLINK_NOFOLLOW) != 0:
                    memset(row, 0, sizeof(Row))
                    numbers[i] = errno
                    continue
                fill_row(row, &info)
                if KIND(info.st_mode) != S_IFLNK:
                    continue
                row.target_start = <int64_t>targets.size
                got = extend_by_target(&targets, root, path.data)
                if got == -2:
                    break
                if got < 0:
                    numbers[i] = errno
                else:
                    row.target_size = <uint16_t>got
        if got == -2:
            raise MemoryError
        return targets.data[: targets.size]
    finally:
        free(path.data)
        free(targets.data)


cdef bytes take_vector(Vector* vector):
    data = vector.data[: vector.size]
    vector.size = 0
    return data
