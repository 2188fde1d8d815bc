/* SPDX-License-Identifier: MIT
 * What the pure floor may ask about the machine. The daemon wires it to os/, tests to a table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum file_kind { FILE_NONE, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };

struct app_world {
    void *ctx;
    /* Follows links. FILE_NONE also when a path component is missing; *ret_code gets -errno then
     * (-ENOENT, -EACCES, -ENAMETOOLONG ...), else 0. */
    enum file_kind (*kind)(void *ctx, const char *path, int *ret_code);
    bool (*is_executable)(void *ctx, const char *path); /* regular file with x for us */
    bool (*is_readable)(void *ctx, const char *path);
    /* First bytes of a file: count, or -errno. */
    long (*read_head)(void *ctx, const char *path, void *buf, size_t n);
    /* Ids of a user and group (either may be NULL): 0, or -ENOENT with PM2's text. */
    int (*find_user)(void *ctx, const char *user, const char *group, long long *ret_uid,
                     long long *ret_gid, char *home, size_t home_size, struct err *e);
    bool is_root;
    const char *username; /* of the caller's uid */
    int cpu_count;
};
