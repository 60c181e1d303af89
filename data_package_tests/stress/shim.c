/* Faults at the Nth system call of a kind on files below one folder, and a trace of what is written.
 *
 * Preloaded, so that the calls of Python, Polars and SQLite are all counted. `shim_arm` begins it;
 * a process that is started with SHIM set begins by itself. Links are not followed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, WRITE, FSYNC, RENAME, UNLINK, MKDIR, RMDIR, TRUNCATE, CHMOD, LINK, FLOCK, READ, LOOK, KINDS };

static char root[PATH_MAX];
static size_t root_length;
static int kind = -1, number, once, trace = -1;
static long nth;
static char what;             /* k(ill), a(fter: kill), s(ignal), e(rror), 0 */
static volatile int failing;
static long *counts, spare[KINDS];
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside;

void shim_arm(const char *folder, int of_kind, long at, int happens, int of_number, int only_once,
              const char *counted, const char *traced)
{
    counts = spare;
    if (counted && *counted) {
        int fd = syscall(SYS_openat, AT_FDCWD, counted, O_RDWR | O_CREAT, 0600);
        syscall(SYS_ftruncate, fd, sizeof spare);
        counts = mmap(NULL, sizeof spare, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        syscall(SYS_close, fd);
    }
    trace = -1;
    if (traced && *traced) {
        int fd = syscall(SYS_openat, AT_FDCWD, traced, O_WRONLY | O_CREAT | O_APPEND, 0600);
        trace = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
        syscall(SYS_close, fd);
    }
    kind = of_kind, nth = at, what = happens, number = of_number, once = only_once, failing = 0;
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
}

__attribute__((constructor)) static void begin(void)
{
    const char *said = getenv("SHIM");
    char folder[PATH_MAX], counted[PATH_MAX] = "";
    int of_kind, happens, of_number, only_once;
    long at;
    if (said && sscanf(said, "%d %ld %d %d %d %4000[^|]|%4000[^|]", &of_kind, &at, &happens,
                       &of_number, &only_once, folder, counted) >= 6)
        shim_arm(folder, of_kind, at, happens, of_number, only_once, counted, "");
}

static int of_descriptor(int fd, char *whole)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, whole, PATH_MAX - 1);
    if (length <= 0) return 0;
    whole[length] = 0;
    return 1;
}

static int ours(int at, const char *path, char *whole)
{
    if (!root_length || inside) return 0;
    if (!path) {
        if (!of_descriptor(at, whole)) return 0;
    } else if (*path == '/') {
        strncpy(whole, path, PATH_MAX - 1);
    } else {
        char folder[PATH_MAX];
        if (at == AT_FDCWD) {
            if (syscall(SYS_getcwd, folder, sizeof folder) < 0) return 0;
        } else if (!of_descriptor(at, folder)) return 0;
        snprintf(whole, PATH_MAX, "%.2000s/%.2000s", folder, path);
    }
    if (strncmp(whole, root, root_length) || (whole[root_length] && whole[root_length] != '/'))
        return 0;
    return !strstr(whole, "__pycache__");
}

static int fails(int of)
{
    switch (number) {
    case ENOSPC: case EDQUOT:
        return of == OPEN || of == WRITE || of == MKDIR || of == LINK || of == FSYNC;
    case EROFS: case EACCES: case EPERM:
        return of != READ && of != FSYNC && of != WRITE && of != FLOCK && of != LOOK;
    case EMFILE: case ENFILE:
        return of == OPEN || of == LOOK;
    case ENOLCK: case ENOTSUP:
        return of == FLOCK;
    default:
        return 1;
    }
}

/* Before a call: 1 when it is to fail with errno; *after is set when the end comes behind it. */
static int before(int of, int *after)
{
    long now = __atomic_add_fetch(&counts[of], 1, __ATOMIC_SEQ_CST);
    int hit = of == kind && now == nth;
    *after = 0;
    if (hit && what == 'k') syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    if (hit && what == 's') {
        if (number == SIGSTOP) {
            pid_t me = syscall(SYS_getpid);
            if (!fork()) { usleep(100000); syscall(SYS_kill, me, SIGCONT); _exit(0); }
        }
        syscall(SYS_kill, syscall(SYS_getpid), number);
    }
    if (hit && what == 'a') *after = 1;
    if (what == 'e' && (hit || (failing && !once && fails(of)))) {
        failing = 1;
        errno = number;
        return 1;
    }
    return 0;
}

static void after_it(int after) { if (after) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); }

static void line(const char *text, size_t length) { syscall(SYS_write, trace, text, length); }

static void traced(const char *op, const char *one, const char *other)
{
    if (trace < 0) return;
    char text[2 * PATH_MAX + 64];
    struct stat found;
    memset(&found, 0, sizeof found);
    syscall(SYS_newfstatat, AT_FDCWD, *op == 'R' ? other : one, &found, AT_SYMLINK_NOFOLLOW);
    int length = snprintf(text, sizeof text, "%s\t%lu\t%s\t%s\n", op, (unsigned long)found.st_ino, one, other);
    line(text, length);
}

static void traced_data(int fd, off_t at, size_t size)
{
    if (trace < 0) return;
    char name[64];
    struct stat found;
    syscall(SYS_fstat, fd, &found);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int again = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    unsigned char *data = malloc(size);
    char *text = malloc(2 * size + 128);
    ssize_t got = syscall(SYS_pread64, again, data, size, at);
    syscall(SYS_close, again);
    int length = sprintf(text, "W\t%lu\t%ld\t", (unsigned long)found.st_ino, (long)at);
    for (ssize_t i = 0; i < got; i++) length += sprintf(text + length, "%02x", data[i]);
    text[length++] = '\n';
    line(text, length);
    free(data), free(text);
}

#define STOCK(type, name, ...) \
    static type (*stock)(__VA_ARGS__); \
    if (!stock) stock = dlsym(RTLD_NEXT, #name)

#define AROUND(of, at, path, call, tell) do { \
    char whole[PATH_MAX]; int after; \
    if (!ours(at, path, whole)) return call; \
    if (before(of, &after)) return -1; \
    if (trace >= 0) pthread_mutex_lock(&one_at_a_time); \
    __auto_type done = call; int kept = errno; \
    if (done >= 0) { tell; } \
    if (trace >= 0) pthread_mutex_unlock(&one_at_a_time); \
    after_it(after); errno = kept; \
    return done; } while (0)

#define MODE int mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); }
#define WRITES (flags & (O_WRONLY | O_RDWR))
#define OPENED if (WRITES) traced(flags & O_TRUNC ? "O" : "o", whole, "")

int open(const char *path, int flags, ...) { MODE STOCK(int, open, const char *, int, ...); AROUND(WRITES ? OPEN : LOOK, AT_FDCWD, path, stock(path, flags, mode), OPENED); }
int open64(const char *path, int flags, ...) { MODE STOCK(int, open64, const char *, int, ...); AROUND(WRITES ? OPEN : LOOK, AT_FDCWD, path, stock(path, flags, mode), OPENED); }
int openat(int at, const char *path, int flags, ...) { MODE STOCK(int, openat, int, const char *, int, ...); AROUND(WRITES ? OPEN : LOOK, at, path, stock(at, path, flags, mode), OPENED); }
int openat64(int at, const char *path, int flags, ...) { MODE STOCK(int, openat64, int, const char *, int, ...); AROUND(WRITES ? OPEN : LOOK, at, path, stock(at, path, flags, mode), OPENED); }

#define HERE (lseek(fd, 0, SEEK_CUR) - (off_t)done)
ssize_t write(int fd, const void *data, size_t size) { STOCK(ssize_t, write, int, const void *, size_t); AROUND(WRITE, fd, NULL, stock(fd, data, size), traced_data(fd, HERE, done)); }
ssize_t writev(int fd, const struct iovec *data, int many) { STOCK(ssize_t, writev, int, const struct iovec *, int); AROUND(WRITE, fd, NULL, stock(fd, data, many), traced_data(fd, HERE, done)); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { STOCK(ssize_t, pwrite, int, const void *, size_t, off_t); AROUND(WRITE, fd, NULL, stock(fd, data, size, at), traced_data(fd, at, done)); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { STOCK(ssize_t, pwrite64, int, const void *, size_t, off64_t); AROUND(WRITE, fd, NULL, stock(fd, data, size, at), traced_data(fd, at, done)); }
ssize_t sendfile(int fd, int from, off_t *at, size_t size) { STOCK(ssize_t, sendfile, int, int, off_t *, size_t); AROUND(WRITE, fd, NULL, stock(fd, from, at, size), traced_data(fd, HERE, done)); }
ssize_t sendfile64(int fd, int from, off64_t *at, size_t size) { STOCK(ssize_t, sendfile64, int, int, off64_t *, size_t); AROUND(WRITE, fd, NULL, stock(fd, from, at, size), traced_data(fd, HERE, done)); }
ssize_t copy_file_range(int from, off64_t *in, int fd, off64_t *out, size_t size, unsigned flags) { STOCK(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned); AROUND(WRITE, fd, NULL, stock(from, in, fd, out, size, flags), traced_data(fd, out ? *out - done : HERE, done)); }

int fsync(int fd) { STOCK(int, fsync, int); AROUND(FSYNC, fd, NULL, stock(fd), traced("S", whole, "")); }
int fdatasync(int fd) { STOCK(int, fdatasync, int); AROUND(FSYNC, fd, NULL, stock(fd), traced("S", whole, "")); }

#define BOTH char other[PATH_MAX] = ""; ours(to_at, to, other)
int rename(const char *from, const char *to) { int to_at = AT_FDCWD; BOTH; STOCK(int, rename, const char *, const char *); AROUND(RENAME, AT_FDCWD, from, stock(from, to), traced("R", whole, other)); }
int renameat(int at, const char *from, int to_at, const char *to) { BOTH; STOCK(int, renameat, int, const char *, int, const char *); AROUND(RENAME, at, from, stock(at, from, to_at, to), traced("R", whole, other)); }
int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags) { BOTH; STOCK(int, renameat2, int, const char *, int, const char *, unsigned); AROUND(RENAME, at, from, stock(at, from, to_at, to, flags), traced(flags & 2 ? "X" : "R", whole, other)); }
int link(const char *from, const char *to) { int to_at = AT_FDCWD; BOTH; STOCK(int, link, const char *, const char *); AROUND(LINK, AT_FDCWD, from, stock(from, to), traced("L", whole, other)); }
int linkat(int at, const char *from, int to_at, const char *to, int flags) { BOTH; STOCK(int, linkat, int, const char *, int, const char *, int); AROUND(LINK, at, from, stock(at, from, to_at, to, flags), traced("L", whole, other)); }

int unlink(const char *path) { STOCK(int, unlink, const char *); AROUND(UNLINK, AT_FDCWD, path, stock(path), traced("U", whole, "")); }
int unlinkat(int at, const char *path, int flags) { STOCK(int, unlinkat, int, const char *, int); AROUND(flags & AT_REMOVEDIR ? RMDIR : UNLINK, at, path, stock(at, path, flags), traced(flags & AT_REMOVEDIR ? "D" : "U", whole, "")); }
int rmdir(const char *path) { STOCK(int, rmdir, const char *); AROUND(RMDIR, AT_FDCWD, path, stock(path), traced("D", whole, "")); }
int mkdir(const char *path, mode_t mode) { STOCK(int, mkdir, const char *, mode_t); AROUND(MKDIR, AT_FDCWD, path, stock(path, mode), traced("M", whole, "")); }
int mkdirat(int at, const char *path, mode_t mode) { STOCK(int, mkdirat, int, const char *, mode_t); AROUND(MKDIR, at, path, stock(at, path, mode), traced("M", whole, "")); }

static void cut(int fd, off_t size) { if (trace >= 0) { struct stat found; char text[128]; syscall(SYS_fstat, fd, &found); line(text, snprintf(text, sizeof text, "T\t%lu\t%ld\t\n", (unsigned long)found.st_ino, (long)size)); } }
int ftruncate(int fd, off_t size) { STOCK(int, ftruncate, int, off_t); AROUND(TRUNCATE, fd, NULL, stock(fd, size), cut(fd, size)); }
int ftruncate64(int fd, off64_t size) { STOCK(int, ftruncate64, int, off64_t); AROUND(TRUNCATE, fd, NULL, stock(fd, size), cut(fd, size)); }
int chmod(const char *path, mode_t mode) { STOCK(int, chmod, const char *, mode_t); AROUND(CHMOD, AT_FDCWD, path, stock(path, mode), ); }
int fchmod(int fd, mode_t mode) { STOCK(int, fchmod, int, mode_t); AROUND(CHMOD, fd, NULL, stock(fd, mode), ); }
int fchmodat(int at, const char *path, mode_t mode, int flags) { STOCK(int, fchmodat, int, const char *, mode_t, int); AROUND(CHMOD, at, path, stock(at, path, mode, flags), ); }
int flock(int fd, int how) { STOCK(int, flock, int, int); AROUND(FLOCK, fd, NULL, stock(fd, how), ); }

ssize_t read(int fd, void *data, size_t size) { STOCK(ssize_t, read, int, void *, size_t); AROUND(READ, fd, NULL, stock(fd, data, size), ); }
ssize_t pread(int fd, void *data, size_t size, off_t at) { STOCK(ssize_t, pread, int, void *, size_t, off_t); AROUND(READ, fd, NULL, stock(fd, data, size, at), ); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { STOCK(ssize_t, pread64, int, void *, size_t, off64_t); AROUND(READ, fd, NULL, stock(fd, data, size, at), ); }
