/* SPDX-License-Identifier: MIT
 * pidfds: wait for and signal a process without the race of a reused pid. */
#pragma once

#include <sys/types.h>

int pidfd_open_process(pid_t pid);      /* fd (CLOEXEC, readable at exit) or -errno */
int pidfd_signal(int pidfd, int signo); /* 0 or -errno (-ESRCH: gone) */
