/* SPDX-License-Identifier: MIT
 * Ends in order. Runs in pm2d. */
#include "orderly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

struct ending {
    int id;         /* not the process: another client may delete it meanwhile */
    unsigned level; /* 0 goes first */
};

struct orderly {
    const struct table *table;
    batch_done_fn *done;
    void *ctx;
    enum order_kind kind;
    unsigned level;
    size_t count, item_count;
    struct batch_item *items; /* owned, with their texts */
    struct ending endings[];
};

static void next_level(struct orderly *o);

bool orderly_depends(const struct proc *p, const struct proc *on)
{
    return json_has(json_object_get(p->conf, "depends_on"), proc_name(on));
}

/* One more than the highest of those that depend on it. False when nothing changed. */
static bool raise_level(struct orderly *o, struct ending *e)
{
    unsigned before = e->level;
    const struct proc *on = table_find(o->table, e->id);
    for (size_t i = 0; i < o->count; i++) {
        const struct proc *p = table_find(o->table, o->endings[i].id);
        if (o->endings[i].level >= e->level && orderly_depends(p, on))
            e->level = o->endings[i].level + 1;
    }
    return e->level != before;
}

/* Confs that came in one by one can depend on each other in a circle: `count` rounds are enough for
 * everything else. */
static void set_levels(struct orderly *o)
{
    bool changed = false;
    for (size_t i = 0; i < o->count && !changed; i++)
        changed = json_has(table_find(o->table, o->endings[i].id)->conf, "depends_on");
    for (size_t round = 0; changed && round < o->count; round++) {
        changed = false;
        for (size_t i = 0; i < o->count; i++)
            changed = raise_level(o, &o->endings[i]) || changed;
    }
}

static int by_id(const void *a, const void *b)
{
    const struct batch_item *x = a;
    const struct batch_item *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void finish(struct orderly *o)
{
    qsort(o->items, o->item_count, sizeof(o->items[0]), by_id);
    o->done(o->ctx, o->items, o->item_count);
    for (size_t i = 0; i < o->item_count; i++) {
        free(o->items[i].name);
        free(o->items[i].error);
    }
    free(o->items);
    free(o);
}

static void on_level_done(void *ctx, const struct batch_item *items, size_t count)
{
    struct orderly *o = ctx;
    for (size_t i = 0; i < count; i++)
        o->items[o->item_count++] = (struct batch_item){
            .id = items[i].id,
            .name = items[i].name ? strdup(items[i].name) : NULL,
            .error = items[i].error ? strdup(items[i].error) : NULL,
        };
    o->level++;
    next_level(o);
}

static void next_level(struct orderly *o)
{
    struct proc **procs = calloc(o->count + 1, sizeof(struct proc *));
    size_t n = 0;
    bool more = false;
    for (size_t i = 0; procs && i < o->count; i++) {
        struct proc *p = table_find(o->table, o->endings[i].id);
        if (p && o->endings[i].level == o->level)
            procs[n++] = p;
        more = more || o->endings[i].level >= o->level;
    }
    if (!more || batch_order(procs, n, o->kind, on_level_done, o) < 0)
        finish(o);
    free(procs);
}

int orderly_end(const struct table *t, const int *ids, size_t count, enum order_kind kind,
                batch_done_fn *done, void *ctx)
{
    struct orderly *o = calloc(1, sizeof(*o) + count * sizeof(o->endings[0]));
    struct batch_item *items = calloc(count + 1, sizeof(*items));
    if (!o || !items) {
        free(o);
        free(items);
        return -ENOMEM;
    }
    *o = (struct orderly){.table = t, .done = done, .ctx = ctx, .kind = kind, .items = items};
    for (size_t i = 0; i < count; i++)
        if (table_find(t, ids[i]))
            o->endings[o->count++].id = ids[i];
    set_levels(o);
    next_level(o);
    return 0;
}
