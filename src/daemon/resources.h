/* SPDX-License-Identifier: MIT
 * Resources of an app: nice, rlimits, and its cgroup with limits. Runs in pm2d.
 *
 * nice and rlimits travel with the request; the child sets them on itself while it still has the
 * keeper's rights. The limits of a cgroup are written here, before the child is born in it; to
 * enable controllers for that, pm2d and the keeper may have to leave the cgroup in which they were
 * started (os/cgroup.h). What an app asks for and cannot have is a failure to start, with the
 * reason, never a mere warning. */
#pragma once

#include <stdbool.h>

#include "proc.h"

/* Set env->cgroup_base: "" when we may make no cgroups. Apps of one home live side by side in one
 * folder, named after it: a new pm2d finds them. */
void resources_find_cgroups(struct proc_env *env);

/* nice and rlimits into a request; `rlimits` has LIMIT_LINK_RLIMITS items and is borrowed by it.
 * 0, or negative with `e`. */
int resources_ask(const struct proc *p, struct link_spawn *s, struct link_rlimit *rlimits,
                  struct err *e);

/* The cgroup for a new run into a request, with its limits; `path` is borrowed by it. 0, also when
 * there is none and none is needed; or negative with `e`. */
int resources_cgroup(struct proc *p, struct link_spawn *s, char *path, size_t size, struct err *e);

/* A spawn failed. True when it was for the resources: p->reason is set. */
bool resources_explain(struct proc *p, int code, enum link_stage stage);

/* A run has ended: log it if the kernel killed for lack of memory. */
bool resources_ended(struct proc *p);
