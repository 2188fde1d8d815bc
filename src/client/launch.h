/* SPDX-License-Identifier: MIT
 * Starting a daemon: pm2-keeper is executed in a session of its own, and says on a pipe when the
 * daemon that it keeps listens ("R<version>\n") or why there is none ("E<text>\n"). */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define LAUNCH_WORD_BYTES 1024 /* what the keeper may say */

struct launch_spec {
    const char *home, *pid_file, *log_file; /* absolute, borrowed */
    const char *keeper_path;                /* NULL = beside the calling program's real path */
};

/* A launch under way. */
struct launch {
    int ready_fd; /* -1 = none: readable when the keeper has something to say */
    size_t got;
    char word[LAUNCH_WORD_BYTES];
    char keeper[PATH_MAX];
};

void launch_init(struct launch *l);
void launch_fini(struct launch *l); /* idempotent; the keeper is left to itself */

/* Start a keeper; waits for nothing but a fork. 0, or -errno. Works with stdin, stdout and stderr
 * closed; leaves no child behind. */
int launch_begin(struct launch *l, const struct launch_spec *s, struct err *e);

/* Take in what the keeper says. 1: not all yet, wait until ready_fd is readable; 0: the daemon
 * listens; -EBUSY: a keeper runs in that home already, so that a daemon will listen before long, if
 * it does not yet. On any failure the text says what the keeper said, or where to look. */
int launch_step(struct launch *l, const struct launch_spec *s, struct err *e);

/* The launch lock: a file that stays, locked by one launching client at a time. Opens it: fd, or
 * -errno with `e`. */
int launch_lock_open(const char *home, struct err *e);
/* 0 when taken, -EWOULDBLOCK when another client has it. Given back by closing the fd. */
int launch_lock_try(int fd);

/* Put `name` in the place of the last component of `path`, which has `size` bytes. False: there is
 * no room, or it has no folder. */
bool launch_put_beside(char *path, size_t size, const char *name);

/* What of the environment `env` a daemon needs, with PM2_HOME set to `home`. One block, to be freed
 * with free(); NULL when out of memory. */
char **launch_environment(char *const *env, const char *home);
