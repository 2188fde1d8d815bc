/* SPDX-License-Identifier: MIT
 * /proc, read directly. A snapshot of all processes is not atomic: each record is true for its own
 * instant, so that nothing here trusts two records to agree (parents may be missing, chains may
 * even form a ring when a pid was reused half way). */
#include "os/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"

/* Numbers of the fields in proc(5). */
enum stat_field {
    STAT_PPID = 4,
    STAT_PGRP = 5,
    STAT_SESSION = 6,
    STAT_UTIME = 14,
    STAT_STIME = 15,
    STAT_NUM_THREADS = 20,
    STAT_STARTTIME = 22,
    STAT_RSS = 24,
    STAT_LAST = STAT_RSS
};

#define STAT_TEXT_BYTES   1024 /* 52 numbers of at most 20 digits never reach it up to field 24 */
#define ENVIRON_BYTES_MAX (4UL * 1024 * 1024)

static bool parse_stat(char *text, size_t n, struct proc_stat *ret)
{
    text[n] = '\0';
    /* comm is raw: it may hold spaces, newlines and parentheses. Its own ")" is the last one. */
    char *end = memrchr(text, ')', n);
    if (!end || end + 4 > text + n)
        return false;
    long long f[STAT_LAST + 1] = {0};
    char *at = end + 3;
    for (int i = STAT_PPID; i <= STAT_LAST; i++) {
        char *next;
        f[i] = strtoll(at, &next, 10);
        if (next == at)
            return false;
        at = next;
    }
    *ret = (struct proc_stat){
        .pid = (pid_t)atoi(text),
        .ppid = (pid_t)f[STAT_PPID],
        .pgid = (pid_t)f[STAT_PGRP],
        .sid = (pid_t)f[STAT_SESSION],
        .state = end[2],
        .start_ticks = (uint64_t)f[STAT_STARTTIME],
        .cpu_ticks = (uint64_t)f[STAT_UTIME] + (uint64_t)f[STAT_STIME],
        .rss_bytes = (uint64_t)f[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE),
    };
    /* The leading thread has ended, others run on: the process is alive, whatever the letter. */
    if (ret->state == 'Z' && f[STAT_NUM_THREADS] > 1)
        ret->state = 'S';
    return true;
}

/* `path` relative to dir_fd (or absolute). Bytes read, or -errno; ENOENT becomes ESRCH. */
static ssize_t read_file(int dir_fd, const char *path, char *buf, size_t size)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size);
    int code = errno;
    fd_close(&fd);
    if (n >= 0)
        return n;
    return code == ENOENT ? -ESRCH : -code;
}

static int read_stat(int dir_fd, const char *path, struct proc_stat *ret)
{
    char text[STAT_TEXT_BYTES];
    ssize_t n = read_file(dir_fd, path, text, sizeof(text) - 1);
    if (n < 0)
        return (int)n;
    return parse_stat(text, (size_t)n, ret) ? 0 : -ESRCH;
}

int procfs_stat(pid_t pid, struct proc_stat *ret)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    return read_stat(AT_FDCWD, path, ret);
}

void procfs_line(pid_t pid, const char *name, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    ssize_t n = read_file(AT_FDCWD, path, ret, size - 1);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

unsigned procfs_ticks_per_second(void)
{
    return (unsigned)sysconf(_SC_CLK_TCK);
}

int64_t procfs_age_ms(uint64_t start_ticks)
{
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t start_ms = (int64_t)(start_ticks * 1000 / procfs_ticks_per_second());
    return (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000 - start_ms;
}

/* An app that has redirected itself to a pipe of its own has one way of it only: that one is left
 * alone, its bytes are not ours. */
static bool is_two_way(pid_t pid, int fd)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
    ssize_t n = read_file(AT_FDCWD, path, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *flags = strstr(text, "flags:");
    return flags && (strtol(flags + 6, NULL, 8) & O_ACCMODE) == O_RDWR;
}

int procfs_take_pipe(pid_t pid, int fd, int flags)
{
    static const char kind[] = "pipe:[";
    char path[64];
    char link[sizeof(kind) - 1];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
    ssize_t n = readlink(path, link, sizeof(link));
    if (n < 0)
        return -errno;
    if ((size_t)n < sizeof(link) || memcmp(link, kind, sizeof(link)) != 0 || !is_two_way(pid, fd))
        return -ENOENT;
    int end = open(path, flags | O_NONBLOCK | O_CLOEXEC);
    if (end < 0)
        return -errno;
    return end;
}

bool procfs_has_arguments(pid_t pid, const char *first, const char *second)
{
    char path[64];
    char text[8192];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    ssize_t n = read_file(AT_FDCWD, path, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    bool was_first = false;
    for (const char *arg = text; arg < text + n; arg += strlen(arg) + 1) {
        if (was_first && strcmp(arg, second) == 0)
            return true;
        was_first = strcmp(arg, first) == 0;
    }
    return false;
}
