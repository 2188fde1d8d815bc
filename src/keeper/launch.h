/* SPDX-License-Identifier: MIT
 * From a freshly exec'd program to a daemon: command line, pid file, detaching, and the one answer
 * to whoever launched us. The launcher does fork(), setsid(), exec(pm2-keeper): the keeper does not
 * fork itself, the process that was exec'd is the daemon and the pid in the pid file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct launch_options {
    const char *home, *pid_file, *log_file;
    const char *daemon; /* path of pm2d; NULL = beside our own program */
    int ready_fd;       /* -1 without */
    /* A successor: started by a pm2d whose keeper died. It serves that pm2d at the other end of
     * peer_fd, and gets the apps from it (LINK_ADOPT). Never together with ready_fd. */
    int peer_fd;                               /* -1: start a pm2d of our own */
    long long peer_pid, app_umask, app_nofile; /* what the dead keeper knew; -1 = not given */
    int state_fd; /* -1, or what an older program has handed over to us: see handover.h */
    int check_fd; /* -1, or a state that we are asked about */
    char **extra; /* arguments for pm2d, NULL-terminated */
    bool want_help, want_version;
};

/* Borrows from argv. 0, or -EINVAL with a text. */
int launch_parse(char **argv, struct launch_options *ret, struct err *e);

/* What the launcher's world was like, for those children that should not notice ours. */
struct launch_world {
    mode_t umask;
    uint64_t nofile_soft;
};

/* Close everything inherited but stdio and the ready fd (moved out of the way; updates
 * o->ready_fd), reset signals, leave session and folder, raise the fd limit, become subreaper. */
void launch_detach(struct launch_options *o, struct launch_world *ret);

/* Open and lock the pid file, and write our pid into it. The lock lasts as long as the returned fd,
 * and names the one keeper of a home: two cannot hold it, whatever happens to the file's name.
 * fd, -EBUSY "another daemon is running", or -errno. */
int launch_lock(const char *pid_file, struct err *e);

/* Let stdin be /dev/null, stdout and stderr the log file. Also reopens it. 0 or -errno. */
int launch_open_log(const char *log_file, struct err *e);

/* Write "<kind><text>\n" to the ready fd and close it: 'R' ready, 'E' error. -1 is fine. */
void launch_report(int *ready_fd, char kind, const char *text);
