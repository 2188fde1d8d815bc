/* SPDX-License-Identifier: MIT
 * Reloads side by side. Runs in pm2d. */
#include "reload_group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "conf_merge.h"
#include "events.h"
#include "reload.h"
#include "json/read.h"

struct group;

struct member {
    struct group *group;
    int id; /* not the process: another client may delete it meanwhile */
    json_t *conf;
    const char *why; /* it is restarted */
    enum { MEMBER_WAITS, MEMBER_STARTS, MEMBER_LEAVES, MEMBER_DONE } state;
};

struct group {
    const struct table *table;
    struct reload_options options;
    batch_done_fn *done;
    void *ctx;
    unsigned starting;
    bool advancing;
    char *failed_name, *failed_ns; /* an app of which one has failed; the last such */
    size_t count, item_count;
    struct batch_item *items;
    struct member members[];
};

static void advance(struct group *g);

static void group_free(struct group *g)
{
    free(g->failed_name);
    free(g->failed_ns);
    free(g->items);
    free(g);
}

static void add_item(struct member *m, const char *name, const char *error, const char *note)
{
    struct group *g = m->group;
    m->state = MEMBER_DONE;
    json_decref(m->conf); /* of one that was not begun */
    m->conf = NULL;
    g->items[g->item_count++] = (struct batch_item){
        .id = m->id,
        .name = name ? strdup(name) : NULL,
        .error = error ? strdup(error) : NULL,
        .note = note ? strdup(note) : NULL,
    };
}

static void note_failure(struct group *g, const struct proc *p)
{
    free(g->failed_name);
    free(g->failed_ns);
    g->failed_name = strdup(proc_name(p));
    g->failed_ns = strdup(proc_namespace(p));
}

static void on_member_proven(void *ctx, struct proc *p, bool has_proven)
{
    struct member *m = ctx;
    if (m->state != MEMBER_STARTS)
        return;
    if (!has_proven)
        note_failure(m->group, p);
    m->state = MEMBER_LEAVES;
    m->group->starting--;
    advance(m->group);
}

static void on_member_reloaded(void *ctx, struct proc *p, const char *error)
{
    struct member *m = ctx;
    if (m->state == MEMBER_STARTS)
        m->group->starting--;
    if (!error)
        event_process(p, "reload", true); /* PM2's client reports it when it is done */
    add_item(m, proc_name(p), error, NULL);
    advance(m->group);
}

static void on_member_restarted(void *ctx, struct proc *p, const char *error)
{
    struct member *m = ctx;
    struct group *g = m->group;
    char note[256];
    if (m->state == MEMBER_STARTS)
        g->starting--;
    snprintf(note, sizeof(note), "%s was restarted, not reloaded: %s", proc_name(p),
             m->why ? m->why : "");
    if (!error)
        event_process(p, g->options.restarts ? "restart" : "reload", true);
    add_item(m, proc_name(p), error, error || g->options.restarts ? NULL : note);
    advance(g);
}

static void restart(struct member *m, struct proc *p)
{
    struct group *g = m->group;
    if (m->conf)
        conf_set_proc(p, m->conf);
    m->conf = NULL;
    m->state = g->options.restarts ? MEMBER_STARTS : MEMBER_LEAVES;
    g->starting += g->options.restarts;
    proc_order(p, ORDER_RESTART, on_member_restarted, m);
}

static void reload(struct member *m, struct proc *p)
{
    struct group *g = m->group;
    const struct reload_request rq = {.take_conf = m->conf,
                                      .force = g->options.force,
                                      .soft = g->options.soft};
    const struct reload_handler h = {m, on_member_reloaded, on_member_proven};
    m->conf = NULL;
    m->state = MEMBER_STARTS;
    g->starting++;
    reload_begin(p, &rq, &h);
}

static bool has_failed(const struct group *g, const struct proc *p)
{
    return g->failed_name && g->failed_ns && strcmp(g->failed_name, proc_name(p)) == 0 &&
           strcmp(g->failed_ns, proc_namespace(p)) == 0;
}

static void begin(struct member *m)
{
    struct proc *p = table_find(m->group->table, m->id);
    if (!p)
        add_item(m, NULL, "the process has been deleted", NULL);
    else if (has_failed(m->group, p))
        add_item(m, proc_name(p), "left as it is: another process of the app could not be reloaded",
                 NULL);
    else if (!m->group->options.restarts && reload_can(p, &m->why))
        reload(m, p);
    else
        restart(m, p);
}

static bool begin_next(struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i].state != MEMBER_WAITS)
            continue;
        begin(&g->members[i]);
        return true;
    }
    return false;
}

/* May be called from inside itself: what a member begins may end before it returns. */
static void advance(struct group *g)
{
    if (g->advancing)
        return;
    g->advancing = true;
    while (g->starting < g->options.parallel && begin_next(g))
        ;
    g->advancing = false;
    if (g->item_count < g->count)
        return;
    batch_finish(g->items, g->item_count, g->done, g->ctx);
    group_free(g);
}

struct reload_options reload_options_read(const json_t *request)
{
    int64_t parallel = 0;
    const json_t *attributes = json_object_get(request, "options");
    (void)json_get_int(request, "parallel", &parallel);
    return (struct reload_options){
        .force =
            json_get_bool(request, "force", false) || json_get_bool(attributes, "force", false),
        .soft = json_get_bool(request, "soft", false),
        .parallel = parallel > 0 && parallel <= LIMIT_INSTANCES ? (unsigned)parallel : 0,
    };
}

int reload_group(const struct table *t, const int *ids, json_t **take_confs, size_t count,
                 const struct reload_options *o, batch_done_fn *done, void *ctx)
{
    struct group *g = calloc(1, sizeof(*g) + count * sizeof(g->members[0]));
    struct batch_item *items = calloc(count + 1, sizeof(*items));
    if (!g || !items) {
        for (size_t i = 0; i < count; i++)
            json_decref(take_confs[i]);
        free(g);
        free(items);
        return -ENOMEM;
    }
    *g = (struct group){
        .table = t, .options = *o, .done = done, .ctx = ctx, .items = items, .advancing = true};
    if (g->options.parallel == 0)
        g->options.parallel = RELOAD_PARALLEL;
    for (size_t i = 0; i < count; i++) {
        if (table_find(t, ids[i]))
            g->members[g->count++] =
                (struct member){.group = g, .id = ids[i], .conf = take_confs[i]};
        else
            json_decref(take_confs[i]);
    }
    g->advancing = false;
    advance(g);
    return 0;
}
