/* SPDX-License-Identifier: MIT
 * Two queues. The bus and the file tell of the same chunks in about the same order, so that the
 * wanted entry is near the head of the queue. */
#include "cli/log_owner.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/mem.h"

#define WAIT_MS 250  /* the bus may be that far behind the file */
#define KEEP_MS 3000 /* and the file that far behind the bus */

struct owned_line {
    char *text;
    size_t n;
    int64_t id;
    enum log_kind kind;
    int64_t at_ms;
};

void log_owner_init(struct log_owner *o)
{
    *o = (struct log_owner){0};
}

static void drop(struct log_owner *o, struct owned_line *list, size_t *count, size_t first,
                 size_t n)
{
    if (n == 0)
        return;
    for (size_t i = first; i < first + n; i++) {
        o->bytes -= list[i].n;
        free(list[i].text);
    }
    memmove(list + first, list + first + n, (*count - first - n) * sizeof(*list));
    *count -= n;
}

void log_owner_fini(struct log_owner *o)
{
    drop(o, o->said, &o->said_count, 0, o->said_count);
    drop(o, o->written, &o->written_count, 0, o->written_count);
    drop(o, o->given, &o->given_count, 0, o->given_count);
    free(o->given);
    free(o->said);
    free(o->written);
    log_owner_init(o);
}

static struct owned_line *add(struct log_owner *o, struct owned_line **list, size_t *count,
                              size_t *room, struct str line, int64_t now_ms)
{
    if (*count == *room) {
        *room = *room ? 2 * *room : 64;
        *list = mem_resize(*list, *room * sizeof(**list));
    }
    struct owned_line *l = &(*list)[(*count)++];
    *l = (struct owned_line){.text = mem_dup(line.p, line.n), .n = line.n, .at_ms = now_ms};
    o->bytes += line.n;
    return l;
}

static void forget_old(struct log_owner *o, struct owned_line *list, size_t *count, int64_t now_ms)
{
    size_t old = 0;
    while (old < *count &&
           (list[old].at_ms + KEEP_MS < now_ms || (old == 0 && o->bytes > LIMIT_CLI_OWNER_BYTES)))
        old++;
    drop(o, list, count, 0, old);
}

static struct owned_line *find(struct owned_line *list, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq((struct str){list[i].text, list[i].n}, text))
            return &list[i];
    return NULL;
}

void log_owner_said(struct log_owner *o, int64_t id, enum log_kind kind, struct str line,
                    int64_t now_ms)
{
    forget_old(o, o->said, &o->said_count, now_ms);
    forget_old(o, o->given, &o->given_count, now_ms);
    const struct owned_line *late = find(o->given, o->given_count, line);
    if (late) {
        drop(o, o->given, &o->given_count, (size_t)(late - o->given), 1);
        return;
    }
    struct owned_line *l = add(o, &o->said, &o->said_count, &o->said_room, line, now_ms);
    l->id = id;
    l->kind = kind;
}

void log_owner_written(struct log_owner *o, struct str line, int64_t now_ms)
{
    (void)add(o, &o->written, &o->written_count, &o->written_room, line, now_ms);
}

/* Text on the bus has U+FFFD where the file has bytes that are no UTF-8: such lines stay without
 * owner. */
int log_owner_give(struct log_owner *o, int64_t now_ms, bool hurry, log_owner_fn *fn, void *ctx)
{
    size_t given = 0;
    int wait_ms = -1;
    for (; given < o->written_count; given++) {
        const struct owned_line *line = &o->written[given];
        struct str text = {line->text, line->n};
        const struct owned_line *owner = find(o->said, o->said_count, text);
        int64_t left = line->at_ms + WAIT_MS - now_ms;
        if (!owner && !hurry && left > 0 && o->bytes <= LIMIT_CLI_OWNER_BYTES) {
            wait_ms = (int)left;
            break;
        }
        fn(ctx, owner ? owner->id : -1, owner ? owner->kind : LOG_OUT, text);
        if (owner)
            drop(o, o->said, &o->said_count, (size_t)(owner - o->said), 1);
        else
            (void)add(o, &o->given, &o->given_count, &o->given_room, text, now_ms);
    }
    drop(o, o->written, &o->written_count, 0, given);
    forget_old(o, o->given, &o->given_count, now_ms);
    return wait_ms;
}
