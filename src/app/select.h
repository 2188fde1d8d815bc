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
 * `/regex/`: all slashes are taken away, as in PM2, and the rest is a JavaScript regular expression
 * (without flags) that a name, also of a module, has to contain; -EINVAL with where and why when it
 * is none, -EOVERFLOW when it takes too long on a name (select_regex.c).
 * Fills `ret_ids` (room for `count`, at least 1); number of matches, or
 * -ESRCH with PM2's text: "Process or Namespace X not found", "No process found" (all and /regex/
 * without match); an unknown id is returned as a match, because each method words that error
 * itself. -ENOMEM. */
int select_targets(const struct select_item *items, size_t count, const char *target,
                   const char *cwd, int flags, int *ret_ids, struct err *e);
