/* SPDX-License-Identifier: MIT
 * One cgroup (v2) per app, where we may make them: what an app forks cannot leave its group, and
 * the kernel ends the whole group at once. Linux only; everywhere else cgroup_base() finds nothing.
 *
 * We use a cgroup tree only when it is ours: our own cgroup is delegated to us (systemd marks it
 * with an extended attribute, or it belongs to our uid), or it is the root of the hierarchy as we
 * see it (a container, a machine without systemd). Controllers are left alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The folder in which we may make cgroups, into `path`. 0, or -errno (-ENOENT: none). */
int cgroup_base(char *path, size_t size);

/* Make the cgroup (and its parent); -EEXIST is success. 0 or -errno. */
int cgroup_make(const char *path);
/* Remove it; it must be empty. 0 or -errno. */
int cgroup_remove(const char *path);
/* Live processes in it, as an allocated array (free()). Count, or -errno. */
int cgroup_members(const char *path, pid_t **ret);
/* SIGKILL to everything in it, at once. 0, or -errno (-ENOENT: this kernel has no cgroup.kill). */
int cgroup_kill(const char *path);
