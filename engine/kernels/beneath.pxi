# Opening what lies below a folder: shared by the kernels that touch the file system.

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>

    /* More than any system takes in one path is handed over piece by piece. */
    #define BENEATH_PIECE 1000

    static int open_retrying(int folder, const char *path, int flags) {
        int file;
        do file = openat(folder, path, flags | O_CLOEXEC);
        while (file < 0 && errno == EINTR);
        return file;
    }

    /* Open `path`, relative to the open folder `root` and of any length; the empty
       path is the folder itself. Returns a descriptor, or -1 with errno set. Writes
       to `path` while it works and restores it. */
    static int open_beneath(int root, char *path, size_t size, int flags) {
        int folder = root, next, problem;
        char *slash;
        if (size == 0)
            return open_retrying(root, ".", flags);
        while (size > BENEATH_PIECE) {
            slash = path + BENEATH_PIECE;
            while (slash > path && *slash != '/')
                slash--;
            if (slash == path)
                break; /* one name as long as this: let the system judge */
            *slash = 0;
            next = open_retrying(folder, path, O_RDONLY | O_DIRECTORY);
            problem = errno;
            *slash = '/';
            if (folder != root)
                close(folder);
            if (next < 0) {
                errno = problem;
                return -1;
            }
            folder = next;
            size -= (size_t)(slash + 1 - path);
            path = slash + 1;
        }
        next = open_retrying(folder, path, flags);
        problem = errno;
        if (folder != root)
            close(folder);
        errno = problem;
        return next;
    }
    """
    int open_beneath(int root, char* path, size_t size, int flags) noexcept nogil
