/* SPDX-License-Identifier: MIT
 * Whose process is it that talks to us? It speaks for the app whose root process it is, in whose
 * session it is, or from which it descends, or in whose cgroup it is; all of that is read when it
 * is heard. One that has ended by then (`systemd-notify`, run by a script) speaks for the app that
 * waits for a word, if only one of its user does. Runs in pm2d. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct proc;
struct proc_env;
struct table;

#define KIN_MAX 32 /* pids that tell to whom it belongs */

struct kin {
    pid_t pids[KIN_MAX]; /* itself, its session, and those of its parents */
    int count;
    bool has_ended; /* there is nothing but its pid */
    uid_t uid;
    int app; /* by its cgroup; negative = none */
    unsigned slot;
};

/* All that is known of a process, now. `uid` is what the kernel said beside its pid. */
void kin_look(const struct proc_env *env, pid_t pid, uid_t uid, struct kin *ret);
/* The only one that it can speak for; of two generations the one that it belongs to. NULL = none.
 */
struct proc *kin_find(const struct table *t, const struct kin *k);
/* An app's pid is still to come: the keeper's word and the app's come by different ways. */
bool kin_may_come(const struct table *t);
