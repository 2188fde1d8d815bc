/* SPDX-License-Identifier: MIT
 * The time index of log files. Runs in pm2d, the only writer. One index costs no descriptor: it is
 * opened for each record, once in a second at most. */
#include "logindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"

#define PERIOD_MS      1000
#define PERIOD_DOUBLES (1L << 20) /* bytes of an index after which the period is twice as long */
#define DOUBLES_MAX    6

bool logindex_path(const char *log_path, char *ret, size_t size)
{
    const char *slash = strrchr(log_path, '/');
    int dir = slash ? (int)(slash + 1 - log_path) : 0;
    int n = snprintf(ret, size, "%.*s.%s.idx", dir, log_path, log_path + dir);
    return n > 0 && (size_t)n < size;
}

static void put_u64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | at[i];
    return v;
}

static int open_index(const char *log_path, int log_fd)
{
    char path[LIMIT_PATH_BYTES];
    struct stat st;
    if (!logindex_path(log_path, path, sizeof(path)))
        return -1;
    mode_t mode = fstat(log_fd, &st) == 0 ? st.st_mode & 0666 : 0600;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && mode != 0600)
        (void)fchmod(fd, mode);
    return fd;
}

/* Size of the index once a torn record, and records of an earlier content of the log, are gone.
 * `ret_last_ms`: time of the last record; 0 = none. */
static off_t tidy(int fd, off_t end, int64_t *ret_last_ms)
{
    struct stat st;
    unsigned char last[LOGINDEX_RECORD_BYTES];
    *ret_last_ms = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    off_t size = st.st_size - st.st_size % LOGINDEX_RECORD_BYTES;
    if (size > 0 && pread(fd, last, sizeof(last), size - LOGINDEX_RECORD_BYTES) == sizeof(last)) {
        if (get_u64(last + 8) > (uint64_t)end)
            size = 0;
        else
            *ret_last_ms = (int64_t)get_u64(last);
    }
    if (size != st.st_size && ftruncate(fd, size) < 0)
        return -1;
    return size;
}

static int64_t period_ms(off_t size)
{
    off_t doubles = size / PERIOD_DOUBLES;
    return (int64_t)PERIOD_MS << (doubles < DOUBLES_MAX ? doubles : DOUBLES_MAX);
}

void logindex_note(struct logindex *x, const char *log_path, int log_fd, off_t end, int64_t now_ms)
{
    if (now_ms < x->next_ms && x->next_ms - now_ms < PERIOD_MS << DOUBLES_MAX)
        return;
    int64_t last_ms;
    x->next_ms = now_ms + PERIOD_MS; /* also when it cannot be written: not at every write again */
    int fd = open_index(log_path, log_fd);
    if (fd < 0)
        return;
    off_t size = tidy(fd, end, &last_ms);
    if (size >= 0 && now_ms > last_ms) {
        unsigned char record[LOGINDEX_RECORD_BYTES];
        put_u64(record, (uint64_t)now_ms);
        put_u64(record + 8, (uint64_t)end);
        (void)!write(fd, record, sizeof(record)); /* a torn one is cut off by the next */
        x->next_ms = now_ms + period_ms(size);
    }
    fd_close(&fd);
}

void logindex_reset(struct logindex *x)
{
    x->next_ms = 0;
}

void logindex_empty(const char *log_path)
{
    char path[LIMIT_PATH_BYTES];
    if (logindex_path(log_path, path, sizeof(path)))
        (void)!truncate(path, 0);
}

void logindex_rename(const char *log_path, const char *new_log_path)
{
    char from[LIMIT_PATH_BYTES];
    char to[LIMIT_PATH_BYTES];
    if (logindex_path(log_path, from, sizeof(from)) && logindex_path(new_log_path, to, sizeof(to)))
        (void)rename(from, to);
}
