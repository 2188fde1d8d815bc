/* SPDX-License-Identifier: MIT
 * Which processes a word means. Pure; order of the result is the order of the candidates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct select_item {
    int id;
    const char *name, *ns, *script; /* borrowed */
    bool module;
};

enum select_flags {
    SELECT_MODULES = 1, /* `all` includes modules (kill) */
};

/* Targets: `all`; a number (decimal digits): first the processes named so, then a namespace, then
 * the id; else a name or absolute script path (a relative one is resolved against cwd), else a
 * namespace. The same in stop, restart, reload and delete. Several processes may match.
 * (`/regex/` comes with the targets issue and is refused with -ENOSYS.)
 * Fills `ret_ids` (room for `count`, at least 1); number of matches, or
 * -ESRCH with PM2's text: "Process or Namespace X not found", "No process found" (all, empty list);
 * an unknown id is returned as a match, because each method words that error itself. -ENOMEM. */
int select_targets(const struct select_item *items, size_t count, const char *target,
                   const char *cwd, int flags, int *ret_ids, struct err *e);
