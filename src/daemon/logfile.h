/* SPDX-License-Identifier: MIT
 * Log files of apps, shared by path: all streams that write to one path share one description, so
 * that their bytes never overwrite one another.
 *
 * Regular files are NOT opened with O_APPEND, because splice(2) refuses such files. Each write goes
 * to the file's end as it is at that moment, so that a truncation from outside (logrotate's
 * copytruncate, pm2-logrotate, `pm2 flush`) leaves no hole. Anything else (a FIFO, a terminal) is
 * written with write(2). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "logindex.h"

struct logfile {
    struct list link;
    char *path;
    int fd;
    unsigned refs;
    bool regular;
    struct logindex index;
    unsigned long long dropped_bytes; /* the disk refused them */
    bool failing;                     /* the last write failed: said once */
};

struct logfiles {
    struct list all;
};

void logfiles_init(struct logfiles *s);

/* Open (create 0600, folders 0700) or share. NULL with `e` ("ENOENT: ..., open '/path'"). */
struct logfile *logfile_open(struct logfiles *s, const char *path, struct err *e);
void logfile_close(struct logfile *f); /* drops a reference; NULL is fine */

/* Move up to n bytes from a pipe to the end of the file without looking at them. Bytes moved, 0 at
 * the pipe's EOF, -EAGAIN when the pipe is empty. A disk that refuses never blocks the app: the
 * bytes are dropped and counted. */
ssize_t logfile_move(struct logfile *f, int pipe_fd, size_t n);
/* Append bytes (same rule for a failing disk). */
void logfile_write(struct logfile *f, const void *p, size_t n);
/* Empty a file, whether it is open here or not. 1; 0 when it is not there or no plain file;
 * negative with `e`. */
int logfiles_empty(struct logfiles *s, const char *path, struct err *e);
/* Close and open every file again by its path (SIGUSR2, reloadLogs). */
void logfiles_reopen(struct logfiles *s);
