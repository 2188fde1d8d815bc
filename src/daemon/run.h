/* SPDX-License-Identifier: MIT
 * One execution of a process: spawn request, pipes, channel, end. Used by proc.c; and
 * by those who start something in the app's place. */
#pragma once

#include "proc.h"

struct user_ids;

/* The variables of what runs for `p` now: array of "KEY=value" texts, or NULL on OOM. */
json_t *run_environment(struct proc *p, bool channel);
/* The PATH among them: PM2 looks interpreters up there. Borrowed. */
struct str run_search_path(const json_t *env);
/* The ids that a conf asks for, into `s` and `ids` (which owns the groups; user_ids_fini()).
 * Nothing is set when it asks for none. 0 or negative with `e`. */
int run_lookup_ids(const json_t *conf, struct link_spawn *s, struct user_ids *ids, struct err *e);

/* Ask the keeper. New run (current of p), or NULL with `e`. */
struct run *run_spawn(struct proc *p, struct err *e);
/* The keeper has it: take its fds (LINK_FD_COUNT) and start pumping. */
void run_attach(struct run *r, const struct link_child *c, int *take_fds);
/* The process ended: move what it left in its pipes and channel. */
void run_drain(struct run *r);
/* No longer current: closed now when nobody can write to its pipes any more, else at their EOF. */
void run_retire(struct run *r);
/* Close everything and let the keeper forget it. */
void run_close(struct run *r);
/* Give it to the successor of a dead keeper, also when it has ended and others still hold its
 * pipes. 0 or -errno. */
int run_rehome(struct run *r);
/* Watch an adopted run's pidfd for its end; `on_gone` is called once. 0 or -errno. */
int run_watch_exit(struct run *r, uv_poll_cb on_gone);
