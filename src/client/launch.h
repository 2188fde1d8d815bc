/* SPDX-License-Identifier: MIT
 * Starting a daemon: pm2-keeper is executed in a session of its own, and says on a pipe when the
 * daemon that it keeps listens ("R<version>\n") or why there is none ("E<text>\n"). */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct launch_spec {
    const char *home, *pid_file, *log_file; /* absolute, borrowed */
    const char *keeper_path;                /* NULL = beside the calling program's real path */
};

/* Start and wait. 0 when the daemon listens. -EBUSY: a keeper runs in that home already, so that a
 * daemon will listen before long, if it does not yet. On any failure the text says what the keeper
 * said, or where to look. Works with stdin, stdout and stderr closed; leaves no child behind. */
int launch_daemon(const struct launch_spec *s, int64_t deadline, struct err *e);

/* The launch lock: a file that stays, locked by one launching client at a time. Opens it: fd, or
 * -errno with `e`. */
int launch_lock_open(const char *home, struct err *e);
/* 0 when taken, -EWOULDBLOCK when another client has it. Given back by closing the fd. */
int launch_lock_try(int fd);

/* What of the environment `env` a daemon needs, with PM2_HOME set to `home`. One block, to be freed
 * with free(); NULL when out of memory. */
char **launch_environment(char *const *env, const char *home);
