/* SPDX-License-Identifier: MIT
 * Ending process trees: signal every member once, wait for each on its pidfd, then look again for
 * members that were forked meanwhile. No polling, no ps. One reading of /proc serves all processes
 * that are ended in the same turn of the loop. */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct proc;
struct proc_stat;
struct trees;

struct trees *trees_new(uv_loop_t *loop, pid_t keeper_pid, const char *pid_file); /* NULL on OOM */
void trees_close(struct trees *t); /* asynchronous; frees itself. NULL is fine */

/* Signal all live members of p's tree (or only the root when !whole); signo 0 only watches them. It
 * is the signal to end: what stands still is told to go on, so that it can. */
void tree_signal(struct proc *p, int signo, bool whole);
/* Whether others than the root were told to end and are still there. */
bool tree_has_members(const struct proc *p);
/* True when the root has exited and a look at /proc after that found no member. While that is not
 * known yet a look is arranged, and proc_tree_changed() is called when there is news. */
bool tree_is_gone(struct proc *p);
/* SIGKILL to what a dead keeper of `home` had forked and not yet executed: still copies of the
 * keeper (but not `successor`), orphans at `reaper`. They would become processes that nobody knows.
 */
void trees_kill_unborn(struct trees *t, const char *home, pid_t reaper, pid_t successor);
/* SIGKILL to what came of p's last launch, if a dead keeper did carry it out: it hangs where that
 * keeper's orphans go. What earlier launches left behind is not touched. */
void tree_kill_strays(struct proc *p);
/* The process that came of p's last launch, wherever it hangs: true and what /proc says of it. */
bool tree_find_launched(struct proc *p, struct proc_stat *ret);
/* The live processes of p's tree, its root among them: at most `max`. How many. */
int tree_pids(struct proc *p, pid_t *ret, int max);
/* The keeper that apps' orphans come to from now on. */
void trees_set_keeper(struct trees *t, pid_t keeper_pid);
/* Forget the wait. */
void tree_forget(struct proc *p);
