/* SPDX-License-Identifier: MIT
 * Joining of chunks. Pure. */
#include "cli/lines.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cli/mem.h"

void lines_init(struct lines *l)
{
    *l = (struct lines){0};
}

void lines_fini(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        buf_fini(&l->at[i].open);
    free(l->at);
    lines_init(l);
}

static struct line_stream *find(struct lines *l, int64_t id, int stream)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].id == id && l->at[i].stream == stream)
            return &l->at[i];
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 16;
        l->at = mem_resize(l->at, l->room * sizeof(l->at[0]));
    }
    struct line_stream *s = &l->at[l->count++];
    *s = (struct line_stream){.id = id, .stream = stream};
    buf_init(&s->open);
    return s;
}

void lines_feed(struct lines *l, int64_t id, int stream, struct str chunk, lines_fn *fn, void *ctx)
{
    struct line_stream *s = find(l, id, stream);
    struct str line;
    while (str_cut_line(&chunk, &line)) {
        if (s->open.len > 0) {
            buf_add_str(&s->open, line);
            line = buf_str(&s->open);
        }
        fn(ctx, s, line);
        buf_clear(&s->open);
    }
    buf_add_str(&s->open, chunk);
    if (s->open.len >= LIMIT_CLI_LINE_BYTES) {
        fn(ctx, s, buf_str(&s->open));
        buf_clear(&s->open);
    }
    buf_trim(&s->open, 4096);
}

void lines_flush(struct lines *l, lines_fn *fn, void *ctx)
{
    for (size_t i = 0; i < l->count; i++) {
        struct line_stream *s = &l->at[i];
        if (s->open.len > 0)
            fn(ctx, s, buf_str(&s->open));
        buf_clear(&s->open);
    }
}
