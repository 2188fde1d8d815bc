/* SPDX-License-Identifier: MIT
 * PM2's methods that change what runs. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "batch.h"
#include "conf_merge.h"
#include "journal.h"
#include "methods.h"
#include "os/clock.h"
#include "proc_json.h"
#include "reload.h"
#include "json/read.h"
#include "json/write.h"

/* After notifyKillPM2 nothing restarts by itself. PM2 keeps that for ever, so an aborted `pm2 kill`
 * or `update` silently disables supervision; here it ends by itself. */
#define HOLD_MS 30000

/* ---- prepare ---- */

struct prepare {
    struct methods *m;
    struct call *call;
    int *ids;
    size_t count;
};

static void prepare_reply(struct prepare *job)
{
    struct buf *out = call_begin(job->call);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_arr_begin(&w);
    for (size_t i = 0; i < job->count; i++) {
        const struct proc *p = table_find(job->m->table, job->ids[i]);
        if (p)
            proc_json_write(&w, p, PROC_JSON_ENV | PROC_JSON_LIVE);
    }
    jw_arr_end(&w);
    buf_add_c(out, "]}");
    call_end(job->call);
    free(job->ids);
    free(job);
}

static void prepare_done(void *ctx, const struct batch_item *items, size_t count)
{
    struct prepare *job = ctx;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].error)
            continue;
        call_fail(job->call, items[i].error);
        free(job->ids);
        free(job);
        return;
    }
    prepare_reply(job);
}

/* What PM2's resurrect sends for an app that was saved stopped. */
static bool saved_as_stopped(const json_t *conf)
{
    const char *status = json_get_str(conf, "status");
    return !json_has(conf, "instances") && status && strcmp(status, "stopped") == 0;
}

static int start_ids(struct prepare *job)
{
    struct proc **procs = calloc(job->count ? job->count : 1, sizeof(struct proc *));
    if (!procs)
        return -ENOMEM;
    for (size_t i = 0; i < job->count; i++)
        procs[i] = table_find(job->m->table, job->ids[i]);
    int rc = batch_order(procs, job->count, ORDER_START, prepare_done, job);
    free(procs);
    return rc;
}

void method_prepare(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    const json_t *given = method_arg(args, 0);
    if (m->shutting_down) {
        call_fail(c, "the daemon is being ended");
        return;
    }
    if (!json_is_object(given)) {
        method_fail(c, "prepare: expected an object, not %s", json_type_name(given));
        return;
    }
    json_t *conf = json_deep_copy(given);
    bool start = !saved_as_stopped(conf);
    if (!conf || app_conf_check(conf, &m->world, &e) < 0) {
        json_decref(conf);
        call_fail(c, conf ? e.msg : "out of memory");
        return;
    }
    start = start && json_get_bool(conf, "autostart", true);
    struct prepare *job = calloc(1, sizeof(*job));
    int *ids = calloc(LIMIT_INSTANCES, sizeof(int));
    int n = job && ids ? table_add_app(m->table, conf, m->world.cpu_count, ids, &e) : -ENOMEM;
    if (n < 0) {
        free(job);
        free(ids);
        call_fail(c, e.msg[0] ? e.msg : "out of memory");
        return;
    }
    *job = (struct prepare){m, c, ids, (size_t)n};
    for (int i = 0; i < n; i++)
        journal_app(m->env->journal, table_find(m->table, ids[i]));
    if (!start || start_ids(job) < 0)
        prepare_reply(job);
}

/* ---- by id ---- */

static void reply_live(void *ctx, struct proc *p, const char *error)
{
    if (error)
        call_fail(ctx, error);
    else
        method_reply_proc(ctx, p, PROC_JSON_ENV | PROC_JSON_LIVE);
}

static void reply_plain(void *ctx, struct proc *p, const char *error)
{
    if (error)
        call_fail(ctx, error);
    else
        method_reply_proc(ctx, p, PROC_JSON_ENV);
}

void method_start_id(struct methods *m, struct call *c, json_t *args)
{
    struct proc *p = method_proc(m, c, method_arg(args, 0), "%s id unknown");
    if (!p)
        return;
    if (p->sm.state == PROC_ONLINE)
        call_fail(c, "process already online");
    else if (p->sm.state == PROC_SPAWNING || p->sm.state == PROC_STARTING)
        call_fail(c, "process already started");
    else
        proc_order(p, ORDER_START, reply_live, c);
}

/* Their argument is an id, or an object that has one. */
static void end_id(struct methods *m, struct call *c, json_t *args, enum order_kind kind)
{
    const json_t *arg = method_arg(args, 0);
    const json_t *id = json_is_object(arg) ? json_object_get(arg, "id") : arg;
    struct proc *p = method_proc(m, c, id, "%s : id unknown");
    if (p)
        proc_order(p, kind, reply_plain, c);
}

void method_stop_id(struct methods *m, struct call *c, json_t *args)
{
    end_id(m, c, args, ORDER_STOP);
}

void method_delete_id(struct methods *m, struct call *c, json_t *args)
{
    end_id(m, c, args, ORDER_DELETE);
}

/* Keys that PM2's client sends with every restart whether or not the user asked for them; applying
 * them would change the app behind the user's back (merge_logs!). */
static const char *const noise_keys[] = {"filter_env", "merge_logs",  "instance_var",
                                         "username",   "windowsHide", "kill_retry_time",
                                         "km_link"};

static bool is_noise(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(noise_keys); i++)
        if (strcmp(noise_keys[i], key) == 0)
            return true;
    return false;
}

static void merge_current_conf(json_t *conf, const json_t *current)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)current, key, value) {
        if (is_noise(key) && json_has(conf, key))
            continue;
        if (strcmp(key, "env") == 0 && json_object_size(value) == 0)
            continue;
        if (json_is_string(value) && strcmp(json_string_value(value), "null") == 0)
            json_object_del(conf, key);
        else
            json_object_set(conf, key, value);
    }
}

/* The env argument of restartProcessId: variables, and current_conf = changed attributes. New conf
 * in `ret`, or NULL there when nothing is given. */
static int restart_conf(struct methods *m, const struct proc *p, const json_t *given, json_t **ret,
                        struct err *e)
{
    *ret = NULL;
    if (!json_is_object(given))
        return 0;
    json_t *conf = json_copy(p->conf);
    if (!conf)
        return err_set(e, -ENOMEM, "out of memory");
    conf_merge_env(conf, given);
    merge_current_conf(conf, json_object_get(given, "current_conf"));
    int rc = app_conf_check(conf, &m->world, e);
    if (rc < 0) {
        json_decref(conf);
        return rc;
    }
    *ret = conf;
    return 0;
}

/* What restartProcessId and reloadProcessId want: `{id, env?}`. Answers the call and returns NULL
 * when it cannot be. `unknown` is how PM2's method words an id that nobody has. */
static struct proc *restart_args(struct methods *m, struct call *c, json_t *args,
                                 const char *unknown, json_t **ret_conf)
{
    struct err e = {0};
    const json_t *opts = method_arg(args, 0);
    if (m->shutting_down) {
        call_fail(c, "[RestartProcessId] PM2 is being killed, stopping restart procedure...");
        return NULL;
    }
    struct proc *p = method_proc(m, c, json_object_get(opts, "id"), unknown);
    if (p && restart_conf(m, p, json_object_get(opts, "env"), ret_conf, &e) < 0) {
        call_fail(c, e.msg);
        return NULL;
    }
    return p;
}

void method_restart_id(struct methods *m, struct call *c, json_t *args)
{
    json_t *conf;
    if (!json_has(method_arg(args, 0), "id")) {
        call_fail(c, "opts.id not passed to restartProcessId");
        return;
    }
    struct proc *p = restart_args(m, c, args, "God db process id unknown", &conf);
    if (!p)
        return;
    if (conf)
        conf_set_proc(p, conf);
    proc_order(p, ORDER_RESTART, reply_live, c);
}

static void reload_id(struct methods *m, struct call *c, json_t *args, bool soft)
{
    json_t *conf;
    const char *why;
    struct proc *p =
        restart_args(m, c, args, soft ? "pm_id %s not available in %s" : "PM2 ID unknown", &conf);
    if (!p)
        return;
    if (reload_can(p, &why)) {
        const struct reload_request rq = {.take_conf = conf, .soft = soft};
        const struct reload_handler h = {.ctx = c, .done = reply_live};
        reload_begin(p, &rq, &h);
        return;
    }
    if (conf)
        conf_set_proc(p, conf);
    proc_order(p, ORDER_RESTART, reply_live, c);
}

void method_reload_id(struct methods *m, struct call *c, json_t *args)
{
    reload_id(m, c, args, false);
}

void method_soft_reload_id(struct methods *m, struct call *c, json_t *args)
{
    reload_id(m, c, args, true);
}

static void reset_meta(struct methods *m, struct proc *p)
{
    p->created_at = clock_wall_ms();
    proc_sm_set_restarts(&p->sm, 0);
    p->sm.unstable_restarts = 0;
    journal_state(m->env->journal, p);
}

void method_reset_meta(struct methods *m, struct call *c, json_t *args)
{
    struct proc *p = method_proc(m, c, method_arg(args, 0), "%s id unknown");
    if (!p)
        return;
    reset_meta(m, p);
    method_reply_list(m, c, PROC_JSON_ENV);
}

/* {target}: a name, an id or "all", modules included; PM2's reset knows no namespaces. */
void compact_reset(struct methods *m, struct call *c, json_t *args)
{
    long long id = -1;
    const char *target = json_get_str(method_arg(args, 0), "target");
    bool is_all = target && strcmp(target, "all") == 0;
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    size_t count = 0;
    if (target)
        (void)str_to_int(str_from(target), &id);
    jw_obj_begin(&w);
    jw_key(&w, "ids");
    jw_arr_begin(&w);
    for (size_t i = 0; target && i < m->table->count; i++) {
        struct proc *p = m->table->items[i];
        if (!is_all && p->id != id && strcmp(proc_name(p), target) != 0)
            continue;
        reset_meta(m, p);
        jw_int(&w, p->id);
        count++;
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!target)
        call_fail(c, "c.reset: target is missing");
    else if (count == 0 && !is_all)
        method_fail(c, "Process %.128s not found", target);
    else
        call_value(c, buf_str(&text));
}

/* ---- the end ---- */

void method_notify_kill(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    m->env->hold_until_ms = clock_mono_ms() + HOLD_MS;
    call_drop(c); /* PM2 never answers this one */
}

void method_kill_me(struct methods *m, struct call *c, json_t *args)
{
    int64_t pid = 0;
    (void)json_get_int(method_arg(args, 0), "pid", &pid);
    call_drop(c);
    m->shutdown(m->shutdown_ctx, NULL, pid > 1 && pid <= INT32_MAX ? (pid_t)pid : 0);
}
