/* SPDX-License-Identifier: MIT
 * One question to a process, of one of three kinds. Runs in pm2d.
 *
 * A probe that was started tells its end once and frees itself; after probe_cancel() it tells
 * nothing any more. It has no time limit of its own: that is the caller's. */
#pragma once

#include <jansson.h>

#include "base/err.h"

struct proc;

/* `error` is NULL (all is well) or a text for people; borrowed. */
typedef void probe_done_fn(void *ctx, const char *error);

struct probe {
    void (*cancel)(struct probe *pr); /* of its kind */
};

/* `what` is the value in the configuration; borrowed for the call. `done` is never called before
 * this returns. NULL with `e`: it cannot be asked. */
typedef struct probe *probe_start_fn(struct proc *p, const json_t *what, probe_done_fn *done,
                                     void *ctx, struct err *e);

probe_start_fn probe_tcp_start;  /* "host:port" accepts a connection */
probe_start_fn probe_http_start; /* a URL answers GET with a status from 200 to 399 */
/* The same over a connection that is there (taken, also on failure), whatever the URL's host. */
struct probe *probe_http_over(struct proc *p, const json_t *what, int take_fd, probe_done_fn *done,
                              void *ctx, struct err *e);
probe_start_fn probe_exec_start; /* a command ends with 0: as the app's user, in its folder */

/* NULL is fine. */
static inline void probe_cancel(struct probe *pr)
{
    if (pr)
        pr->cancel(pr);
}
