/* SPDX-License-Identifier: MIT
 * The last lines of a file, found by reading backwards: never more of it is read than they have,
 * however long they are. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

/* `line` has no newline and is borrowed for the call. */
typedef void tail_fn(void *ctx, struct str line);

/* Give the last `count` lines of the first `end` bytes of `fd` to `fn`, first line first. What is
 * behind the last newline counts as a line; with `partial` (not NULL) it does not, and is appended
 * there instead. A line longer than LIMIT_CLI_LINE_BYTES comes in pieces. 0 or -errno. */
int tail_lines(int fd, off_t end, size_t count, tail_fn *fn, void *ctx, struct buf *partial);
