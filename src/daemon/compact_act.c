/* SPDX-License-Identifier: MIT
 * c.act: an order for the processes that a target means. Runs in pm2d. docs/PROTOCOL.md describes
 * it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "conf_merge.h"
#include "cron_job.h"
#include "history.h"
#include "methods.h"
#include "orderly.h"
#include "reload.h"
#include "reload_group.h"
#include "watch.h"
#include "json/read.h"
#include "json/write.h"

struct act {
    struct call *call;
    const struct table *table;
    enum order_kind kind;
    struct buf ids; /* JSON array */
};

/* What was stopped and will be started by its schedule says so. */
static void write_schedule(struct jw *w, const struct act *a, int id)
{
    const struct proc *p = a->kind == ORDER_STOP ? table_find(a->table, id) : NULL;
    const char *pattern = p ? cron_job_pattern(p) : NULL;
    if (pattern)
        jw_kstr(w, "cron_restart", pattern);
}

static void write_notes(struct jw *w, const struct batch_item *items, size_t count)
{
    bool has_some = false;
    for (size_t i = 0; i < count; i++)
        has_some = has_some || items[i].note;
    if (!has_some)
        return;
    jw_key(w, "warnings");
    jw_arr_begin(w);
    for (size_t i = 0; i < count; i++)
        if (items[i].note)
            jw_str(w, items[i].note);
    jw_arr_end(w);
}

static void act_reply(struct act *a, const struct batch_item *items, size_t count,
                      const char *error)
{
    const struct batch_item *failed = NULL;
    struct buf *out = call_begin(a->call);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, "ids");
    jw_raw(&w, buf_str(&a->ids));
    jw_key(&w, "done");
    jw_arr_begin(&w);
    for (size_t i = 0; i < count; i++) {
        if (items[i].error) {
            failed = failed ? failed : &items[i];
            continue;
        }
        jw_obj_begin(&w);
        jw_kstr(&w, "name", items[i].name);
        jw_kint(&w, "id", items[i].id);
        write_schedule(&w, a, items[i].id);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    write_notes(&w, items, count);
    if (failed)
        jw_kint(&w, "failed", failed->id);
    if (error || failed)
        jw_kstr(&w, "error", error ? error : failed->error);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(a->call);
    buf_fini(&a->ids);
    free(a);
}

static void act_done(void *ctx, const struct batch_item *items, size_t count)
{
    act_reply(ctx, items, count, NULL);
}

enum action { ACTION_STOP, ACTION_RESTART, ACTION_RELOAD, ACTION_DELETE, ACTION_ROLLBACK };

static const struct {
    const char *name;
    enum order_kind kind;
    bool changes;           /* takes options, arguments and environment */
    const char *unknown_id; /* how PM2's method words it */
} act_table[] = {
    [ACTION_STOP] = {"stop", ORDER_STOP, false, "%d : id unknown"},
    [ACTION_RESTART] = {"restart", ORDER_RESTART, true, "God db process id unknown"},
    [ACTION_RELOAD] = {"reload", ORDER_RESTART, true, "PM2 ID unknown"},
    [ACTION_DELETE] = {"delete", ORDER_DELETE, false, "%d : id unknown"},
    [ACTION_ROLLBACK] = {"rollback", ORDER_RESTART, false, "%d : id unknown"},
};

static int find_action(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(act_table); i++)
        if (strcmp(act_table[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* A new conf for each where the request changes something: `ret` gets them, owned by the caller;
 * all NULL where it does not. All or nothing. */
static int new_confs(struct methods *m, const struct app_request *rq, struct proc *const *procs,
                     size_t count, json_t **ret, struct err *e)
{
    bool changes = json_object_size(rq->options) > 0 || json_array_size(rq->args) > 0 || rq->env;
    for (size_t i = 0; i < count && changes; i++) {
        ret[i] = conf_updated(procs[i], rq, &m->world, e);
        if (ret[i])
            continue;
        for (size_t k = 0; k < i; k++) {
            json_decref(ret[k]);
            ret[k] = NULL;
        }
        return e->code;
    }
    return 0;
}

static void write_ids(struct buf *out, const char *target, const int *ids, int count)
{
    long long number;
    struct jw w = jw_to(out);
    jw_arr_begin(&w);
    if (count == 1 && str_to_int(str_from(target), &number) && number == ids[0])
        jw_str(&w, target); /* PM2 shows the id of a numeric target as it was typed */
    else
        for (int i = 0; i < count; i++)
            jw_int(&w, ids[i]);
    jw_arr_end(&w);
}

static int restart_all(struct proc *const *procs, json_t **take_confs, size_t count, struct act *a)
{
    for (size_t i = 0; i < count; i++)
        if (take_confs[i])
            conf_set_proc(procs[i], take_confs[i]);
    return batch_order(procs, count, ORDER_RESTART, act_done, a);
}

/* All or none of them: one that has nothing parked is told before anything is done. */
static void roll_back(struct proc *const *procs, size_t count, struct act *a)
{
    struct err e = {0};
    struct batch_item *items = calloc(count + 1, sizeof(*items));
    for (size_t i = 0; items && i < count && !e.code; i++)
        (void)reload_can_roll_back(procs[i], &e);
    for (size_t i = 0; items && i < count && !e.code; i++) {
        (void)reload_rollback(procs[i], &e);
        items[i] = (struct batch_item){.id = procs[i]->id, .name = strdup(proc_name(procs[i]))};
    }
    if (items && !e.code)
        batch_finish(items, count, act_done, a);
    else
        act_reply(a, NULL, 0, items ? e.msg : "out of memory");
    free(items);
}

/* Takes the confs. */
static int give_order(struct methods *m, const struct reload_options *o, struct proc *const *procs,
                      json_t **take_confs, const int *ids, size_t count, enum action action,
                      struct act *a)
{
    switch (action) {
    case ACTION_RELOAD: return reload_group(m->table, ids, take_confs, count, o, act_done, a);
    case ACTION_RESTART:
        return o->parallel > 0 ? reload_group(m->table, ids, take_confs, count, o, act_done, a)
                               : restart_all(procs, take_confs, count, a);
    case ACTION_ROLLBACK: roll_back(procs, count, a); return 0;
    case ACTION_STOP:
    case ACTION_DELETE: break;
    }
    return orderly_end(m->table, ids, count, act_table[action].kind, act_done, a);
}

static void act_on_procs(struct methods *m, json_t *opts, struct proc *const *procs, const int *ids,
                         size_t count, enum action action, struct act *a)
{
    struct err e = {0};
    struct reload_options o = reload_options_read(opts);
    struct app_request rq = method_request(m, opts);
    AUTO_JSON watch = json_incref(json_object_get(rq.options, "watch"));
    json_t **confs = calloc(count + 1, sizeof(json_t *));
    o.restarts = action == ACTION_RESTART;
    (void)json_object_del(rq.options, "watch");
    (void)json_object_del(rq.options, "force"); /* of this reload, not of the app */
    if (!confs)
        err_set(&e, -ENOMEM, "out of memory");
    else if (act_table[action].changes)
        (void)new_confs(m, &rq, procs, count, confs, &e);
    for (size_t i = 0; i < count && watch && !e.code && act_table[action].changes; i++)
        watch_option(procs[i], watch);
    for (size_t i = 0; i < count && !e.code; i++)
        history_asked(procs[i], act_table[action].name);
    if (e.code)
        act_reply(a, NULL, 0, e.msg);
    else if (give_order(m, &o, procs, confs, ids, count, action, a) < 0)
        act_reply(a, NULL, 0, "out of memory");
    free(confs);
}

static void act_on(struct methods *m, struct call *c, json_t *opts, enum action action,
                   const int *ids, int count)
{
    struct err e = {0};
    struct act *a = calloc(1, sizeof(*a));
    struct proc **procs = calloc((size_t)count + 1, sizeof(struct proc *));
    if (!a || !procs) {
        free(a);
        free(procs);
        call_fail(c, "out of memory");
        return;
    }
    a->call = c;
    a->table = m->table;
    a->kind = act_table[action].kind;
    buf_init(&a->ids);
    write_ids(&a->ids, json_get_str(opts, "target"), ids, count);
    for (int i = 0; i < count && !e.code; i++) {
        procs[i] = table_find(m->table, ids[i]);
        if (!procs[i])
            err_set(&e, -ESRCH, act_table[action].unknown_id, ids[i]);
    }
    if (e.code)
        act_reply(a, NULL, 0, e.msg);
    else
        act_on_procs(m, opts, procs, ids, (size_t)count, action, a);
    free(procs);
}

void compact_act(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    json_t *opts = method_arg(args, 0);
    int action = find_action(json_get_str(opts, "action"));
    const char *target = json_get_str(opts, "target");
    if (action < 0 || !target) {
        call_fail(c,
                  "c.act: action (stop, restart, reload, delete, rollback) or target is missing");
        return;
    }
    if (m->shutting_down) {
        call_fail(c, "the daemon is being ended");
        return;
    }
    int *ids = NULL;
    int n = methods_select(m, target, json_get_str(opts, "cwd"), 0, &ids, &e);
    if (n < 0 || !ids) {
        call_fail(c, e.msg);
        return;
    }
    act_on(m, c, opts, (enum action)action, ids, n);
    free(ids);
}
