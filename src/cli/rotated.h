/* SPDX-License-Identifier: MIT
 * The rotated files of a log: pm2d (and the module pm2-logrotate) renames DIR/app-out.log to
 * DIR/app-out__2026-11-27_00-00-00.log, perhaps compressed to .log.gz or .log.zst. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define ROTATED_FORMS 3 /* plain, .gz, .zst */

struct rotated_file {
    char *path;  /* owned */
    size_t stem; /* of its name's first bytes that compressing does not change */
    bool has_index;
    int64_t begin_ms; /* when it was begun, as its time index says; without one: last written */
    dev_t dev;
    ino_t ino;
};

struct rotated {
    struct rotated_file *at;
    size_t count, room;
};

/* Those of the log at `path`, oldest first: by their indexes when all have one, else by their
 * names. None is no error. */
void rotated_list(struct rotated *r, const char *path);
void rotated_fini(struct rotated *r);
static inline void rotated_auto(struct rotated *r)
{
    rotated_fini(r);
}
/* Add the file behind `fd`, by the name that it has or had, unless the list has it: a rotated file
 * of the log at `path` which by now may be compressed, that is, another one. */
void rotated_remember(struct rotated *r, const char *path, int fd);
/* Whether the list has this file, also when one of the two is compressed by now. */
bool rotated_has(const struct rotated *r, const struct rotated_file *f);
/* What `before` has and the list has not, but is there: a folder that is read while names change in
 * it does not tell of all. */
void rotated_keep(struct rotated *r, const struct rotated *before);
/* Append its path in the form with that number; 0 is plain. To be tried in their order: the packed
 * file is there before the plain one goes. */
void rotated_path(struct buf *out, const struct rotated_file *f, size_t form);
