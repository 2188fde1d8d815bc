/* SPDX-License-Identifier: MIT
 * A command that pm2d runs beside an app: as the app's user, in its folder, from words and never
 * through a shell of ours. Besides a new keeper the only thing that pm2d forks. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct proc;
struct side_command;

struct side_handler {
    void *ctx;
    void (*output)(void *ctx, bool is_error_output, struct str bytes);
    void (*ended)(void *ctx, int wait_status); /* once, the last call; it frees itself then */
};

/* `argv` and `env` ("KEY=value"): arrays of texts, borrowed for the call. Nothing of the handler is
 * called before this returns. NULL with `e`: it cannot be run. No time limit: the caller's. */
struct side_command *side_command_start(struct proc *p, const json_t *argv, const json_t *env,
                                        const struct side_handler *h, struct err *e);
/* Kill it; nothing of the handler is called any more. NULL is fine. */
void side_command_end(struct side_command *c);

/* Append output to a `tail` of which at most the last `size` bytes, *count, are kept. */
void side_keep_tail(char *tail, size_t size, size_t *count, struct str output);

/* How it ended, with the last line of what it said, for people. */
void side_describe_end(int wait_status, struct str output, struct buf *out);
