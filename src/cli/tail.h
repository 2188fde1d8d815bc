/* SPDX-License-Identifier: MIT
 * The last lines of a file, found by reading backwards: never more of it is read than they have,
 * however long they are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

struct tail {
    size_t count;
    /* A line has no newline and is borrowed for the call. */
    void (*line)(void *ctx, struct str line);
    /* Of which lines the last `count` are wanted; NULL = of all. The file is read as far back as
     * is necessary. */
    bool (*wants)(void *ctx, struct str line);
    void *ctx;
    struct buf *partial; /* NULL, or where what is behind the last newline goes */
};

/* Give the last lines of the first `end` bytes of `fd`, first line first. What is behind the last
 * newline counts as a line; with `partial` it does not, and is appended there instead. A line
 * longer than LIMIT_CLI_LINE_BYTES comes in pieces. 0 or -errno. */
int tail_lines(int fd, off_t end, const struct tail *t);
/* Where the line begins that the byte at `at` belongs to. */
off_t tail_line_begin(int fd, off_t at);
