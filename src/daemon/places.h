/* SPDX-License-Identifier: MIT
 * Where the processes of cluster apps listen, and with whom they share it, for people: in the
 * answers to start, in describe, in the log. Reads the primary's gates and claims. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct cluster_query;
struct gate;
struct jw;
struct proc;
struct table;

bool places_is_same_app(const struct proc *a, const struct proc *b);
/* The process of another app that has a part in the gate too; NULL = there is none. `only_selfish`:
 * one whose app does not share its port. */
const struct proc *places_stranger(const struct gate *g, const struct proc *p, bool only_selfish);
/* `share_port` of its app. */
bool places_may_share(const struct proc *p);

/* Its listen() has failed. `owner` is whose place it is; NULL = nobody's of ours. For describe, and
 * the log. */
void places_refused(struct proc *p, const struct cluster_query *q, const struct proc *owner,
                    int code);
/* The run of now has not failed in that way. */
void places_forget(struct proc *p);

/* Members listens_on and listen_error, as far as there is something. */
void places_write(struct jw *w, const struct proc *p);

/* ---- places_wait.c ---- */

/* `warnings` is an array of texts, borrowed. */
typedef void places_wait_fn(void *ctx, const json_t *warnings);

/* What who started these processes should hear: whom they share a port with, and which listen() has
 * failed. They have to listen for that, which they do a moment after they are online; so where they
 * could meet another app at all, wait until each has done it, PLACES_WAIT_MS at most. `done` is
 * called once, maybe before this returns. */
#define PLACES_WAIT_MS 500
void places_wait(const struct table *t, const int *ids, size_t count, places_wait_fn *done,
                 void *ctx);
