/* SPDX-License-Identifier: MIT
 * Readiness for programs in any language: sd_notify(3). An app with wait_ready finds the address of
 * a datagram socket of ours in NOTIFY_SOCKET; READY=1 there does what the message "ready" does for
 * a Node app, and STATUS=text is shown.
 *
 * The sender is told by the kernel (SCM_CREDENTIALS), and kin.h says for whom it speaks. The socket
 * is a door.h: what is sent while no pm2d is there waits. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct notify;
struct proc;
struct proc_env;
struct table;

/* Both are borrowed for its life; they need not be complete yet. NULL on OOM. */
struct notify *notify_new(const struct table *table, struct proc_env *env);
/* Recovery, step 1: what the keeper holds. False: it is none of ours; `take_fd` is not taken. */
bool notify_take_stored(struct notify *n, struct str name, int take_fd);
/* The keeper of env->link is another one now: it shall hold them as well. */
void notify_rehome(struct notify *n);
/* Asynchronous; frees itself. `for_good`: nobody will come after us. NULL is fine. */
void notify_close(struct notify *n, bool for_good);

/* NOTIFY_SOCKET in the variables ("KEY=value" texts) of a run of `p`: ours for an app with
 * wait_ready. Another app keeps what its user gave it, unless that is ours. 0 or -ENOMEM. */
int notify_set_variable(struct proc *p, json_t *env);

/* Hooks of extras.c. */
void notify_added(struct proc *p);
void notify_state(struct proc *p);
void notify_removed(struct proc *p);
