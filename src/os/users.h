/* SPDX-License-Identifier: MIT
 * Users and groups by name or number, through NSS. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct user_ids {
    uint32_t uid, gid;
    size_t group_count;
    uint32_t *groups; /* supplementary groups, initgroups(3) order; free() */
    char name[64];
    char home[256];
};

/* `user` and `group` are names or decimal numbers; group may be NULL (the user's own). A number
 * without a passwd entry is accepted: no supplementary groups, name = the number, home empty.
 * -ENOENT with "User X cannot be found" / "Group X cannot be found". */
int users_lookup(const char *user, const char *group, struct user_ids *ret, struct err *e);
void user_ids_fini(struct user_ids *u);
/* Name of a uid into `name` (decimal text when unknown). */
void users_name(uint32_t uid, char *name, size_t size);
