/* SPDX-License-Identifier: MIT
 * What the kernel says about processes. Linux: /proc; no fork, no ps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
    pid_t pid, ppid, pgid, sid;
    char state;           /* 'R', 'S', 'Z', ... */
    uint64_t start_ticks; /* since boot; identity together with pid */
    uint64_t cpu_ticks;   /* user + system */
    uint64_t rss_bytes;
};

/* 0 or -errno (-ESRCH when there is no such process). */
int procfs_stat(pid_t pid, struct proc_stat *ret);
/* sysconf(_SC_CLK_TCK) */
unsigned procfs_ticks_per_second(void);
/* Start time of a process as ms since the epoch; 0 when unknown. */
int64_t procfs_start_ms(const struct proc_stat *st);

/* Who belongs to one app: see procfs_tree(). */
struct tree_query {
    pid_t root;            /* the process that we spawned (may be gone); also its session id */
    pid_t reaper;          /* the keeper: only its descendants are looked at */
    const char *env_mark;  /* "KEY=value" that the app's processes carry, or NULL */
    const char *env_mark2; /* a second one that must be there too, or NULL */
};

/* The live (not zombie) processes of an app, deepest first, the root last: descendants of `root` by
 * parent chain, members of its session, and processes below `reaper` whose initial environment
 * holds both marks (so a double-forked daemon is found as well), with all THEIR descendants.
 * Allocated array in *ret (free()), count as result, or -errno. */
int procfs_tree(const struct tree_query *q, struct proc_stat **ret);
