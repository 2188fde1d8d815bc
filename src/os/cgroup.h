/* SPDX-License-Identifier: MIT
 * One cgroup (v2) per app, where we may make them: what an app forks cannot leave its group, and
 * the kernel ends the whole group at once. Linux only; everywhere else cgroup_base() finds nothing.
 *
 * We use a cgroup tree only when it is ours: our own cgroup is delegated to us (systemd marks it
 * with an extended attribute, or it belongs to our uid), or it is the root of the hierarchy as we
 * see it (a container, a machine without systemd).
 *
 * Limits. A cgroup can be limited by a controller only when the one above has enabled it for its
 * children; and (but for the root) one that has done so may hold no processes itself. So whoever
 * wants limits has to leave the base first: cgroup_vacate(). As long as nobody wants any,
 * controllers are left alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The folder in which we may make cgroups, into `path`. 0, or -errno with `e` (-ENOENT: none). */
int cgroup_base(char *path, size_t size, struct err *e);

/* Whether a process is in our own cgroup or below it; true when nobody can tell. */
bool cgroup_holds(pid_t pid);

/* Make the cgroup (and its parent). 0, 1 = it was there, or -errno. */
int cgroup_make(const char *path);
/* Remove it; it must be empty. 0 or -errno. */
int cgroup_remove(const char *path);
/* Live processes in it, as an allocated array (free()). Count, or -errno. */
int cgroup_members(const char *path, pid_t **ret);
/* SIGKILL to everything in it, at once. 0, or -errno (-ENOENT: this kernel has no cgroup.kill). */
int cgroup_kill(const char *path);

/* Enable a controller ("memory") for the children of `path`, unless it is. 0, or negative with `e`:
 * -EBUSY = processes live in `path` itself. */
int cgroup_enable(const char *path, const char *controller, struct err *e);
/* Move these processes, ours, from `base` into a child of it, where cgroup_base() of their
 * children still finds the base. Nothing is moved when there are others. 0, or negative with `e`
 * (-EBUSY: others). */
int cgroup_vacate(const char *base, const pid_t *ours, size_t count, struct err *e);
/* Write a limit ("memory.max", "67108864"). 0 or -errno (-ENOENT: its controller is not enabled).
 */
int cgroup_set(const char *path, const char *file, const char *value);
/* A number by its key in a file of lines "key number" ("memory.events", "oom_kill"); 0 = unknown.
 */
uint64_t cgroup_count(const char *path, const char *file, const char *key);
