/* SPDX-License-Identifier: MIT
 * pidfds: wait for and signal a process without the race of a reused pid. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int pidfd_open_process(pid_t pid); /* fd (CLOEXEC, readable at exit) or -errno */
bool pidfd_has_ended(int pidfd);   /* reaped or not */
/* Wait for that until `deadline_ms` of the monotonic clock, -1 = for ever. False: it still lives.
 */
bool pidfd_ends_by(int pidfd, int64_t deadline_ms);
/* A duplicate (CLOEXEC) of a descriptor of that process. -errno: -EBADF, -EPERM when ptrace would
 * be refused, -ENOSYS before Linux 5.6. */
int pidfd_take_fd(int pidfd, int fd);
int pidfd_signal(int pidfd, int signo); /* 0 or -errno (-ESRCH: gone) */
