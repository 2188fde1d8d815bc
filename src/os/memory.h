/* SPDX-License-Identifier: MIT
 * How much memory a process, and what it forked, uses. Made to be asked every second for a thousand
 * processes: the files of /proc stay open. Linux only. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mem_probe {
    pid_t pid;
    int statm_fd; /* of the root process; -1 = not open */
    int group_fd; /* cgroup.procs; -1 = none */
};

/* Nothing is open yet. */
void mem_probe_init(struct mem_probe *m);
/* Look at `pid` from now on; `cgroup` is the folder of its own cgroup, or NULL. 0 or -errno. */
int mem_probe_open(struct mem_probe *m, pid_t pid, const char *cgroup);
void mem_probe_close(struct mem_probe *m);

/* Resident bytes of the root process, or -errno (-ESRCH: it has ended). */
int64_t mem_probe_root(const struct mem_probe *m);

/* The other processes of its cgroup: up to `room` pids, their number. 0 without a cgroup. */
int mem_probe_others(const struct mem_probe *m, pid_t *ret, int room);

/* What a process has resident and does not share with files or other mappings; 0 when it is gone. A
 * forked child counts pages here that it still shares with its parent: an upper bound, and cheap.
 */
int64_t mem_private_most(pid_t pid);
/* Its proportional share of what it uses (PSS): exact, and dear. -errno when nobody says. */
int64_t mem_share(pid_t pid);
