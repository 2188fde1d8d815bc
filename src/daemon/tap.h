/* SPDX-License-Identifier: MIT
 * Looking into a pipe without taking anything out of it: tee(2) into a pipe of our own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Copy up to n bytes (at most LIMIT_TAP_CHUNK_BYTES) of what is next in the pipe. 0 at its end,
 * -EAGAIN when it is empty. */
ssize_t tap_peek(int pipe_fd, char *ret, size_t n);
/* Take n bytes out of the pipe and throw them away: how many, 0 at its end, -EAGAIN. */
ssize_t tap_throw(int pipe_fd, size_t n);
/* The bytes up to the end of the line that comes next, that end included, as far as it can be seen
 * (LIMIT_TAP_CHUNK_BYTES); `ret_found` when there is one. 0 at the end, -EAGAIN. */
ssize_t tap_line(int pipe_fd, bool *ret_found);
