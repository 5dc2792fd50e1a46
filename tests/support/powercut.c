/* Records what a process does to the files of one folder, in order, for tests/support/powercut.py.
 *
 * LD_PRELOAD it with POWERCUT_FOLDER and POWERCUT_LOG set. A record is a head (kind, file, offset, length) and so many
 * bytes. An operation and its record are one step under a lock, so that the order of the records is that of the file
 * operations, whichever threads do them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FILES 65536

struct head { int64_t kind, file, offset, length; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t ids[MOST_FILES]; /* of descriptors; 0: not in the folder */
static int64_t newest;
static int journal = -1;
static const char *folder;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void put(const void *data, size_t length) {
    const char *rest = data;
    while (length > 0) {
        long done = syscall(SYS_write, journal, rest, length);
        if (done <= 0) abort();
        rest += done;
        length -= (size_t)done;
    }
}

static void note(char kind, int64_t file, int64_t offset, const void *data, size_t length) {
    struct head head = {kind, file, offset, (int64_t)length};
    int kept = errno;
    put(&head, sizeof head);
    put(data, length);
    errno = kept;
}

__attribute__((constructor)) static void begin(void) {
    folder = getenv("POWERCUT_FOLDER");
    const char *log = getenv("POWERCUT_LOG");
    if (folder != NULL && log != NULL)
        journal = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    return journal >= 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static int64_t id_of(int fd) { return fd >= 0 && fd < MOST_FILES ? ids[fd] : 0; }

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < MOST_FILES) ids[fd] = 0;
    if (fd >= 0 && fd < MOST_FILES && inside(path)) {
        ids[fd] = ++newest;
        note('O', newest, 0, path, strlen(path));
    }
    return fd;
}

#define OPEN(name)                                                  \
    int name(const char *path, int flags, ...) {                    \
        int (*inner)(const char *, int, ...) = real(#name);         \
        va_list more;                                               \
        va_start(more, flags);                                      \
        mode_t mode = va_arg(more, mode_t);                         \
        va_end(more);                                               \
        pthread_mutex_lock(&lock);                                  \
        int fd = opened(inner(path, flags, mode), path);            \
        if (fd >= 0 && id_of(fd) != 0 && (flags & O_TRUNC) != 0)    \
            note('T', id_of(fd), 0, NULL, 0);                       \
        pthread_mutex_unlock(&lock);                                \
        return fd;                                                  \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                \
    int name(int at, const char *path, int flags, ...) {            \
        int (*inner)(int, const char *, int, ...) = real(#name);    \
        va_list more;                                               \
        va_start(more, flags);                                      \
        mode_t mode = va_arg(more, mode_t);                         \
        va_end(more);                                               \
        pthread_mutex_lock(&lock);                                  \
        int fd = opened(inner(at, path, flags, mode), path);        \
        if (fd >= 0 && id_of(fd) != 0 && (flags & O_TRUNC) != 0)    \
            note('T', id_of(fd), 0, NULL, 0);                       \
        pthread_mutex_unlock(&lock);                                \
        return fd;                                                  \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    int (*inner)(int) = real("close");
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < MOST_FILES) ids[fd] = 0;
    int done = inner(fd);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(name, offset_t)                                                  \
    ssize_t name(int fd, const void *data, size_t length, offset_t offset) {    \
        ssize_t (*inner)(int, const void *, size_t, offset_t) = real(#name);    \
        pthread_mutex_lock(&lock);                                              \
        ssize_t done = inner(fd, data, length, offset);                         \
        if (done > 0 && id_of(fd) != 0) note('W', id_of(fd), offset, data, (size_t)done); \
        pthread_mutex_unlock(&lock);                                            \
        return done;                                                            \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length) {
    ssize_t (*inner)(int, const void *, size_t) = real("write");
    if (id_of(fd) == 0) return inner(fd, data, length);
    pthread_mutex_lock(&lock);
    ssize_t done = inner(fd, data, length);
    if (done > 0) note('W', id_of(fd), lseek(fd, 0, SEEK_CUR) - done, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define SYNC(name)                                                  \
    int name(int fd) {                                              \
        int (*inner)(int) = real(#name);                            \
        pthread_mutex_lock(&lock);                                  \
        int done = inner(fd);                                       \
        if (done == 0 && id_of(fd) != 0) note('S', id_of(fd), 0, NULL, 0); \
        pthread_mutex_unlock(&lock);                                \
        return done;                                                \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, offset_t)                                    \
    int name(int fd, offset_t length) {                             \
        int (*inner)(int, offset_t) = real(#name);                  \
        pthread_mutex_lock(&lock);                                  \
        int done = inner(fd, length);                               \
        if (done == 0 && id_of(fd) != 0) note('T', id_of(fd), length, NULL, 0); \
        pthread_mutex_unlock(&lock);                                \
        return done;                                                \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int unlink(const char *path) {
    int (*inner)(const char *) = real("unlink");
    pthread_mutex_lock(&lock);
    int done = inner(path);
    if (done == 0 && inside(path)) note('U', 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) {
    int (*inner)(const char *, const char *) = real("rename");
    char both[2 * PATH_MAX + 2];
    pthread_mutex_lock(&lock);
    int done = inner(from, to);
    if (done == 0 && inside(from)) {
        int length = snprintf(both, sizeof both, "%s%c%s", from, '\n', to);
        note('R', 0, 0, both, (size_t)length);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
