/* SPDX-License-Identifier: MIT
 * The primary of Node's cluster module, for all apps of this daemon: pm2d itself, no Node process
 * between. Workers ask for servers; a GATE is the socket that stands for one of them, under one key
 * for the workers of all apps (as in PM2: two apps on one port share it; here the log says so).
 *
 * A CLAIM is a worker's part in a gate. It belongs to the process and outlives the run: between the
 * death of a worker and the listen() of the next one the claim is vacant, the gate stays open and
 * the kernel's backlog holds who connects. A claim ends when the worker closes its server, when the
 * process is stopped, deleted or given up, or when a new run has not asked for it for a while. A
 * gate is closed with its last claim.
 *
 * Round robin (the default), least-connections, sticky: a connection is accepted only when a worker
 * is free, so that the death of pm2d costs no more than one connection per worker (sticky: those
 * that wait for a busy one, too). Each worker has one at a time; our copy is kept until it says
 * that it accepted. If it refuses, cannot take it, or dies before, the connection goes to another
 * one, first of all; unless somebody has read from it already: then it is closed, because the
 * request is gone. Shared, and always for UDP: the workers get the socket itself. Reuseport: each
 * gets one of its own, which its process has for good; we serve those whose worker is away.
 *
 * The keeper holds a copy of each gate's socket under a name that says all about it; the journal
 * has the claims of each process. From these a new pm2d finds its way back.
 *
 * A worker is a run, not a process: a reload has two of one process for a while. The successor is
 * held back, which means that it gets no connection from us, until it has proven itself. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct jw;
struct primary;
struct proc;
struct proc_env;
struct run;

/* `env` is borrowed for its life and need not be complete. NULL on OOM. */
struct primary *primary_new(struct proc_env *env);
/* Recovery, step 1: what the keeper holds. False: the name is not ours, nothing was taken. */
bool primary_take_stored(struct primary *pr, struct str name, int take_fd);
/* Recovery, step 2, before any process is: the claims that the journal knew. */
void primary_recover(struct primary *pr, struct proc *const *procs, size_t count);
/* The keeper of env->link is another one now: it shall hold the sockets as well. */
void primary_rehome(struct primary *pr);
/* No worker is known and no socket served any more; those that the keeper holds stay open.
 * Asynchronous; frees itself, env->primary is NULL from here on. NULL is fine. */
void primary_close(struct primary *pr);

/* ---- runs of cluster mode; for others nothing happens ---- */

/* It has a channel now: new or taken over. */
void primary_join(struct run *r);
/* A NODE_CLUSTER message of it. */
void primary_message(struct run *r, const json_t *value, bool is_bun);
/* Its channel has ended; it may live on. */
void primary_cut(struct run *r);
/* It was told to end: no more connections. `for_good`: the process is not to be up again. */
void primary_retire(struct run *r, bool for_good);
/* The two generations of a process have changed places: `other` gets nothing new, and the worker of
 * `p` serves, which was held back until now. */
void primary_switch(struct proc *p, struct proc *other);
/* It is gone, and its channel was read to the end. Idempotent. */
void primary_leave(struct run *r);
/* A connection to this worker, and to nobody else, as from a client of its server on `port`. The
 * client's end (non-blocking), or -ENOENT: pm2d hands it no connections of that port; -errno. */
int primary_dial(struct run *r, unsigned port);
/* Whether it has, or had, clients that pm2d gave it a part in. */
bool primary_has_served(const struct run *r);
/* How many of its servers have said `listening`. */
unsigned primary_listening_count(const struct run *r);

/* ---- for processes ---- */

/* The members of the journal record that are ours. To be kept as p->claims until recovery; NULL =
 * there are none. */
void primary_write_claims(struct jw *w, const struct proc *p);
json_t *primary_read_claims(const json_t *record);
/* The app whose worker opened the socket on this TCP port; NULL = none. Borrowed. */
const char *primary_app_on_port(const struct primary *pr, int port);

/* Hooks of extras.c. */
void primary_state(struct proc *p);
void primary_removed(struct proc *p);
