/* SPDX-License-Identifier: MIT
 * Who belongs to one app, also after double forks: a snapshot of all processes, and questions to
 * it. One snapshot serves many questions (stopping a hundred apps reads /proc once). Linux: /proc,
 * no fork, no ps. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "os/procfs.h"

enum { PROCTREE_MARKS = 3 };

struct proctree;

struct proctree_query {
    pid_t root; /* the process that was spawned (may be gone): its pid is its session id as well; 0
                   = none, only the marks count */
    pid_t reaper; /* the subreaper: only its descendants are looked at */
    /* The caller knows that `root` still is the process it means, wherever it hangs (an adopted one
     * is no descendant of the reaper). */
    bool root_lives;
    /* "KEY=value" texts that the initial environment of the app's processes holds, all of them:
     * this is how a daemon that detached itself is recognised. NULL = no more; none = no process.
     */
    const char *marks[PROCTREE_MARKS];
};

/* All processes now. NULL on OOM or without /proc. */
struct proctree *proctree_take(void);
void proctree_free(struct proctree *t);

/* The direct children of a process. Count, with an array in *ret (free()), or -ENOMEM. */
int proctree_children(const struct proctree *t, pid_t parent, struct proc_stat **ret);

/* The oldest live leader of a session, anywhere, whose environment has all marks. */
bool proctree_find_leader(struct proctree *t, const char *const marks[PROCTREE_MARKS],
                          struct proc_stat *ret);

/* The live (not zombie) processes of an app, deepest first, the root last: the root's descendants,
 * the members of its session, the orphans at the reaper whose environment has the marks, and the
 * descendants of all these. Count, with an array in *ret (free()), or -errno. */
int proctree_members(struct proctree *t, const struct proctree_query *q, struct proc_stat **ret);
