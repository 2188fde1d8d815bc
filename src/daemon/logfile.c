/* SPDX-License-Identifier: MIT
 * Log files of apps. Runs in pm2d; the only writer of those files. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"

#define COPY_BYTES 65536

void logfiles_init(struct logfiles *s)
{
    list_init(&s->all);
}

static int make_parents(const char *path)
{
    char dir[4096];
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

struct logfile *logfile_open(struct logfiles *s, const char *path, struct err *e)
{
    list_for_each (it, &s->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        if (strcmp(f->path, path) == 0) {
            f->refs++;
            return f;
        }
    }
    struct logfile *f = calloc(1, sizeof(*f));
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
    f->path = copy;
    f->refs = 1;
    list_add_tail(&s->all, &f->link);
    return f;
}

void logfile_close(struct logfile *f)
{
    if (!f || --f->refs > 0)
        return;
    list_del(&f->link);
    fd_close(&f->fd);
    free(f->path);
    free(f);
}

static void note_failure(struct logfile *f, int code, size_t n)
{
    f->dropped_bytes += n;
    if (!f->failing)
        log_error("cannot write to %s: %s; output is dropped until it works again", f->path,
                  err_text(code));
    f->failing = true;
}

static void note_success(struct logfile *f)
{
    if (f->failing)
        log_warn("%s can be written again; %llu bytes were dropped", f->path, f->dropped_bytes);
    f->failing = false;
}

static off_t end_of(const struct logfile *f)
{
    struct stat st;
    return fstat(f->fd, &st) == 0 ? st.st_size : 0;
}

void logfile_write(struct logfile *f, const void *p, size_t n)
{
    const char *at = p;
    off_t end = f->regular ? end_of(f) : 0;
    if (f->regular)
        logindex_note(&f->index, f->path, f->fd, end, clock_wall_ms());
    while (n > 0) {
        ssize_t w = f->regular ? pwrite(f->fd, at, n, end) : write(f->fd, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            note_failure(f, errno, n);
            return;
        }
        at += w;
        end += w;
        n -= (size_t)w;
    }
    note_success(f);
}

/* The way for what splice(2) does not take, and for a disk that refuses. */
static ssize_t copy_through(struct logfile *f, int pipe_fd, size_t n)
{
    char bytes[COPY_BYTES];
    ssize_t r;
    do
        r = read(pipe_fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    if (r > 0)
        logfile_write(f, bytes, (size_t)r);
    return r;
}

ssize_t logfile_move(struct logfile *f, int pipe_fd, size_t n)
{
    if (!f->regular || f->failing)
        return copy_through(f, pipe_fd, n);
    loff_t end = end_of(f);
    ssize_t moved;
    logindex_note(&f->index, f->path, f->fd, end, clock_wall_ms());
    do
        moved = splice(pipe_fd, NULL, f->fd, &end, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (moved < 0 && errno == EINTR);
    if (moved >= 0)
        return moved;
    if (errno == EAGAIN)
        return -EAGAIN;
    return copy_through(f, pipe_fd, n); /* EINVAL: this file system cannot; ENOSPC: drop */
}

void logfiles_reopen(struct logfiles *s)
{
    list_for_each (it, &s->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        bool regular;
        int fd = open_path(f->path, &regular);
        if (fd < 0) {
            log_error("cannot reopen %s: %s; the old file goes on", f->path, err_text(fd));
            continue;
        }
        fd_close(&f->fd);
        f->fd = fd;
        f->regular = regular;
        logindex_reset(&f->index);
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
    list_for_each (it, &s->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        if (strcmp(f->path, path) == 0)
            logindex_reset(&f->index);
    }
    return 1;
}
