/* SPDX-License-Identifier: MIT
 * The instance socket: what Node programs say on their channel, programs in any language say here.
 * Each app has an address in PM2_INSTANCE_SOCK; one listening socket (door.h) serves all of them,
 * so that a process which does not use it costs a variable. docs/APPS.md describes the lines.
 *
 * For whom a connection speaks, the kernel and kin.h say; one of our own user that they do not know
 * may say it itself. A process may have several connections (threads, children). The keeper holds
 * duplicates of all: the death of pm2d is not seen by the apps. What is said goes the way of the
 * channel (appmsg.h); apptell.h is the way back. Runs in pm2d. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct instance_sock;
struct proc;
struct proc_env;
struct run;
struct table;

/* Both are borrowed for its life; they need not be complete yet. NULL on OOM. */
struct instance_sock *instance_sock_new(const struct table *table, struct proc_env *env);
/* Recovery, step 1: what the keeper holds. False: it is none of ours; `take_fd` is not taken. */
bool instance_sock_take_stored(struct instance_sock *s, struct str name, int take_fd);
/* Recovery, step 2: the connections go to the runs that were found. */
void instance_sock_recover(struct instance_sock *s);
/* The keeper of env->link is another one now: it shall hold all that there is. */
void instance_sock_rehome(struct instance_sock *s);
/* Asynchronous; frees itself, after the processes. `for_good`: nobody will come after us. NULL is
 * fine. */
void instance_sock_close(struct instance_sock *s, bool for_good);

/* PM2_INSTANCE_SOCK in the variables ("KEY=value" texts) of a run of `p`. 0 or -ENOMEM. */
int instance_sock_set_variable(struct proc *p, json_t *env);

/* The process of `r` has ended: hear what it has still said. */
void instance_sock_drain(struct run *r);
/* Nobody speaks for `r` any more: its connections end. */
void instance_sock_leave(struct run *r);

/* Queue a line for each connection of `r`; with `action` only for those that have registered it, or
 * all when none has. Returns how many have it; 0: *ret_why is set to -ENOTCONN (there is none) or
 * the reason of one. Never calls back. */
unsigned instance_sock_send(struct run *r, struct str line, const char *action, int *ret_why);

/* Hooks of extras.c. */
void instance_sock_added(struct proc *p);
void instance_sock_state(struct proc *p);
