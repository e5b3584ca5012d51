# cython: language_level=3
"""Reading many files into one buffer: openat, fstat and read, the GIL released."""

cimport cython
from libc.errno cimport EINTR, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

include "beneath.pxi"

cdef extern from *:
    """
    #ifndef O_NOATIME
    #define O_NOATIME 0
    #endif
    /* No waiting, should the file have become a FIFO meanwhile. */
    #define READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

    typedef struct stat stat_info;
    #define IS_REGULAR(info) S_ISREG((info)->st_mode)

    /* Reading must not change access times, which only owners may ask for. */
    static int open_to_read(int root, char *path, size_t size) {
        int file = open_beneath(root, path, size, READ_FLAGS | O_NOATIME);
        if (file < 0 && errno == EPERM && O_NOATIME != 0)
            file = open_beneath(root, path, size, READ_FLAGS);
        return file;
    }
    """
    ctypedef struct stat_info:
        int64_t st_size
    int open_to_read(int root, char* path, size_t size) noexcept nogil
    bint IS_REGULAR(stat_info*) noexcept nogil
    int fstat(int, stat_info*) noexcept nogil
    ssize_t read(int, void*, size_t) noexcept nogil
    int close(int) noexcept nogil

cdef enum:
    STATUS_OK
    STATUS_CANNOT_OPEN
    STATUS_SIZE_CHANGED
    STATUS_SHORT
    STATUS_READ_FAILED
    STATUS_STOPPED

OK = STATUS_OK
CANNOT_OPEN = STATUS_CANNOT_OPEN
SIZE_CHANGED = STATUS_SIZE_CHANGED
SHORT = STATUS_SHORT
READ_FAILED = STATUS_READ_FAILED

cdef struct Path:
    char* data
    int64_t room


cdef class Source:
    cdef int root
    cdef const int32_t[::1] parent
    cdef const int64_t[::1] name_start
    cdef const uint16_t[::1] name_size
    cdef const uint8_t[::1] text
    cdef volatile int stopped

    def __init__(self, int root, parent, name_start, name_size, text):
        self.root = root
        self.parent = parent
        self.name_start = name_start
        self.name_size = name_size
        self.text = text
        if not (
            self.parent.shape[0] == self.name_start.shape[0] == self.name_size.shape[0]
        ):
            raise ValueError("expected columns of one length")

    def stop(self):
        self.stopped = 1

    def open(self, int32_t entry, int64_t size):
        self.check_entry(entry)
        cdef Path path = Path(NULL, 0)
        cdef int file = -1, status
        with nogil:
            status = self.open_entry(entry, size, &path, &file)
            free(path.data)
        return status, file

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def read_batch(
        self,
        const int32_t[::1] entries,
        const int64_t[::1] starts,
        const int64_t[::1] sizes,
        uint8_t[::1] buffer,
        uint8_t[::1] status,
    ):
        cdef int64_t i, n = entries.shape[0]
        if not starts.shape[0] == sizes.shape[0] == status.shape[0] == n:
            raise ValueError("expected columns of one length")
        for i in range(n):
            self.check_entry(entries[i])
            if not 0 <= starts[i] <= buffer.shape[0] - sizes[i] or sizes[i] < 0:
                raise ValueError("expected room for each file in the buffer")
        cdef Path path = Path(NULL, 0)
        with nogil:
            for i in range(n):
                if self.stopped:
                    status[i] = STATUS_STOPPED
                else:
                    status[i] = <uint8_t>self.read_entry(
                        entries[i], &buffer[0] + starts[i], sizes[i], &path
                    )
            free(path.data)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def probe(
        self,
        const int32_t[::1] entries,
        const int64_t[::1] sizes,
        uint8_t[::1] status,
    ):
        cdef int64_t i, n = entries.shape[0]
        if not sizes.shape[0] == status.shape[0] == n:
            raise ValueError("expected columns of one length")
        for i in range(n):
            self.check_entry(entries[i])
        cdef Path path = Path(NULL, 0)
        cdef int file
        with nogil:
            for i in range(n):
                if self.stopped:
                    status[i] = STATUS_STOPPED
                    continue
                file = -1
                status[i] = STATUS_OK
                if sizes[i]:
                    status[i] = <uint8_t>self.open_entry(
                        entries[i], sizes[i], &path, &file
                    )
                if file >= 0:
                    close(file)
            free(path.data)

    cdef int read_entry(
        self, int32_t entry, uint8_t* out, int64_t size, Path* path
    ) noexcept nogil:
        cdef int file = -1, status
        cdef int64_t done = 0
        cdef ssize_t got = 1
        if size == 0:
            return STATUS_OK
        status = self.open_entry(entry, size, path, &file)
        if status != STATUS_OK:
            return status
        while done < size and got > 0:
            got = read(file, out + done, <size_t>(size - done))
            if got > 0:
                done += got
            elif got < 0 and errno == EINTR:
                got = 1
        close(file)
        if got < 0:
            return STATUS_READ_FAILED
        return STATUS_OK if done == size else STATUS_SHORT

    cdef int open_entry(
        self, int32_t entry, int64_t size, Path* path, int* file
    ) noexcept nogil:
        """Open a file; `file` stays -1 unless all is well."""
        cdef stat_info info
        cdef int64_t length = self.make_path(entry, path)
        cdef int result = STATUS_OK
        if length < 0:
            return STATUS_CANNOT_OPEN
        file[0] = open_to_read(self.root, path.data, <size_t>length)
        if file[0] < 0:
            return STATUS_CANNOT_OPEN
        if fstat(file[0], &info) != 0 or not IS_REGULAR(&info):
            result = STATUS_CANNOT_OPEN
        elif info.st_size != size:
            result = STATUS_SIZE_CHANGED
        if result != STATUS_OK:
            close(file[0])
            file[0] = -1
        return result

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int64_t make_path(self, int32_t entry, Path* path) noexcept nogil:
        """Write the path of an entry, NUL at the end; returns its size or -1."""
        cdef int64_t size = -1, at
        cdef int32_t above = entry
        cdef char* data
        while above > 0:
            size += 1 + self.name_size[above]
            above = self.parent[above]
        if size + 1 > path.room:
            data = <char*>realloc(path.data, 2 * (size + 1))
            if data == NULL:
                return -1
            path.data = data
            path.room = 2 * (size + 1)
        at = size
        path.data[at] = 0
        above = entry
        while above > 0:
            at -= self.name_size[above]
            memcpy(
                path.data + at,
                &self.text[self.name_start[above]],
                self.name_size[above],
            )
            above = self.parent[above]
            if above > 0:
                at -= 1
                path.data[at] = c"/"
        return size

    cdef int check_entry(self, int32_t entry) except -1:
        if not 0 < entry < self.parent.shape[0]:
            raise IndexError(
                f"expected an entry below {self.parent.shape[0]}, found {entry}"
            )
        return 0
