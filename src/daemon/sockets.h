/* SPDX-License-Identifier: MIT
 * Sockets of apps in any language (attribute `listen`). pm2d opens them, the keeper holds a copy of
 * each, a process gets its own as descriptors 3 and following. They outlive the process and pm2d:
 * whoever connects meanwhile waits in the kernel's queue.
 *
 * An INLET is one address of one app. A SEAT is one socket of it. TCP: each process has a seat of
 * its own, all in one SO_REUSEPORT group, and new connections are steered (os/steer.h) to the seats
 * of processes that are online. The seat of a process that ends is left alone at once, and what
 * waits in it is its next run's; when none is online, all of them take connections, which wait.
 * UNIX: processes share one socket.
 *
 * Two generations of a process (reload.h) have a seat each: its side is their `slot`. That of a
 * successor gets no new connections before the switch, that of the old one none after it. With the
 * end of its run the old seat is closed: whoever ends that run looks at sockets_has_waiting()
 * before. (A UNIX socket of a single process: the successor's is bound beside, and renamed over the
 * old one by the switch. What several processes share, generations share, too.)
 *
 * A seat is there as long as its process is to be up, or a run that has it lives. With the last
 * seat the address is given up: nobody accepts for an app that is stopped. Closing one of several
 * moves the last of the group into its place, which is why this module alone closes and listens
 * again; where each is, stands in its name in the keeper's store. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct proc;
struct proc_env;
struct run;
struct sockets;
struct table;

/* Both are borrowed for its life and need not be complete. NULL on OOM. */
struct sockets *sockets_new(struct proc_env *env, const struct table *table);
/* Recovery, step 1: what the keeper holds. False: the name is not ours, nothing was taken. */
bool sockets_take_stored(struct sockets *ss, struct str name, int take_fd);
/* Recovery, step 2, before any process is. */
void sockets_recover(struct sockets *ss);
/* The keeper of env->link is another one now: it shall hold them as well. */
void sockets_rehome(struct sockets *ss);
/* Frees itself; env->sockets is NULL from here on. `for_good`: nobody can connect any more; else
 * those that the keeper and the processes have stay open. NULL is fine. */
void sockets_close(struct sockets *ss, bool for_good);

/* Whether an app with this conf could have its addresses now: 0, or negative with `e`, which says
 * who has them. Nothing stays open. Not looked at is what the app has already, or, by another name
 * perhaps, the process `p` whose conf it will be (NULL: a new app). */
int sockets_check(struct sockets *ss, const json_t *conf, const struct proc *p, struct err *e);

/* The sockets for a run that is about to be asked for, in the order of the conf. How many (into
 * `ret`, room for LIMIT_LISTEN; borrowed), or negative with `e`. */
int sockets_for_spawn(struct run *r, int *ret, struct err *e);
/* It has ended, or never came to be. Idempotent. */
void sockets_gone(struct run *r);
/* It is about to be told to end: no new connections, if others can take them. */
void sockets_retire(struct run *r);
/* After that, when its process is not to come back: true when connections wait in its queue and new
 * ones go elsewhere. Then it should not be told yet; `done` is called, later, when it has accepted
 * them or has had enough time for it. Never again once sockets_gone() was. */
typedef void sockets_left_fn(struct run *r);
bool sockets_leave(struct run *r, sockets_left_fn *done);

bool sockets_has_any(const struct run *r);
/* Connections wait in its seats that nobody else will accept. */
bool sockets_has_waiting(const struct run *r);

/* Hooks of extras.c. */
void sockets_state(struct proc *p);
void sockets_removed(struct proc *p);
