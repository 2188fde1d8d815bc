/* SPDX-License-Identifier: MIT
 * The saved list on the disk: dump.pm2, dump.pm2.bak, dump.pm2.sum (app/dump.h). Everything here
 * waits for the disk and is called in libuv's pool; nothing here knows the loop. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* Borrowed; absolute. */
struct dump_paths {
    const char *file, *backup;
};

/* Put `list` (compact JSON) into the place of the saved list, which becomes the backup; one that is
 * damaged becomes dump.pm2.damaged instead, and the backup stays. Whenever this ends, be it by
 * SIGKILL or with the power: what can be read is the old list or the new one. 0 or -errno with `e`.
 */
int dump_file_write(const struct dump_paths *paths, struct str list, struct err *e);

struct dump_found {
    json_t *entries; /* owned; NULL = there is nothing to start from */
    bool from_backup;
    bool exists;             /* a file was there, readable or not */
    struct err file, backup; /* why they are not used; code 0: used, or not looked at */
};

/* Read the list, or its backup when that cannot be. */
void dump_file_read(const struct dump_paths *paths, struct dump_found *ret);
