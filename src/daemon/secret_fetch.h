/* SPDX-License-Identifier: MIT
 * Before a start: the values of those variables that are references (app/secret.h), one after the
 * other. Files are read in libuv's pool, by pm2d's user; commands run as the app's user, without
 * the app's other secrets, LIMIT_SECRET_COMMANDS at a time, each for LIMIT_SECRET_COMMAND_MS.
 * Values are in the environment that is being made, in memory, and nowhere else. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"

struct proc;
struct secret_fetch;

/* Whose turn it is to run a command. Of all processes. */
struct secret_turns {
    struct list waiting;
    unsigned running;
};

/* `error` is NULL, or names variable and file or command, for people; never a value. Borrowed. */
typedef void secret_done_fn(void *ctx, const char *error);

/* `env`: array of "KEY=value". */
bool secret_in(const json_t *env);
/* Remove the variables that are references. */
void secret_leave_out(json_t *env);

/* Edits `env` (kept until the end) in place, then calls `done` once, never before this returns. A
 * reference that is malformed fails like one that cannot be read. NULL on OOM. */
struct secret_fetch *secret_fetch_start(struct proc *p, json_t *env, secret_done_fn *done,
                                        void *ctx);
/* `done` is not called any more. NULL is fine. */
void secret_fetch_cancel(struct secret_fetch *f);
