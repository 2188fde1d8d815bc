/* SPDX-License-Identifier: MIT
 * pm2d as a whole: what it is made of, in which order it starts and ends. */
#pragma once

#include "base/err.h"

struct daemon_options {
    const char *home;
    int link_fd;
};

/* Could this program go on from what the running pm2d has written? 0, or -errno with `e`. */
int daemon_check(const char *home, struct err *e);
/* Run until the daemon has been ended. Exit status of the process. A failed start has been reported
 * to the keeper and is in `e`. */
int daemon_run(const struct daemon_options *o, struct err *e);
