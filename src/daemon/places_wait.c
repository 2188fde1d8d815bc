/* SPDX-License-Identifier: MIT
 * After a start: whom the new processes meet where they listen. Runs in pm2d. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "os/clock.h"
#include "places_priv.h"
#include "primary_priv.h"
#include "table.h"

#define LOOK_MS 10

struct wait {
    const struct table *table;
    places_wait_fn *done;
    void *ctx;
    uv_timer_t timer;
    int64_t deadline_ms;
    size_t count;
    int ids[];
};

static bool is_to_listen(const struct proc *p)
{
    return p && p->env->primary && proc_is_cluster(p) && proc_pid(p) > 0;
}

static bool has_spoken(const struct proc *p)
{
    if (p->listen_error)
        return true;
    list_for_each (it, &p->env->primary->gates) {
        const struct claim *c = places_claim(LIST_ENTRY(it, struct gate, link), p);
        if (c && c->worker)
            return true;
    }
    return false;
}

/* Does another app listen anywhere, or is about to? */
static bool has_company(const struct table *t, const struct proc *p)
{
    for (size_t i = 0; i < t->count; i++)
        if (is_to_listen(t->items[i]) && !places_is_same_app(p, t->items[i]))
            return true;
    return false;
}

static void add_warnings(const struct proc *p, json_t *list)
{
    if (p->listen_error)
        json_array_append_new(list, json_sprintf("App %s cannot listen on %s", proc_name(p),
                                                 p->listen_error));
    list_for_each (it, &p->env->primary->gates) {
        const struct gate *g = LIST_ENTRY(it, struct gate, link);
        const struct proc *other = places_claim(g, p) ? places_stranger(g, p, false) : NULL;
        if (!other)
            continue;
        AUTO(buf) place = BUF_INIT;
        places_name(g, &place);
        json_array_append_new(list,
                              json_sprintf("App %s listens on %s, and so does app %s: each of them "
                                           "gets a part of the connections. share_port: false "
                                           "refuses that",
                                           proc_name(p), place.data, proc_name(other)));
    }
}

static bool has_text(const json_t *list, const json_t *text)
{
    size_t i;
    json_t *one;
    json_array_foreach ((json_t *)list, i, one)
        if (json_equal(one, text))
            return true;
    return false;
}

/* The processes of one app say the same. */
static json_t *without_doubles(const json_t *all)
{
    size_t i;
    json_t *text, *list = json_array();
    json_array_foreach ((json_t *)all, i, text)
        if (!has_text(list, text))
            json_array_append(list, text);
    return list;
}

static void tell(const struct table *t, const int *ids, size_t count, places_wait_fn *done,
                 void *ctx)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct proc *p = table_find(t, ids[i]);
        if (is_to_listen(p) || (p && p->env->primary && p->listen_error))
            add_warnings(p, all);
    }
    json_t *list = without_doubles(all);
    done(ctx, list);
    json_decref(list);
    json_decref(all);
}

static bool is_over(const struct wait *w)
{
    if (clock_mono_ms() >= w->deadline_ms)
        return true;
    for (size_t i = 0; i < w->count; i++) {
        const struct proc *p = table_find(w->table, w->ids[i]);
        if (is_to_listen(p) && !has_spoken(p))
            return false;
    }
    return true;
}

static void on_wait_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_look(uv_timer_t *t)
{
    struct wait *w = t->data;
    if (!is_over(w))
        return;
    tell(w->table, w->ids, w->count, w->done, w->ctx);
    uv_close((uv_handle_t *)t, on_wait_closed);
}

void places_wait(const struct table *t, const int *ids, size_t count, places_wait_fn *done,
                 void *ctx)
{
    struct wait *w = NULL;
    const struct proc *met = NULL;
    for (size_t i = 0; i < count && !met; i++) {
        const struct proc *p = table_find(t, ids[i]);
        if (is_to_listen(p) && has_company(t, p))
            met = p;
    }
    if (met)
        w = calloc(1, sizeof(*w) + count * sizeof(w->ids[0]));
    if (!w) {
        tell(t, ids, count, done, ctx);
        return;
    }
    w->table = t;
    w->done = done;
    w->ctx = ctx;
    w->count = count;
    memcpy(w->ids, ids, count * sizeof(ids[0]));
    w->deadline_ms = clock_mono_ms() + PLACES_WAIT_MS;
    uv_timer_init(met->env->loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_look, 0, LOOK_MS);
}
