/* SPDX-License-Identifier: MIT
 * Lines out of chunks: the bus carries what apps wrote in whatever pieces they came. One open line
 * is kept for each stream, until its newline comes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct line_stream {
    int64_t id; /* of the process */
    int stream; /* the caller's number */
    struct buf open;
};

struct lines {
    struct line_stream *at;
    size_t count, room;
};

/* `line` has no newline and is borrowed for the call. */
typedef void lines_fn(void *ctx, const struct line_stream *from, struct str line);

void lines_init(struct lines *l);
void lines_fini(struct lines *l);
/* Take a chunk; complete lines go to `fn`. A line that passes LIMIT_CLI_LINE_BYTES comes in pieces.
 */
void lines_feed(struct lines *l, int64_t id, int stream, struct str chunk, lines_fn *fn, void *ctx);
/* Hand out the open lines. */
void lines_flush(struct lines *l, lines_fn *fn, void *ctx);
