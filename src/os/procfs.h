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

/* Whether the command line of `pid` has the argument `first` directly followed by `second`. */
bool procfs_has_arguments(pid_t pid, const char *first, const char *second);
