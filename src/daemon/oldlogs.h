/* SPDX-License-Identifier: MIT
 * Log files that were rotated: what they are called, and what becomes of them. They are compressed
 * and removed in libuv's thread pool, one log at a time; what a death interrupts is found and done
 * again by the next rotation of that log.
 *
 * Whether a file is an old one of a log is told by its name: NAME__DATE[_NUMBER].log[.gz|.zst], the
 * DATE of the same shape as the one that was made just now (digits where it has digits). So the
 * live log of an app that is called `api__2` is not taken for an old one of `api`. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#include "app/log_policy.h"

#define LOG_NAME_DATE_BYTES 192

struct oldlogs_name {
    char folder[PATH_MAX];
    char stem[NAME_MAX + 1]; /* "app-out" */
    const char *end;         /* ".log", or "" when the log is not called so */
};

/* Take the path of a log apart. False when it is too long. */
bool oldlogs_name(const char *log_path, struct oldlogs_name *ret);
/* The path of an old file. False when it is too long. */
bool oldlogs_path(const struct oldlogs_name *name, const char *date, unsigned number, char *ret,
                  size_t size);
/* Whether `file` is an old one of exactly this date; its number. */
bool oldlogs_match(const struct oldlogs_name *name, const char *file, const char *date,
                   unsigned *ret_number);
/* Whether it is an old one of any date of this shape; `ret_packed`: it is compressed. */
bool oldlogs_is_old(const struct oldlogs_name *name, const char *file, const char *date,
                    bool *ret_packed);

struct oldlogs;

struct oldlogs *oldlogs_new(uv_loop_t *loop);
/* Begin no further work, end that of now soon; freed when it has ended. NULL is fine. */
void oldlogs_close(struct oldlogs *o);
/* A file of this log was rotated with this date: do what the policy says. */
void oldlogs_tidy(struct oldlogs *o, const char *log_path, const char *date,
                  const struct log_policy *policy);
