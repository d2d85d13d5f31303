// SPDX-License-Identifier: Apache-2.0
// Stands between a program and the file calls of libc (LD_PRELOAD), for the files in the folder SHIM_FOLDER.
//
//   SHIM_UNDO=FILE     writes down, before each change of a file, what undo.py needs to take it back, and at each
//                      successful sync what can no longer be lost. FILE is outside the folder, and on the same disk.
//   SHIM_FAIL=CALL:PATTERN:COUNT:ERRNO[!]
//                      the COUNTth CALL (open, pwrite, write, ftruncate, fallocate, fsync, fdatasync, unlink)
//                      on a file whose path contains PATTERN, or ends with it if that ends with $, fails; and so do all
//                      later ones, unless there is a "!".
//   SHIM_BUDGET=BYTES  the folder is a disk of that size: what would take more fails with ENOSPC.
//
// Not seen: changes through a shared mapping, copied descriptors, writev, copy_file_range and rename. Files whose name ends with
// "-shm" are left alone: SQLite keeps in them only what it makes anew. System calls are made directly, so that no symbol
// has to be looked up in a library that may not have started yet.
#define _GNU_SOURCE
#include <dirent.h>
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
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static char *paths[DESCRIPTORS];  // of the descriptors that are followed
static char *folder, *pattern, call_name[16];
static int undo = -1, error_number, only_once;
static long fail_at, calls;
static uint64_t budget, sequence;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct record {  // followed by the path and the data; undo.py reads it
    uint32_t magic, kind;
    uint64_t sequence, device, inode, offset, length, size, path_length, data_length;
};

static void start(void) {
    const char *text = getenv("SHIM_FOLDER");
    if (!text || !(folder = realpath(text, NULL))) return;
    if ((text = getenv("SHIM_UNDO"))) {
        undo = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (undo < 0) { perror("shim: SHIM_UNDO"); _exit(99); }
    }
    if ((text = getenv("SHIM_BUDGET"))) budget = strtoull(text, NULL, 10);
    if ((text = getenv("SHIM_FAIL"))) {
        static char found[256], word[16];
        if (sscanf(text, "%15[^:]:%255[^:]:%ld:%15s", call_name, found, &fail_at, word) != 4) { fputs("shim: SHIM_FAIL\n", stderr); _exit(99); }
        size_t end = strlen(word) - 1;
        if (word[end] == '!') { only_once = 1; word[end] = 0; }
        error_number = !strcmp(word, "EIO") ? EIO : !strcmp(word, "ENOSPC") ? ENOSPC : !strcmp(word, "EROFS") ? EROFS
            : !strcmp(word, "EDQUOT") ? EDQUOT : !strcmp(word, "EACCES") ? EACCES : atoi(word);
        pattern = found;
    }
}

static int ends(const char *text, const char *end, size_t length) {
    size_t all = strlen(text);
    return all >= length && !memcmp(text + all - length, end, length);
}

static int inside(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]) && !ends(path, "-shm", 4);
}

static char *path_of(int fd) {
    pthread_once(&once, start);
    return fd >= 0 && fd < DESCRIPTORS ? paths[fd] : NULL;
}

/// The path with the folder's links followed, or 0 if it is none of ours. `result` takes PATH_MAX bytes.
static int resolve(int at, const char *path, char *result) {
    char parent[PATH_MAX], joined[PATH_MAX], link[64];
    pthread_once(&once, start);
    if (!folder || strlen(path) >= PATH_MAX) return 0;
    const char *name = strrchr(path, '/');
    snprintf(parent, sizeof parent, "%.*s", name ? (int)(name - path) + 1 : 1, name ? path : ".");
    if (parent[0] != '/' && at != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d/", at);
        if (snprintf(joined, sizeof joined, "%s%s", link, parent) >= PATH_MAX) return 0;
    } else strcpy(joined, parent);
    if (!realpath(joined, parent)) return 0;
    const char *last = name ? name + 1 : path;
    if (snprintf(result, PATH_MAX, "%s%s%s", parent, *last ? "/" : "", last) >= PATH_MAX) return 0;
    return inside(result);
}

// With the mutex held. The data are what is read from the file at `from`, if it is open, or `text`.
static void note(char kind, const char *path, const struct stat *of, uint64_t number, uint64_t offset, uint64_t length,
    int file, uint64_t from, uint64_t count, const char *text) {
    if (undo < 0) return;
    char *data = text ? NULL : malloc(count ? count : 1);
    uint64_t have = 0;
    for (ssize_t got; data && have < count; have += got)
        if ((got = syscall(SYS_pread64, file, data + have, count - have, from + have)) <= 0) {
            fputs("shim: the old bytes cannot be read\n", stderr);
            _exit(99);
        }
    struct record record = {0x53484d31, kind, number, of->st_dev, of->st_ino, offset, length, of->st_size, strlen(path), count};
    struct iovec parts[] = {{&record, sizeof record}, {(void *)path, strlen(path)}, {text ? (void *)text : data, count}};
    ssize_t all = sizeof record + strlen(path) + count;
    if (syscall(SYS_writev, undo, parts, 3) != all) { perror("shim: the undo file"); _exit(99); }
    free(data);
}

// With the mutex held.
static int fails(const char *call, const char *path) {
    size_t length = pattern ? strlen(pattern) : 0;
    if (!length || strcmp(call, call_name)) return 0;
    if (pattern[length - 1] == '$' ? !ends(path, pattern, length - 1) && !ends(path, pattern, length) : !strstr(path, pattern)) return 0;
    long count = ++calls;
    if (count < fail_at || (only_once && count > fail_at)) return 0;
    struct stat none = {0};
    note('F', path, &none, sequence, 0, 0, -1, 0, strlen(call), call);
    errno = error_number;
    return 1;
}

// A descriptor of the same file that can be read from.
static int readable(int fd) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
}

static void note_change(char kind, int fd, uint64_t offset, uint64_t length) {
    struct stat now;
    if (undo < 0 || fstat(fd, &now) || !S_ISREG(now.st_mode)) return;
    // A write replaces bytes; a truncation takes away those after the new size.
    uint64_t size = now.st_size, from = offset < size ? offset : size;
    uint64_t count = kind == 'G' ? 0 : kind == 'W' && offset + length < size ? length : size - from;
    int file = count ? readable(fd) : -1;
    note(kind, paths[fd], &now, ++sequence, offset, length, file, from, count, NULL);
    if (file >= 0) syscall(SYS_close, file);
}

// By their sizes: the blocks that a file system says it has taken may be more, for what it expects to come.
static uint64_t in_blocks(uint64_t size) { return (size + 4095) / 4096 * 4096; }

// Whether the budget has no room for the file to reach `end`.
static int is_over(int fd, uint64_t end) {
    struct stat now;
    if (!budget || fstat(fd, &now)) return 0;
    uint64_t has = in_blocks(now.st_size), total = 0;
    if (end <= has) return 0;
    DIR *files = opendir(folder);
    for (struct dirent *entry; files && (entry = readdir(files));) {
        struct stat other;
        if (!fstatat(dirfd(files), entry->d_name, &other, AT_SYMLINK_NOFOLLOW) && S_ISREG(other.st_mode)) total += in_blocks(other.st_size);
    }
    if (files) closedir(files);
    if (total + in_blocks(end) - has <= budget) return 0;
    errno = ENOSPC;
    return 1;
}

static ssize_t do_write(const char *call, int fd, const void *bytes, size_t count, int64_t at) {
    char *path = path_of(fd);
    if (!path) return at < 0 ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, at);
    pthread_mutex_lock(&mutex);
    struct stat now = {0};
    int64_t offset = at >= 0 ? at : lseek(fd, 0, SEEK_CUR);
    if (at < 0 && (fcntl(fd, F_GETFL) & O_APPEND) && !fstat(fd, &now)) offset = now.st_size;
    ssize_t result = -1;
    if (!fails(call, path) && !is_over(fd, offset + count)) {
        if (count) note_change('W', fd, offset, count);
        result = at < 0 ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, at);
    }
    int kept = errno;
    pthread_mutex_unlock(&mutex);
    errno = kept;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t count) { return do_write("write", fd, bytes, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return do_write("pwrite", fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return do_write("pwrite", fd, bytes, count, at); }

static int do_resize(const char *call, int fd, int mode, off_t offset, off_t length) {
    char *path = path_of(fd);
    int shrinks = !strcmp(call, "ftruncate"), result = -1;
    if (path) pthread_mutex_lock(&mutex);
    if (!path || (!fails(call, path) && (shrinks || !is_over(fd, offset + length)))) {
        // Only what changes the size or the bytes can be lost: 1 keeps the size, 2, 8, 16 and 32 change the bytes.
        if (path && shrinks) note_change('T', fd, length, 0);
        else if (path && (mode & ~1)) note_change('W', fd, offset, length);
        else if (path && !mode) note_change('G', fd, offset + length, 0);
        result = shrinks ? syscall(SYS_ftruncate, fd, length) : syscall(SYS_fallocate, fd, mode, offset, length);
    }
    int kept = errno;
    if (path) pthread_mutex_unlock(&mutex);
    errno = kept;
    return result;
}

int ftruncate(int fd, off_t size) { return do_resize("ftruncate", fd, 0, 0, size); }
int ftruncate64(int fd, off_t size) { return do_resize("ftruncate", fd, 0, 0, size); }
int fallocate(int fd, int mode, off_t at, off_t length) { return do_resize("fallocate", fd, mode, at, length); }
int fallocate64(int fd, int mode, off_t at, off_t length) { return do_resize("fallocate", fd, mode, at, length); }
int posix_fallocate(int fd, off_t at, off_t length) { return do_resize("fallocate", fd, 0, at, length) ? errno : 0; }
int posix_fallocate64(int fd, off_t at, off_t length) { return do_resize("fallocate", fd, 0, at, length) ? errno : 0; }

static int do_sync(const char *call, long number, int fd) {
    char *path = path_of(fd);
    if (!path) return syscall(number, fd);
    // What is written while it syncs may not be synced: so the mutex is not held, and only what came before is safe.
    pthread_mutex_lock(&mutex);
    uint64_t before = sequence;
    int failing = fails(call, path);
    pthread_mutex_unlock(&mutex);
    if (failing) { errno = error_number; return -1; }
    if (syscall(number, fd)) return -1;
    struct stat now;
    pthread_mutex_lock(&mutex);
    if (!fstat(fd, &now)) note('S', path, &now, before, 0, 0, -1, 0, 0, "");
    pthread_mutex_unlock(&mutex);
    return 0;
}

int fsync(int fd) { return do_sync("fsync", SYS_fsync, fd); }
int fdatasync(int fd) { return do_sync("fdatasync", SYS_fdatasync, fd); }

static int do_open(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat was;
    int ours = resolve(at, name, path), existed = 0, fd = -1;
    if (ours) pthread_mutex_lock(&mutex);
    if (!ours || !fails("open", path)) {
        if (ours) existed = !fstatat(at, name, &was, 0);
        // Truncated below, where the old bytes can be noted.
        int truncates = ours && existed && (flags & O_TRUNC);
        fd = syscall(SYS_openat, at, name, flags & ~(truncates ? O_TRUNC : 0), mode);
        if (fd >= 0 && fd < DESCRIPTORS) {
            free(paths[fd]);
            paths[fd] = ours ? strdup(path) : NULL;
            if (ours && !existed && !fstat(fd, &was)) note('C', path, &was, ++sequence, 0, 0, -1, 0, 0, "");
            if (truncates) { note_change('T', fd, 0, 0); (void)!syscall(SYS_ftruncate, fd, 0L); }
        }
    }
    int kept = errno;
    if (ours) pthread_mutex_unlock(&mutex);
    errno = kept;
    return fd;
}

#define MODE(flags) va_list list; va_start(list, flags); mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; va_end(list)
int open(const char *name, int flags, ...) { MODE(flags); return do_open(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags); return do_open(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE(flags); return do_open(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE(flags); return do_open(at, name, flags, mode); }
int __open_2(const char *name, int flags) { return do_open(AT_FDCWD, name, flags, 0); }
int __open64_2(const char *name, int flags) { return do_open(AT_FDCWD, name, flags, 0); }

int close(int fd) {
    if (path_of(fd)) {
        pthread_mutex_lock(&mutex);
        free(paths[fd]);
        paths[fd] = NULL;
        pthread_mutex_unlock(&mutex);
    }
    return syscall(SYS_close, fd);
}

// The file stays under another name beside the undo file, for undo.py to put back.
static void note_unlink(const char *path, int at, const char *name) {
    char saved[PATH_MAX];
    struct stat was = {0};
    if (undo < 0) return;
    const char *text = getenv("SHIM_UNDO");
    snprintf(saved, sizeof saved, "%s.%llu", text, (unsigned long long)++sequence);
    if (fstatat(at, name, &was, 0) || linkat(at, name, AT_FDCWD, saved, 0)) saved[0] = 0;
    note('U', path, &was, sequence, 0, 0, -1, 0, strlen(saved), saved);
}

static int do_unlink(int at, const char *name, int flags) {
    char path[PATH_MAX];
    if (!resolve(at, name, path)) return syscall(SYS_unlinkat, at, name, flags);
    pthread_mutex_lock(&mutex);
    int result = -1;
    if (!fails("unlink", path)) {
        if (!flags) note_unlink(path, at, name);
        result = syscall(SYS_unlinkat, at, name, flags);
    }
    int kept = errno;
    pthread_mutex_unlock(&mutex);
    errno = kept;
    return result;
}

int unlink(const char *name) { return do_unlink(AT_FDCWD, name, 0); }
int unlinkat(int at, const char *name, int flags) { return do_unlink(at, name, flags); }

int mkdir(const char *name, mode_t mode) {
    char path[PATH_MAX];
    struct stat now;
    int ours = resolve(AT_FDCWD, name, path);
    if (ours) pthread_mutex_lock(&mutex);
    int result = syscall(SYS_mkdirat, AT_FDCWD, name, mode), kept = errno;
    if (ours && !result && !stat(path, &now)) note('C', path, &now, ++sequence, 0, 0, -1, 0, 0, "");
    if (ours) pthread_mutex_unlock(&mutex);
    errno = kept;
    return result;
}
