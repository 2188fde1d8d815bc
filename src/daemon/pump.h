/* SPDX-License-Identifier: MIT
 * One output stream of one run of an app: the read end of its pipe, and where the bytes go. Bytes
 * move from pipe to file inside the kernel; they are looked at only while a second file (combined
 * log) or a bus subscriber wants them, and then as a duplicate (tee(2)) that does not disturb the
 * way to the file. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/str.h"
#include "logfile.h"

struct pump;

struct pump_handler {
    void *ctx;
    /* Somebody wants to see the bytes. */
    bool (*wants)(void *ctx);
    /* Bytes as they came, at most LIMIT_TAP_CHUNK_BYTES, borrowed. */
    void (*bytes)(void *ctx, struct pump *p, struct str chunk);
    /* The pipe is at its end: nobody can write any more. Not called by pump_close. */
    void (*eof)(void *ctx, struct pump *p);
};

/* Takes `pipe_fd`. `file` and `combined` may be NULL (references are taken over). `discard`:
 * nothing is written or shown (disable_logs). NULL on OOM (everything taken is closed). */
struct pump *pump_new(uv_loop_t *loop, int take_pipe_fd, struct logfile *take_file,
                      struct logfile *take_combined, bool discard, const struct pump_handler *h);
/* The pipe, for a new keeper to keep; -1 for NULL. Still the pump's. */
int pump_fd(const struct pump *p);
/* Move everything that is in the pipe now. */
void pump_drain(struct pump *p);
/* Asynchronous death: silent from here on. NULL is fine. */
void pump_close(struct pump *p);
