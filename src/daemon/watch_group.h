/* SPDX-License-Identifier: MIT
 * What is watched for the processes of one app: which paths, what of it counts, and the timer that
 * turns many changes into one restart. Processes with the same settings share one. All groups of
 * the daemon share one inotify descriptor, which exists as long as there is a group.
 *
 * One save is several events, a build is many. So the restart comes once nothing has changed for a
 * moment (10 ms, or the stabilityThreshold of awaitWriteFinish), or at last after ten times that;
 * and not before watch_delay has passed since the first change. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct proc;
struct proc_env;
struct watch_group;

/* A process that a group is for; it is in proc.watch. */
struct watch_member {
    struct proc *proc;
    struct watch_group *group; /* NULL: not watched now */
    struct list link;
    bool up;         /* the user wants it to run */
    bool restarting; /* for a change; not settled yet */
    int last_state;
};

/* Join the group of the member's configuration, which is made if there is none. Whether it worked;
 * if not, it was logged. */
bool watch_group_join(struct watch_member *m);
/* Leave; the last one ends the group. */
void watch_group_leave(struct watch_member *m);
/* The settings of the member's process are still those of its group. */
bool watch_group_fits(const struct watch_member *m);
/* A restart of this member has been carried out, or overtaken. */
void watch_group_settled(struct watch_member *m);
