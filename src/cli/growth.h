/* SPDX-License-Identifier: MIT
 * A log file that is being written: its lines from some point on, each exactly once, whatever
 * happens to the file in between. It may not be there yet; be renamed and begun anew (also many
 * times between two looks: the files in between are found and read, rotated.h); be truncated; its
 * writer may write on under the old name for a while after a rename, as with logrotate(8) until
 * reloadLogs. Line ends that come later are waited for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/rotated.h"

struct log_input;

struct growth {
    char *path; /* owned */
    int fd;     /* of what is being read; -1 = not there yet */
    dev_t dev;
    ino_t ino;
    off_t at;             /* all before it has been read */
    struct buf open;      /* a line whose end is to come */
    struct rotated known; /* rotated files that need no reading any more, or are in `between` */
    /* internal: rotated files that come before the one at `path` */
    struct rotated between;
    size_t between_next;
    struct log_input *packed;
    bool is_listed;    /* `known` has the file in hand, or there is none */
    bool is_last_look; /* at a file that has a successor */
};

/* `line` has no newline and is borrowed for the call. */
typedef void growth_fn(void *ctx, struct str line);

/* To be followed from its begin once it is there. */
void growth_init(struct growth *g, const char *path);
void growth_fini(struct growth *g);
/* Open it now and follow it from where it ends now. False when it is not there, or no regular file;
 * then it is followed from its begin once it is. */
bool growth_open(struct growth *g);
/* Rotated files that are not old belong to what is followed: when there are any, begin with them.
 */
void growth_begin_with(struct growth *g, bool (*is_old)(void *ctx, const struct rotated_file *f),
                       void *ctx);
/* Give some of the lines that are there, at most a mebibyte. True when there may be more. */
bool growth_step(struct growth *g, growth_fn *fn, void *ctx);
/* Give the line that is still open. */
void growth_flush(struct growth *g, growth_fn *fn, void *ctx);
