/* SPDX-License-Identifier: MIT
 * Waiting until a process that gets no new connections has answered what it has begun. A Node app
 * is asked through our agent in it (node/agent), which makes clients part politely and says when
 * nobody is left. Of others the kernel is asked: which connections are open on the ports where they
 * listen, and whether the last that passed there was an answer. Runs in pm2d.
 *
 * There is no time limit in here: that is the caller's. */
#pragma once

#include "base/str.h"

struct drain;
struct proc;
struct run;

typedef void drain_done_fn(void *ctx);

/* NULL: there is nothing to wait for. Else `done` is called once, later. */
struct drain *drain_start(struct proc *p, drain_done_fn *done, void *ctx);
/* Says nothing any more. NULL is fine. */
void drain_cancel(struct drain *d);
/* The agent in `r` has said something. */
void drain_heard(struct run *r, struct str word);
