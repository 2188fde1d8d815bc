/* SPDX-License-Identifier: MIT
 * For tests: a library that LD_PRELOAD puts before libc and that makes calls of pm2d, pm2-keeper or
 * pm2 fail when told to. What shall fail is in a file that the test and the programs have mapped,
 * $PM2_FAULT_CONTROL (fault.py has the other half):
 *
 * - calls on files whose path begins with `prefix`: an errno;
 * - the nth allocation from now on, unless libuv makes it: that ends the program itself when its
 *   table of descriptors cannot grow;
 * - all calls that wait: a signal comes every `storm_us`, whose handler does not let them go on. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum call { CALL_OPEN = 1, CALL_WRITE = 2, CALL_SYNC = 4, CALL_NAME = 8, CALL_READ = 16 };

/* Little endian, without holes; fault.py writes it by these offsets. */
struct control {
    char programs[64];  /*   0  ",pm2d,pm2-keeper," */
    char prefix[256];   /*  64  of the paths that are meant */
    int32_t code;       /* 320  errno; 0 = nothing fails */
    int32_t calls;      /* 324  enum call, a mask */
    int32_t hits;       /* 328  how many calls have failed */
    int32_t storm_us;   /* 332  read once, at the start of a program */
    int64_t alloc_in;   /* 336  this many allocations from now one fails; 0 = none */
    int32_t alloc_all;  /* 344  and all after it */
    int32_t alloc_hits; /* 348  how many have failed */
};

static struct control *control; /* NULL: this program is not meant */

/* ---- which program ---- */

static void on_storm(int signo)
{
    (void)signo;
}

static void start_storm(int us)
{
    const struct sigaction sa = {.sa_handler = on_storm}; /* no SA_RESTART: that is the point */
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG};
    const struct itimerspec every = {.it_value = {.tv_nsec = us * 1000L},
                                     .it_interval = {.tv_nsec = us * 1000L}};
    timer_t timer;
    (void)sigaction(SIGURG, &sa, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        (void)timer_settime(timer, 0, &every, NULL);
}

__attribute__((constructor)) static void start(void)
{
    char wanted[80];
    const char *path = getenv("PM2_FAULT_CONTROL");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (map == MAP_FAILED)
        return;
    snprintf(wanted, sizeof(wanted), ",%s,", program_invocation_short_name);
    if (!strstr(((struct control *)map)->programs, wanted)) {
        (void)munmap(map, sizeof(struct control));
        return;
    }
    control = map;
    if (control->storm_us > 0)
        start_storm(control->storm_us);
}

/* ---- files ---- */

static bool fails_at(enum call call, const char *path)
{
    if (!control || control->code == 0 || !(control->calls & (int32_t)call) ||
        strncmp(path, control->prefix, strlen(control->prefix)) != 0)
        return false;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    errno = control->code;
    return true;
}

static bool fails_on(enum call call, int fd)
{
    char link[32];
    char path[512];
    if (!control || control->code == 0 || !(control->calls & (int32_t)call))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return fails_at(call, path);
}

#define NEXT(name)                                                                                 \
    static __typeof__(&(name)) next;                                                               \
    if (!next)                                                                                     \
    next = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name)

EXPORT int open(const char *path, int flags, ...)
{
    NEXT(open);
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool is_reading = (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT);
    return fails_at(is_reading ? CALL_READ : CALL_OPEN, path) ? -1 : next(path, flags, mode);
}

EXPORT int mkostemp(char *template, int flags)
{
    NEXT(mkostemp);
    return fails_at(CALL_OPEN, template) ? -1 : next(template, flags);
}

EXPORT ssize_t write(int fd, const void *p, size_t n)
{
    NEXT(write);
    return fails_on(CALL_WRITE, fd) ? -1 : next(fd, p, n);
}

EXPORT int fsync(int fd)
{
    NEXT(fsync);
    return fails_on(CALL_SYNC, fd) ? -1 : next(fd);
}

EXPORT int rename(const char *from, const char *to)
{
    NEXT(rename);
    return fails_at(CALL_NAME, to) ? -1 : next(from, to);
}

EXPORT int link(const char *from, const char *to)
{
    NEXT(link);
    return fails_at(CALL_NAME, to) ? -1 : next(from, to);
}

/* ---- memory ---- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool is_of_libuv(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && info.dli_fname && strstr(info.dli_fname, "libuv") != NULL;
}

static bool allocation_fails(const void *caller)
{
    if (!control || __atomic_load_n(&control->alloc_in, __ATOMIC_SEQ_CST) == 0 ||
        is_of_libuv(caller))
        return false;
    int64_t left = __atomic_sub_fetch(&control->alloc_in, 1, __ATOMIC_SEQ_CST);
    if (left > 0)
        return false;
    __atomic_store_n(&control->alloc_in, control->alloc_all ? 1 : 0, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&control->alloc_hits, 1, __ATOMIC_SEQ_CST);
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t n)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t count, size_t n)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, n);
}

EXPORT void *realloc(void *p, size_t n)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

EXPORT void free(void *p)
{
    __libc_free(p);
}
