/* SPDX-License-Identifier: MIT
 * max_memory_restart: once a second the memory of each app that has a limit, with all that it
 * forked, against that limit. PM2 looks every 30 seconds, and at the first process only.
 *
 * Each second: resident memory of the root, plus what the others hold for themselves, of the
 * members of its cgroup; without a cgroup of our own, of its descendants, who are looked for every
 * five seconds. That sum is an upper bound; before a restart over what was forked the exact shares
 * are asked for. */
#pragma once

#include <uv.h>

struct memguards;
struct proc;

/* One timer serves all apps; it only runs while one of them has a limit. NULL on OOM. */
struct memguards *memguards_new(uv_loop_t *loop);
void memguards_close(struct memguards *all); /* asynchronous; frees itself. NULL is fine */

void memguard_changed(struct proc *p); /* also: added */
void memguard_removed(struct proc *p);
