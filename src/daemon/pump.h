/* SPDX-License-Identifier: MIT
 * One output stream of one run of an app: the read end of its pipe, and where the bytes go.
 *
 * To one file and as they are, bytes move from pipe to file inside the kernel; a bus subscriber
 * gets a duplicate (tee(2)) that does not disturb the way to the file. With a format, or with two
 * files, they go through a spool, so that the death of pm2d costs and doubles nothing. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/str.h"
#include "logfile.h"

struct log_format;
struct pump;
struct spool;

struct pump_handler {
    void *ctx;
    /* Somebody wants to see the bytes. */
    bool (*wants)(void *ctx);
    /* Bytes as they came, or as they were formatted, at most LIMIT_TAP_CHUNK_BYTES, borrowed. */
    void (*bytes)(void *ctx, struct pump *p, struct str chunk);
    /* The pipe is at its end: nobody can write any more. Not called by pump_close. */
    void (*eof)(void *ctx, struct pump *p);
};

/* All may be NULL; what is not, passes to the pump. `discard`: nothing is written or shown
 * (disable_logs). */
struct pump_output {
    struct logfile *file, *combined;
    struct log_format *format; /* NULL: bytes as they are */
    bool discard;
};

/* Takes `pipe_fd` and what is in `out`. NULL on OOM (everything taken is closed). */
struct pump *pump_new(uv_loop_t *loop, int take_pipe_fd, struct pump_output *take_out,
                      const struct pump_handler *h);
/* The pipe, for a new keeper to keep; -1 for NULL. Still the pump's. */
int pump_fd(const struct pump *p);
/* The same for its spool; -1 when it has none. */
int pump_spool_fd(const struct pump *p);
/* Go on where an earlier pm2d stopped: `take` in place of a spool that has not been used. */
void pump_take_spool(struct pump *p, struct spool *take);
/* Move everything that is in the pipe now. */
void pump_drain(struct pump *p);
/* Its output waits for a file that cannot be written. */
bool pump_is_blocked(const struct pump *p);
/* Asynchronous death: silent from here on. NULL is fine. */
void pump_close(struct pump *p);
