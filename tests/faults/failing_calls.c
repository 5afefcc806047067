/* Calls to the system that fail when they are told to: loaded with LD_PRELOAD, driven through ctypes by failing_calls.py.

   Of the calls that concern a path or an open file below one folder, those that the chosen error fits are counted; the Nth of them
   fails, or it and all that follow. Nothing is flushed to the disk in truth, so that a try takes milliseconds. With a log open, every
   call that changes the folder is written down with its bytes, for cutting the power afterwards. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { OPEN, CREATE, LIST, READ, WRITE, FSYNC, RENAME, UNLINK, MKDIR, CLOSE, TRUNCATE, MAP, KINDS };
static const char *NAMES[KINDS] = {"open", "create", "list", "read", "write", "fsync", "rename", "unlink", "mkdir", "close", "ftruncate", "mmap"};
/* What each error fits: the kinds of calls that give it on real disks. */
#define BIT(kind) (1u << (kind))
static const struct { int number; unsigned kinds; } FITS[] = {
    {ENOSPC, BIT(CREATE) | BIT(WRITE) | BIT(FSYNC) | BIT(RENAME) | BIT(MKDIR) | BIT(TRUNCATE) | BIT(CLOSE)},
    {EIO, ~0u & ~BIT(MAP)},
    {EMFILE, BIT(OPEN) | BIT(CREATE) | BIT(LIST)},
    {EACCES, BIT(OPEN) | BIT(CREATE) | BIT(LIST) | BIT(RENAME) | BIT(UNLINK) | BIT(MKDIR)},
    {ENOMEM, BIT(MAP) | BIT(OPEN) | BIT(LIST)},
    {EXDEV, BIT(RENAME)},
};
#define SHORT 0 /* in place of an error: half of what was to be written is, and half of what was to be read */

static char folder[PATH_MAX];
static size_t folder_length;
static long wanted, calls, failed;
static int error_number, for_good, plain_disk;
static unsigned fitting;
static char first[PATH_MAX + 32];
static int log_file = -1;
static pid_t ours; /* a child of vfork shares this memory, and its calls are none of ours */
static char written[4096]; /* by number, whether it is open for writing: no other file's close fails */
static char opened[4096][PATH_MAX]; /* by number, the path of an open file below the folder; empty for others */

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)

static const char *below(int at, const char *path, char *whole) {
    if (!folder_length || !path || getpid() != ours) return NULL;
    if (path[0] == '/') snprintf(whole, PATH_MAX, "%s", path);
    else if (at == AT_FDCWD) {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return NULL;
        if (snprintf(whole, PATH_MAX, "%s/%s", here, path) >= PATH_MAX) return NULL;
    } else if (at >= 0 && at < 4096 && opened[at][0]) snprintf(whole, PATH_MAX, "%s/%s", opened[at], path);
    else return NULL;
    return strncmp(whole, folder, folder_length) == 0 && (whole[folder_length] == '/' || !whole[folder_length]) ? whole : NULL;
}

static const char *path_of(int file) { return file >= 0 && file < 4096 && opened[file][0] && getpid() == ours ? opened[file] : NULL; }

/* Whether this call is to fail; errno is set then. */
static int fails(enum kind kind, const char *path) {
    if (!path || !(fitting & BIT(kind))) return 0;
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (!wanted || number < wanted || (number > wanted && !for_good)) return 0;
    if (__atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST) == 1) snprintf(first, sizeof first, "%s %s", NAMES[kind], path + folder_length);
    errno = error_number;
    return 1;
}

static void record(const char *what, const char *path, const char *other, long number, const void *bytes, size_t size) {
    if (log_file < 0 || !path) return;
    static ssize_t (*put)(int, const void *, size_t);
    if (!put) put = dlsym(RTLD_NEXT, "write");
    int kept = errno;
    char line[2 * PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\t%ld\t%zu\n", what, path + folder_length, other ? other + folder_length : "", number, size);
    put(log_file, line, length);
    if (size) put(log_file, bytes, size);
    errno = kept;
}

/* Driven from Python. */
void failing_calls_below(const char *path) { snprintf(folder, sizeof folder, "%s", path); folder_length = strlen(folder); ours = getpid(); }
void failing_calls_arm(int number, long nth, int all_that_follow) {
    calls = failed = 0; first[0] = 0; error_number = number; for_good = all_that_follow; fitting = 0; wanted = nth;
    if (number == SHORT) fitting = BIT(READ) | BIT(WRITE);
    for (size_t i = 0; i < sizeof FITS / sizeof *FITS; i++) if (FITS[i].number == number) fitting = FITS[i].kinds;
}
void failing_calls_plain_disk(int is) { plain_disk = is; }
void failing_calls_log(int file) { log_file = file; }
long failing_calls_seen(void) { return calls; }
long failing_calls_failed(void) { return failed; }
const char *failing_calls_first(void) { return first; }

static int opens(int at, const char *path, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    char whole[PATH_MAX];
    const char *known = below(at, path, whole);
    int folder_too = (flags & O_DIRECTORY) != 0, makes = (flags & (O_CREAT | O_TRUNC)) != 0;
    if (fails(makes ? CREATE : folder_too ? LIST : OPEN, known)) return -1;
    int was_there = makes && known ? faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 : 1;
    int file = real(at, path, flags, mode);
    if (file >= 0 && file < 4096) {
        snprintf(opened[file], PATH_MAX, "%s", known ? known : "");
        written[file] = (flags & O_ACCMODE) != O_RDONLY;
    }
    if (file >= 0 && known && makes && !was_there) record("create", known, NULL, 0, NULL, 0);
    else if (file >= 0 && known && (flags & O_TRUNC)) record("truncate", known, NULL, 0, NULL, 0);
    return file;
}
#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE return opens(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opens(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opens(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opens(at, path, flags, mode); }

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    char whole[PATH_MAX];
    return fails(LIST, below(AT_FDCWD, path, whole)) ? NULL : real(path);
}
FILE *fopen64(const char *path, const char *mode) {
    REAL(FILE *, "fopen64", const char *, const char *);
    char whole[PATH_MAX];
    return fails(mode[0] == 'r' ? OPEN : CREATE, below(AT_FDCWD, path, whole)) ? NULL : real(path, mode);
}
FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

ssize_t read(int file, void *to, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    if (fails(READ, path_of(file))) { if (error_number != SHORT) return -1; size = size > 1 ? size / 2 : size; }
    return real(file, to, size);
}
ssize_t pread64(int file, void *to, size_t size, off_t at) {
    REAL(ssize_t, "pread64", int, void *, size_t, off_t);
    if (fails(READ, path_of(file))) { if (error_number != SHORT) return -1; size = size > 1 ? size / 2 : size; }
    return real(file, to, size, at);
}
ssize_t pread(int file, void *to, size_t size, off_t at) { return pread64(file, to, size, at); }
ssize_t write(int file, const void *from, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    const char *path = path_of(file);
    if (fails(WRITE, path)) { if (error_number != SHORT) return -1; size = size > 1 ? size / 2 : size; }
    off_t at = path && log_file >= 0 ? (fcntl(file, F_GETFL) & O_APPEND ? lseek(file, 0, SEEK_END) : lseek(file, 0, SEEK_CUR)) : 0;
    ssize_t done = real(file, from, size);
    if (done > 0) record("write", path, NULL, at, from, done);
    return done;
}
/* Copies inside the kernel are left to read and write. */
ssize_t sendfile64(int to, int from, off_t *at, size_t size) { (void)to; (void)from; (void)at; (void)size; errno = EINVAL; return -1; }
ssize_t sendfile(int to, int from, off_t *at, size_t size) { return sendfile64(to, from, at, size); }
ssize_t copy_file_range(int from, off_t *at, int to, off_t *there, size_t size, unsigned flags) { (void)from; (void)at; (void)to; (void)there; (void)size; (void)flags; errno = EXDEV; return -1; }

int fsync(int file) {
    REAL(int, "fsync", int);
    const char *path = path_of(file);
    if (fails(FSYNC, path)) return -1;
    if (!path) return real(file);
    struct stat found;
    int is_folder = fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
    if (plain_disk && is_folder) { errno = EINVAL; return -1; }
    record(is_folder ? "fsync folder" : "fsync", path, NULL, 0, NULL, 0);
    return 0;
}
int fdatasync(int file) { return fsync(file); }
void sync(void) { record("sync", folder, NULL, 0, NULL, 0); }

int renameat2(int at, const char *old, int there, const char *new, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    char one[PATH_MAX], other[PATH_MAX];
    const char *known = below(at, old, one), *target = below(there, new, other);
    if (fails(RENAME, known ? known : target)) return -1;
    if (plain_disk && known && flags) { errno = EINVAL; return -1; }
    int done = real(at, old, there, new, flags);
    if (done == 0) record(flags & 2 ? "exchange" : "rename", known, target, 0, NULL, 0);
    return done;
}
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int at, const char *old, int there, const char *new) { return renameat2(at, old, there, new, 0); }

int unlinkat(int at, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char whole[PATH_MAX];
    const char *known = below(at, path, whole);
    if (fails(UNLINK, known)) return -1;
    int done = real(at, path, flags);
    if (done == 0) record(flags & AT_REMOVEDIR ? "rmdir" : "unlink", known, NULL, 0, NULL, 0);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int remove(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    char whole[PATH_MAX];
    const char *known = below(at, path, whole);
    if (fails(MKDIR, known)) return -1;
    int done = real(at, path, mode);
    if (done == 0) record("mkdir", known, NULL, 0, NULL, 0);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int close(int file) {
    REAL(int, "close", int);
    const char *path = path_of(file);
    int failing = path && written[file] && fails(CLOSE, path);
    if (path) opened[file][0] = 0;
    int done = real(file);
    if (failing) errno = error_number;
    return failing ? -1 : done;
}
int ftruncate64(int file, off_t size) {
    REAL(int, "ftruncate64", int, off_t);
    if (fails(TRUNCATE, path_of(file))) return -1;
    struct stat found;
    if (plain_disk && path_of(file) && fstat(file, &found) == 0 && size >= found.st_size) { errno = EPERM; return -1; }
    int done = real(file, size);
    if (done == 0) record("truncate", path_of(file), NULL, size, NULL, 0);
    return done;
}
int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
void *mmap64(void *at, size_t size, int protection, int flags, int file, off_t from) {
    REAL(void *, "mmap64", void *, size_t, int, int, int, off_t);
    if (!(flags & MAP_ANONYMOUS) && fails(MAP, path_of(file))) return MAP_FAILED;
    return real(at, size, protection, flags, file, from);
}
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t from) { return mmap64(at, size, protection, flags, file, from); }

/* What a FAT or network disk refuses: rights, links, locks. */
int fchmodat(int at, const char *path, mode_t mode, int flags) {
    REAL(int, "fchmodat", int, const char *, mode_t, int);
    char whole[PATH_MAX];
    if (plain_disk && below(at, path, whole)) { errno = EPERM; return -1; }
    return real(at, path, mode, flags);
}
int chmod(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }
int fchmod(int file, mode_t mode) {
    REAL(int, "fchmod", int, mode_t);
    if (plain_disk && path_of(file)) { errno = EPERM; return -1; }
    return real(file, mode);
}
int flock(int file, int what) {
    REAL(int, "flock", int, int);
    if (plain_disk == 2 && path_of(file)) { errno = ENOLCK; return -1; }
    return real(file, what);
}
int symlinkat(const char *to, int at, const char *path) {
    REAL(int, "symlinkat", const char *, int, const char *);
    char whole[PATH_MAX];
    if (plain_disk && below(at, path, whole)) { errno = EPERM; return -1; }
    return real(to, at, path);
}
int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }
int linkat(int at, const char *old, int there, const char *new, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char whole[PATH_MAX];
    if (plain_disk && below(there, new, whole)) { errno = EPERM; return -1; }
    return real(at, old, there, new, flags);
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }
