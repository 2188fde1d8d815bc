/* SPDX-License-Identifier: MIT
 * Reading a log from its begin, whether it is compressed or not. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct log_input;

/* Takes the compression from the name. NULL with errno. */
struct log_input *log_input_open(const char *path);
/* Up to `n` bytes; 0 at the end; -errno, -EBADMSG for a file that is broken. */
ssize_t log_input_read(struct log_input *in, void *to, size_t n);
void log_input_close(struct log_input *in); /* NULL is fine */
