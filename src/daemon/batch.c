/* SPDX-License-Identifier: MIT
 * Orders to several processes. Runs in pm2d. */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"

struct batch {
    batch_done_fn *done;
    void *ctx;
    enum order_kind kind;
    size_t count, finished, left;
    struct batch_item items[]; /* as they complete; by id at the end */
};

static int by_id(const void *a, const void *b)
{
    const struct batch_item *x = a;
    const struct batch_item *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void finish_if_through(struct batch *b)
{
    if (--b->left > 0)
        return;
    qsort(b->items, b->finished, sizeof(b->items[0]), by_id);
    b->done(b->ctx, b->items, b->finished);
    for (size_t i = 0; i < b->finished; i++) {
        free(b->items[i].name);
        free(b->items[i].error);
    }
    free(b);
}

static void on_order_done(void *ctx, struct proc *p, const char *error)
{
    static const char *const event_of[] = {[ORDER_START] = "start",
                                           [ORDER_STOP] = "stop",
                                           [ORDER_RESTART] = "restart",
                                           [ORDER_DELETE] = "delete"};
    struct batch *b = ctx;
    struct batch_item *it = &b->items[b->finished++];
    it->id = p->id;
    it->name = strdup(proc_name(p));
    it->error = error ? strdup(error) : NULL;
    if (!error)
        event_process(p, event_of[b->kind], true);
    finish_if_through(b);
}

int batch_order(struct proc *const *procs, size_t count, enum order_kind kind, batch_done_fn *done,
                void *ctx)
{
    struct batch *b = calloc(1, sizeof(*b) + count * sizeof(b->items[0]));
    if (!b)
        return -ENOMEM;
    b->done = done;
    b->ctx = ctx;
    b->kind = kind;
    b->count = count;
    b->left = count + 1; /* this function holds one, so that it is not freed under its feet */
    for (size_t i = 0; i < count; i++)
        proc_order(procs[i], kind, on_order_done, b);
    finish_if_through(b);
    return 0;
}
