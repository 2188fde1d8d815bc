/* SPDX-License-Identifier: MIT
 * More or fewer processes of an app that exists: `pm2 scale` and PM2's duplicateProcessId. Runs in
 * pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "batch.h"
#include "events.h"
#include "journal.h"
#include "methods.h"
#include "proc_json.h"
#include "json/read.h"

static void on_duplicated(void *ctx, struct proc *p, const char *error)
{
    struct call *c = ctx;
    if (error) {
        call_fail(c, error);
        return;
    }
    event_process(p, "start", true);
    method_reply_proc(c, p, PROC_JSON_ENV | PROC_JSON_LIVE);
}

void method_duplicate(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    int id;
    struct proc *like = method_proc(m, c, method_arg(args, 0), "%s id unknown");
    if (!like)
        return;
    if (table_add_more(m->table, like, 1, &id, &e) < 0) {
        call_fail(c, e.msg);
        return;
    }
    struct proc *p = table_find(m->table, id);
    journal_app(m->env->journal, p);
    proc_order(p, ORDER_START, on_duplicated, c);
}

/* ---- c.scale ---- */

struct scale {
    struct call *call;
    bool adds;
};

static void on_scaled(void *ctx, const struct batch_item *items, size_t count)
{
    struct scale *s = ctx;
    batch_reply(s->call, s->adds ? "added" : "removed", items, count);
    free(s);
}

/* "+2" adds two, "3" makes it three. The change, or 0 when there is nothing to do or sense. */
static long long change_of(const char *number, int have)
{
    long long n;
    bool relative = number && number[0] == '+';
    if (!number || !str_to_int(str_from(number + relative), &n) || n < 0 || n > LIMIT_INSTANCES)
        return 0;
    return relative ? n : n - have;
}

static int grow(struct methods *m, const struct proc *like, int n, struct proc **ret, struct err *e)
{
    int *ids = calloc((size_t)n, sizeof(*ids));
    if (!ids)
        return err_set(e, -ENOMEM, "out of memory");
    int rc = table_add_more(m->table, like, n, ids, e);
    for (int i = 0; i < rc; i++) {
        ret[i] = table_find(m->table, ids[i]);
        journal_app(m->env->journal, ret[i]);
    }
    free(ids);
    return rc < 0 ? rc : 0;
}

static int order(struct call *c, struct proc *const *procs, size_t n, bool adds, struct err *e)
{
    struct scale *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, -ENOMEM, "out of memory");
    *s = (struct scale){.call = c, .adds = adds};
    if (batch_order(procs, n, adds ? ORDER_START : ORDER_DELETE, on_scaled, s) == 0)
        return 0;
    free(s);
    return err_set(e, -ENOMEM, "out of memory");
}

static int scale_by(struct methods *m, struct call *c, const int *ids, long long change,
                    struct err *e)
{
    size_t n = (size_t)llabs(change);
    struct proc **procs = calloc(n, sizeof(struct proc *));
    if (!procs)
        return err_set(e, -ENOMEM, "out of memory");
    int rc = 0;
    if (change > 0)
        rc = grow(m, table_find(m->table, ids[0]), (int)n, procs, e);
    for (size_t i = 0; rc == 0 && change < 0 && i < n; i++)
        procs[i] = table_find(m->table, ids[i]); /* the oldest go first, as in PM2 */
    if (rc == 0)
        rc = order(c, procs, n, change > 0, e);
    free(procs);
    return rc;
}

/* {name, number}; the processes of all apps of this name count. */
void compact_scale(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    json_t *opts = method_arg(args, 0);
    const char *name = json_get_str(opts, "name");
    int *ids = calloc(m->table->count + 1, sizeof(*ids));
    int have = 0;
    for (size_t i = 0; ids && name && i < m->table->count; i++)
        if (strcmp(proc_name(m->table->items[i]), name) == 0)
            ids[have++] = m->table->items[i]->id;
    long long change = change_of(json_get_str(opts, "number"), have);
    if (!ids)
        call_fail(c, "out of memory");
    else if (m->shutting_down)
        call_fail(c, "the daemon is being ended");
    else if (have == 0)
        method_fail(c, "Application %s not found", name ? name : "");
    else if (change == 0)
        call_fail(c, "Nothing to do");
    else if (scale_by(m, c, ids, change, &e) < 0)
        call_fail(c, e.msg);
    free(ids);
}
