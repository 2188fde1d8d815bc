/* SPDX-License-Identifier: MIT
 * Log files of apps: opening, sharing, writing. Runs in pm2d; the only writer of those files. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "logfull.h"
#include "os/clock.h"
#include "os/fd.h"
#include "rotate.h"
#include "tap.h"

#define COPY_BYTES 65536

void logfiles_init(struct logfiles *s)
{
    *s = (struct logfiles){.floor_bytes = -1};
    list_init(&s->all);
}

/* ---- opening ---- */

static int make_parents(const char *path)
{
    char dir[LIMIT_PATH_BYTES];
    size_t n = strlen(path);
    if (n >= sizeof(dir))
        return -ENAMETOOLONG;
    memcpy(dir, path, n + 1);
    for (char *c = dir + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
            return -errno;
        *c = '/';
    }
    return 0;
}

static int open_path(const char *path, bool *ret_regular)
{
    /* O_NONBLOCK: a FIFO without a reader must not hang the daemon. */
    *ret_regular = false;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT && make_parents(path) == 0)
        fd = open(path, flags, 0600);
    if (fd < 0)
        return -errno;
    struct stat st;
    *ret_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    return fd;
}

struct logfile *logfiles_find(struct logfiles *s, const char *path)
{
    list_for_each (it, &s->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        if (strcmp(f->path, path) == 0)
            return f;
    }
    return NULL;
}

struct logfile *logfile_open(struct logfiles *s, const char *path, struct err *e)
{
    struct logfile *f = logfiles_find(s, path);
    if (f) {
        f->refs++;
        return f;
    }
    f = calloc(1, sizeof(*f));
    char *copy = strdup(path);
    if (!f || !copy) {
        free(f);
        free(copy);
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    f->fd = open_path(path, &f->regular);
    if (f->fd < 0) {
        int code = f->fd;
        err_set(e, code, "%s: %s, open '%s'", err_name(code), err_text(code), path);
        free(f);
        free(copy);
        return NULL;
    }
    f->set = s;
    f->path = copy;
    f->refs = 1;
    f->policy = s->pm2;
    list_add_tail(&s->all, &f->link);
    return f;
}

void logfile_close(struct logfile *f)
{
    if (!f || --f->refs > 0)
        return;
    list_del(&f->link);
    rotate_forget(f);
    fd_close(&f->fd);
    free(f->path);
    free(f);
}

int logfile_renew(struct logfile *f)
{
    bool regular;
    int fd = open_path(f->path, &regular);
    if (fd < 0)
        return fd;
    fd_close(&f->fd);
    f->fd = fd;
    f->regular = regular;
    logindex_reset(&f->index);
    return 0;
}

void logfiles_reopen(struct logfiles *s)
{
    list_for_each (it, &s->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        int rc = logfile_renew(f);
        if (rc < 0)
            log_error("cannot reopen %s: %s; the old file goes on", f->path, err_text(rc));
    }
}

int logfiles_empty(struct logfiles *s, const char *path, struct err *e)
{
    struct stat st;
    int rc = stat(path, &st) < 0 ? -errno : 0;
    if (rc == -ENOENT || (rc == 0 && !S_ISREG(st.st_mode)))
        return 0;
    if (rc < 0 || truncate(path, 0) < 0) {
        rc = rc < 0 ? rc : -errno;
        return err_set(e, rc, "cannot empty %s: %s", path, err_text(rc));
    }
    logindex_empty(path);
    struct logfile *f = logfiles_find(s, path);
    if (f)
        logindex_reset(&f->index);
    return 1;
}

/* ---- what it is like ---- */

off_t logfile_size(const struct logfile *f)
{
    struct stat st;
    return f->regular && fstat(f->fd, &st) == 0 ? st.st_size : 0;
}

bool logfile_ends_line(const struct logfile *f, off_t size)
{
    char self[32];
    char last = '\n';
    if (size <= 0 || !f->regular)
        return true;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd); /* ours is for writing only */
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && pread(fd, &last, 1, size - 1) == 1;
    fd_close(&fd);
    return !is_read || last == '\n';
}

/* ---- writing ---- */

/* Everything that has to be right before something is written. `unseen`: the bytes are in a pipe.
 */
static off_t make_ready(struct logfile *f, const char *bytes, size_t *n, bool *ret_seek_line)
{
    off_t size = logfile_size(f);
    *ret_seek_line = false;
    if (f->rotation)
        size = rotate_before(f, size, bytes, n, ret_seek_line);
    int rc = logfull_check(f, &size);
    if (rc < 0)
        return rc;
    if (f->regular)
        logindex_note(&f->index, f->path, f->fd, size, clock_wall_ms());
    return size;
}

off_t logfile_prepare(struct logfile *f, const char *bytes, size_t *n)
{
    bool seek_line;
    off_t at = make_ready(f, bytes, n, &seek_line);
    if (at >= 0)
        return at;
    if (f->policy.blocks)
        return -EBUSY;
    logfull_drop(f, *n);
    return -ENOSPC;
}

size_t logfile_put(struct logfile *f, const char *bytes, size_t n, off_t at)
{
    ssize_t w;
    do
        w = f->regular ? pwrite(f->fd, bytes, n, at) : write(f->fd, bytes, n);
    while (w < 0 && errno == EINTR);
    if (w < 0) {
        logfull_failed(f, -errno);
        return 0;
    }
    logfull_wrote(f, (size_t)w);
    return (size_t)w;
}

/* At most `n` bytes and COPY_BYTES. 0 at the end, or -errno. */
static ssize_t take(int pipe_fd, char bytes[COPY_BYTES], size_t n)
{
    ssize_t r;
    do
        r = read(pipe_fd, bytes, n < COPY_BYTES ? n : COPY_BYTES);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

/* The way for what splice(2) does not take. What is read is written, or dropped: a SIGKILL in
 * between costs these bytes. */
static ssize_t copy_through(struct logfile *f, int pipe_fd, size_t n)
{
    char bytes[COPY_BYTES];
    ssize_t r = take(pipe_fd, bytes, n);
    if (r <= 0)
        return r;
    size_t done = 0;
    while (done < (size_t)r) {
        size_t left = (size_t)r - done;
        off_t at = logfile_prepare(f, bytes + done, &left);
        if (at == -EBUSY) { /* they are out of the pipe: there is no place to wait in */
            logfull_drop(f, left);
            at = -ENOSPC;
        }
        done += at < 0 ? left : logfile_put(f, bytes + done, left, at);
    }
    return r;
}

/* Take what cannot be written; it goes on with the next whole line. */
static ssize_t drop(struct logfile *f, int pipe_fd, size_t n, bool *cut)
{
    char bytes[COPY_BYTES];
    ssize_t r = take(pipe_fd, bytes, n);
    if (r <= 0)
        return r;
    logfull_drop(f, (size_t)r);
    *cut = bytes[r - 1] != '\n';
    return r;
}

static ssize_t drop_rest_of_line(struct logfile *f, int pipe_fd, bool *cut)
{
    bool found;
    ssize_t n = tap_line(pipe_fd, &found);
    if (n <= 0)
        return n;
    n = tap_throw(pipe_fd, (size_t)n);
    if (n > 0)
        logfull_drop(f, (size_t)n);
    *cut = !found;
    return n;
}

static ssize_t splice_to(struct logfile *f, int pipe_fd, off_t at, size_t n)
{
    ssize_t moved;
    do
        moved = splice(pipe_fd, NULL, f->fd, &at, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (moved < 0 && errno == EINTR);
    if (moved < 0)
        return -errno;
    logfull_wrote(f, (size_t)moved);
    return moved;
}

ssize_t logfile_move(struct logfile *f, int pipe_fd, size_t n, bool *cut)
{
    bool seek_line;
    if (!f->regular)
        return copy_through(f, pipe_fd, n);
    off_t at = make_ready(f, NULL, &n, &seek_line);
    if (at < 0)
        return f->policy.blocks ? -EBUSY : drop(f, pipe_fd, n, cut);
    if (*cut)
        return drop_rest_of_line(f, pipe_fd, cut);
    if (seek_line) { /* a new file is due: up to the end of the line, no further */
        ssize_t line = tap_line(pipe_fd, &seek_line);
        if (line <= 0)
            return line;
        n = (size_t)line;
    }
    ssize_t moved = splice_to(f, pipe_fd, at, n);
    if (moved >= 0 || moved == -EAGAIN)
        return moved;
    if (moved == -EINVAL) /* this file system cannot */
        return copy_through(f, pipe_fd, n);
    logfull_failed(f, (int)moved);
    return logfile_move(f, pipe_fd, n, cut); /* refused now, and for a while */
}
