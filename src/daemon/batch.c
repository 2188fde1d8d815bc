/* SPDX-License-Identifier: MIT
 * Orders to several processes. Runs in pm2d. */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "server.h"
#include "json/write.h"

struct batch {
    batch_done_fn *done;
    void *ctx;
    enum order_kind kind;
    size_t finished, left;
    struct batch_item items[]; /* as they complete; by id at the end */
};

static int by_id(const void *a, const void *b)
{
    const struct batch_item *x = a;
    const struct batch_item *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

void batch_finish(struct batch_item *items, size_t count, batch_done_fn *done, void *ctx)
{
    qsort(items, count, sizeof(items[0]), by_id);
    done(ctx, items, count);
    for (size_t i = 0; i < count; i++) {
        free(items[i].name);
        free(items[i].error);
        free(items[i].note);
    }
}

static void finish_if_through(struct batch *b)
{
    if (--b->left > 0)
        return;
    batch_finish(b->items, b->finished, b->done, b->ctx);
    free(b);
}

static void on_order_done(void *ctx, struct proc *p, const char *error)
{
    /* PM2's client reports each order to the bus when it is done. A deleted process is not known
     * any more by then, so that subscribers only ever see its `exit`. */
    static const char *const event_of[] = {[ORDER_START] = "start",
                                           [ORDER_STOP] = "stop",
                                           [ORDER_RESTART] = "restart",
                                           [ORDER_DELETE] = NULL};
    struct batch *b = ctx;
    struct batch_item *it = &b->items[b->finished++];
    it->id = p->id;
    it->name = strdup(proc_name(p));
    it->error = error ? strdup(error) : NULL;
    if (!error && event_of[b->kind])
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
    b->left = count + 1; /* this function holds one, so that it is not freed under its feet */
    for (size_t i = 0; i < count; i++)
        proc_order(procs[i], kind, on_order_done, b);
    finish_if_through(b);
    return 0;
}

void batch_reply(struct call *c, const char *key, const struct batch_item *items, size_t count)
{
    const char *error = NULL;
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, key);
    jw_arr_begin(&w);
    for (size_t i = 0; i < count; i++) {
        error = error ? error : items[i].error;
        if (items[i].error)
            continue;
        jw_obj_begin(&w);
        jw_kstr(&w, "name", items[i].name);
        jw_kint(&w, "id", items[i].id);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    if (error)
        jw_kstr(&w, "error", error);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(c);
}
