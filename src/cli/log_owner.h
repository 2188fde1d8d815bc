/* SPDX-License-Identifier: MIT
 * Whose line is it? A file that several processes write (merge_logs, one path for output and error)
 * has the lines, each once and in order, but not who wrote them; the bus says who wrote what, but
 * may miss something while the daemon is replaced. Here the two are brought together: lines are
 * taken from the file, and named after the bus. A line of which the bus does not speak in time is
 * shown without its owner. Pure: the time comes in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "cli/log_files.h"

struct owned_line;

struct log_owner {
    struct owned_line *said, *written, *given; /* given without an owner */
    size_t said_count, said_room, written_count, written_room, given_count, given_room;
    size_t bytes; /* of all texts */
};

void log_owner_init(struct log_owner *o);
void log_owner_fini(struct log_owner *o);

/* The bus: this process wrote this line. */
void log_owner_said(struct log_owner *o, int64_t id, enum log_kind kind, struct str line,
                    int64_t now_ms);
/* The file has this line. */
void log_owner_written(struct log_owner *o, struct str line, int64_t now_ms);

/* `id` < 0: nobody said whose it is. */
typedef void log_owner_fn(void *ctx, int64_t id, enum log_kind kind, struct str line);

/* Give the lines of the file, in order, as far as their owners are known or have been waited for;
 * with `hurry` all of them. Milliseconds until the next one is due, -1 when none waits. */
int log_owner_give(struct log_owner *o, int64_t now_ms, bool hurry, log_owner_fn *fn, void *ctx);
