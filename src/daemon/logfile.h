/* SPDX-License-Identifier: MIT
 * Log files of apps, shared by path: all streams that write to one path share one description, so
 * that their bytes never overwrite one another.
 *
 * Regular files are NOT opened with O_APPEND, because splice(2) refuses such files. Each write goes
 * to the file's end as it is at that moment, so that a truncation from outside (logrotate's
 * copytruncate, pm2-logrotate, `pm2 flush`) leaves no hole. Anything else (a FIFO, a terminal) is
 * written with write(2).
 *
 * A file that cannot be written (full disk, or less free space than the floor) is tried again four
 * times in a second. Until it works, what its policy says happens: output is dropped and counted,
 * or it waits where it is, and the app with it. What was dropped is told in the file itself, at the
 * place where it is missing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "app/log_policy.h"
#include "base/err.h"
#include "base/list.h"
#include "logindex.h"

struct logfiles;
struct rotation; /* rotate.c */

struct logfile {
    struct list link;
    struct logfiles *set;
    char *path;
    int fd;
    unsigned refs;
    bool regular;
    struct logindex index;
    struct log_policy policy;
    struct rotation *rotation; /* NULL: never rotated by us */
    uint64_t dropped_bytes;    /* since it was opened */
    uint64_t untold_bytes;     /* of these: not told in the file yet */
    bool failing;              /* the last write failed: said once */
    int failure;               /* why: negative errno; the last one */
    int64_t retry_ms;          /* monotonic: not tried before */
    int64_t look_ms;           /* monotonic: the free space is not looked at before */
    uint64_t unlooked_bytes;   /* written since it was looked at */
    bool below_floor;
};

struct logfiles {
    struct list all;
    struct log_policy pm2;   /* what holds for all */
    int64_t floor_bytes;     /* of free space; -1 = as much as seems right, 0 = none */
    struct rotator *rotator; /* rotate.c; NULL: nothing is rotated */
};

void logfiles_init(struct logfiles *s);

/* Open (create 0600, folders 0700) or share. NULL with `e` ("ENOENT: ..., open '/path'"). */
struct logfile *logfile_open(struct logfiles *s, const char *path, struct err *e);
void logfile_close(struct logfile *f); /* drops a reference; NULL is fine */

/* The open file of this path, borrowed; NULL. */
struct logfile *logfiles_find(struct logfiles *s, const char *path);

/* Move up to n bytes from a pipe to the end of the file without looking at them. Bytes moved or
 * dropped, 0 at the pipe's EOF, -EAGAIN when the pipe is empty, -EBUSY when the file cannot be
 * written and its policy is to wait. `*cut`, of the stream: its last byte was dropped, and was not
 * the end of a line: it goes on with the next line. */
ssize_t logfile_move(struct logfile *f, int pipe_fd, size_t n, bool *cut);

/* For who writes in two steps, because he notes what he is about to do: make ready for a write of
 * `bytes` (shortened to what fits before the next rotation). The offset to write at; -EBUSY: wait;
 * -ENOSPC: these bytes are dropped, and have been counted. */
off_t logfile_prepare(struct logfile *f, const char *bytes, size_t *n);
/* Bytes written, 0 when it failed: prepare again. */
size_t logfile_put(struct logfile *f, const char *bytes, size_t n, off_t at);

/* Close and open every file again by its path (SIGUSR2, reloadLogs). */
void logfiles_reopen(struct logfiles *s);
/* Empty a file, whether it is open here or not. 1; 0 when it is not there or no plain file;
 * negative with `e`. */
int logfiles_empty(struct logfiles *s, const char *path, struct err *e);

/* For rotate.c. */
off_t logfile_size(const struct logfile *f);
/* Its last byte is the end of a line, or it has none. */
bool logfile_ends_line(const struct logfile *f, off_t size);
/* Open the path anew; the old file is let go. 0 or -errno: the old one goes on. */
int logfile_renew(struct logfile *f);
