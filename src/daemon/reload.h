/* SPDX-License-Identifier: MIT
 * Reloading one process: its successor is started beside it, has to prove itself, and takes its
 * place; the old one finishes what it has begun and is ended. app/reload_sm.h says when what
 * happens; this carries it out. Runs in pm2d.
 *
 * The other generation is a struct proc of its own (proc.h). At the switch the two exchange what
 * belongs to a run: the process that others know stays the same one, with its id, orders, watches
 * and schedules. Of a reload that fails nothing is left: not even the new configuration.
 *
 * A pm2d that dies before the switch leaves a successor that its follower ends; one that dies after
 * it, an old one that its follower ends in the same way as it would have been. */
#pragma once

#include <jansson.h>

#include "proc.h"

struct reload_request {
    json_t *take_conf; /* the conf of the successor; NULL = as it is */
    bool force;        /* PM2's way: whatever becomes of the successor, the old one is ended */
    bool soft;         /* the old one is told "shutdown" on its channel, and no signal */
};

/* `error` is NULL or why not; borrowed. The successor has its place, and the old one is gone or
 * parked; or all is as it was. */
typedef void reload_done_fn(void *ctx, struct proc *p, const char *error);

struct reload_handler {
    void *ctx;
    reload_done_fn *done; /* once */
    /* The successor has proven itself, or has failed: nothing is being started any more. Once,
     * before `done`. NULL = nobody asks. */
    void (*proven)(void *ctx, struct proc *p, bool has_proven);
};

/* Whether two generations of it can serve side by side. Else a reload can only be a restart, and
 * `*ret_why` says why, for people. Of an app in fork mode the kernel is asked: some milliseconds.
 */
bool reload_can(struct proc *p, const char **ret_why);
/* Takes rq->take_conf. May call back before it returns. */
void reload_begin(struct proc *p, const struct reload_request *rq, const struct reload_handler *h);
/* The parked generation serves again, the one of now is ended. 0, or -ENOENT with `e`; the second
 * only asks. */
int reload_rollback(struct proc *p, struct err *e);
int reload_can_roll_back(const struct proc *p, struct err *e);

/* ---- from the executor; nothing happens where no reload is under way ---- */

/* An order has come for `p`, which may be an other generation. */
void reload_overtake(struct proc *p, enum order_kind kind);
/* Its state machine has moved. */
void reload_state(struct proc *p);
/* Its run has ended. Returns whose run that is now: the successor takes its place at once. */
struct proc *reload_exiting(struct proc *p);
/* An other generation is removed. */
void reload_other_gone(struct proc *other);
/* `p` is freed. */
void reload_discard(struct proc *p);

/* ---- what a successor says of itself ---- */

/* It is ready (wait_ready). */
void reload_word(struct proc *other);
/* It listens on one more socket. */
void reload_listening(struct proc *other);

/* ---- memory ---- */

bool reload_is_parked(const struct proc *p);
/* Recovery, step 1: whether it has an other generation, which is returned then, to be filled. */
struct proc *reload_recover_other(struct proc *p, bool has_one);
void reload_recover_parked(struct proc *p, bool is_parked);
/* Recovery, step 2: after the process itself. */
void reload_coldplug(struct proc *p);
