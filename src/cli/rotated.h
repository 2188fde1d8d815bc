/* SPDX-License-Identifier: MIT
 * The rotated files of a log: pm2d (and the module pm2-logrotate) renames DIR/app-out.log to
 * DIR/app-out__2026-11-27_00-00-00.log, perhaps compressed to .log.gz or .log.zst. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rotated_file {
    char *path;       /* owned */
    size_t stem;      /* of its name's first bytes that compressing does not change */
    int64_t begin_ms; /* when it was begun, as its time index says; without one: last written */
    dev_t dev;
    ino_t ino;
};

struct rotated {
    struct rotated_file *at;
    size_t count, room;
};

/* Those of the log at `path`, oldest first. None is no error. */
void rotated_list(struct rotated *r, const char *path);
void rotated_fini(struct rotated *r);
static inline void rotated_auto(struct rotated *r)
{
    rotated_fini(r);
}
/* Whether the list has this file, also when one of the two is compressed by now. */
bool rotated_has(const struct rotated *r, const struct rotated_file *f);
/* Whether it is compressed. */
bool rotated_is_packed(const struct rotated_file *f);
