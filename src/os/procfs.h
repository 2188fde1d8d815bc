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
/* Ms since a process started, whoever has set the clock meanwhile. */
int64_t procfs_age_ms(uint64_t start_ticks);

/* The first line of /proc/PID/NAME, without its end; "" when it cannot be read. */
void procfs_line(pid_t pid, const char *name, char *ret, size_t size);

/* The other end of a pipe of spawn_spec.lasting_pipes (os/spawn.h) that the process still has as
 * `fd`: a descriptor (CLOEXEC, non-blocking), or -errno: -ENOENT when `fd` is not such a pipe,
 * -EACCES when the kernel does not let us look into that process. `flags`: O_RDONLY or O_WRONLY.
 * Whether `pid` still is the same process is the caller's to see. */
int procfs_take_pipe(pid_t pid, int fd, int flags);

/* Whether the command line of `pid` has the argument `first` directly followed by `second`. */
bool procfs_has_arguments(pid_t pid, const char *first, const char *second);
