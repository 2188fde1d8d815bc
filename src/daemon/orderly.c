/* SPDX-License-Identifier: MIT
 * Orders in order. Runs in pm2d. */
#include "orderly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

struct step {
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
    struct step steps[];
};

static void next_level(struct orderly *o);

bool orderly_depends(const struct proc *p, const struct proc *on)
{
    return json_has(json_object_get(p->conf, "depends_on"), proc_name(on));
}

/* One more than the highest of those that depend on it. False when nothing changed. */
static bool raise_level(struct orderly *o, struct step *e)
{
    unsigned before = e->level;
    const struct proc *on = table_find(o->table, e->id);
    for (size_t i = 0; i < o->count; i++) {
        const struct proc *p = table_find(o->table, o->steps[i].id);
        if (o->steps[i].level >= e->level && orderly_depends(p, on))
            e->level = o->steps[i].level + 1;
    }
    return e->level != before;
}

/* Confs that came in one by one can depend on each other in a circle: `count` rounds are enough for
 * everything else. */
static void set_levels(struct orderly *o)
{
    bool changed = false;
    for (size_t i = 0; i < o->count && !changed; i++)
        changed = json_has(table_find(o->table, o->steps[i].id)->conf, "depends_on");
    for (size_t round = 0; changed && round < o->count; round++) {
        changed = false;
        for (size_t i = 0; i < o->count; i++)
            changed = raise_level(o, &o->steps[i]) || changed;
    }
}

static void finish(struct orderly *o)
{
    batch_finish(o->items, o->item_count, o->done, o->ctx);
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
        struct proc *p = table_find(o->table, o->steps[i].id);
        if (p && o->steps[i].level == o->level)
            procs[n++] = p;
        more = more || o->steps[i].level >= o->level;
    }
    if (!more || batch_order(procs, n, o->kind, on_level_done, o) < 0)
        finish(o);
    free(procs);
}

static struct orderly *orderly_new(const struct table *t, const int *ids, size_t count,
                                   enum order_kind kind)
{
    struct orderly *o = calloc(1, sizeof(*o) + count * sizeof(o->steps[0]));
    struct batch_item *items = calloc(count + 1, sizeof(*items));
    if (!o || !items) {
        free(o);
        free(items);
        return NULL;
    }
    *o = (struct orderly){.table = t, .kind = kind, .items = items};
    for (size_t i = 0; i < count; i++)
        if (table_find(t, ids[i]))
            o->steps[o->count++].id = ids[i];
    return o;
}

int orderly_end(const struct table *t, const int *ids, size_t count, enum order_kind kind,
                batch_done_fn *done, void *ctx)
{
    struct orderly *o = orderly_new(t, ids, count, kind);
    if (!o)
        return -ENOMEM;
    set_levels(o);
    o->done = done;
    o->ctx = ctx;
    next_level(o);
    return 0;
}
