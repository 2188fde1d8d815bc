/* SPDX-License-Identifier: MIT
 * The lines of a log that were written between two points of time, through its rotated files. Found
 * by the time index where there is one; without it, and before its first record, by the dates of
 * the lines; where they have none, by when the file was last written, which is all or nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/growth.h"

struct log_range {
    int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX: open */
    /* `at_ms`: when it was written, to the second; where nothing tells, when its file was last
     * written. `line` is borrowed. */
    void (*line)(void *ctx, int64_t at_ms, struct str line);
    /* Nothing tells when the lines of this file (or those before its index) were written, so all of
     * them were given. */
    void (*unknown)(void *ctx, const char *path);
    /* A file that cannot be read. */
    void (*failed)(void *ctx, const char *path, int code);
    void *ctx;
};

/* Of the log that `g` has opened, up to where it is followed from. What is behind the last newline
 * is a line when `partial` is NULL; else it is appended there. */
void log_range_show(const struct log_range *r, const struct growth *g, struct buf *partial);
