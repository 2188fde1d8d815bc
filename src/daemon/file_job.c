/* SPDX-License-Identifier: MIT
 * c.file: the apps of a process file are started, restarted, converged, stopped or deleted. All
 * apps are checked before anything happens; then each begins as soon as what it depends on has come
 * as far as it wants. Runs in pm2d. docs/PROTOCOL.md describes the call. */
#include "file_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/depends.h"
#include "base/limits.h"
#include "depend_wait.h"
#include "orderly.h"
#include "os/clock.h"
#include "places.h"
#include "secret_store.h"
#include "settings_file.h"
#include "json/read.h"
#include "json/write.h"

/* Where a conf came from; a list, because texts of a conf become variables of the app. */
#define PROCESS_FILE "_process_file"

#define LOOK_MS 50 /* how often conditions are looked at that nobody tells us of */

static void on_timer_closed(uv_handle_t *h)
{
    struct file_job *job = h->data;
    for (size_t i = 0; i < job->count; i++) {
        struct file_unit *u = &job->units[i];
        json_decref(u->conf);
        json_decref(u->changes);
        free(u->ids);
        free(u->error);
        free(u->note);
    }
    for (size_t i = 0; i < job->gone_count; i++)
        free(job->gone_names[i]);
    free(job->gone_names);
    free(job->gone_ids);
    free(job->units);
    app_set_fini(&job->set);
    json_decref(job->request);
    json_decref(job->settings);
    json_decref(job->places);
    free(job);
}

static void finish(struct file_job *job, const char *error)
{
    if (error) {
        call_fail(job->call, error);
    } else {
        struct buf *out = call_begin(job->call);
        buf_add_c(out, "{\"args\":[");
        struct jw w = jw_to(out);
        file_reply_write(&w, job);
        buf_add_c(out, "]}");
        call_end(job->call);
    }
    job->call = NULL;
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

/* ---- waiting for others ---- */

static struct file_unit *unit_of(const struct file_job *job, const char *name, const char *ns)
{
    for (size_t i = 0; i < job->count; i++)
        if (strcmp(job->units[i].name, name) == 0 && strcmp(job->units[i].ns, ns) == 0)
            return &job->units[i];
    return NULL;
}

/* How far the app of one dependency is. */
static enum depend_answer look(struct file_unit *u, const struct depend *d)
{
    const struct file_unit *on = unit_of(u->job, d->name, u->ns);
    for (size_t i = 0; i < u->job->count && !on; i++)
        if (strcmp(u->job->units[i].name, d->name) == 0)
            on = &u->job->units[i];
    if (on && on->state == UNIT_FAILED)
        return DEPEND_NEVER;
    if (on && on->state != UNIT_DONE)
        return DEPEND_LATER;
    return depend_look(u->job->m->table, u->ns, d);
}

/* True when the unit may begin. One that never can has failed. */
static bool may_begin(struct file_unit *u)
{
    struct depend *deps = NULL;
    int n = depends_of(u->conf, &deps);
    bool now = true;
    if (n < 0)
        file_unit_fail(u, "out of memory");
    for (int i = 0; i < n && u->state == UNIT_WAITING; i++) {
        enum depend_answer answer = look(u, &deps[i]);
        bool late = answer == DEPEND_LATER && clock_mono_ms() >= u->job->deadline_ms;
        if (answer == DEPEND_NEVER)
            file_unit_fail(u, "%s was not started: %s, on which it depends, failed", u->name,
                           deps[i].name);
        else if (late)
            file_unit_fail(u, "%s was not started: %s is still not %s after %d s", u->name,
                           deps[i].name, depend_word(deps[i].condition), LIMIT_DEPEND_MS / 1000);
        now = now && answer == DEPEND_NOW;
    }
    free(deps);
    return now && u->state == UNIT_WAITING;
}

static void on_places(void *ctx, const json_t *warnings)
{
    struct file_job *job = ctx;
    job->places = json_incref((json_t *)warnings);
    finish(job, NULL);
}

/* All is done but for what the apps say a moment later. */
static void end(struct file_job *job)
{
    size_t n = 0, count = 0;
    for (size_t i = 0; i < job->count; i++)
        n += (size_t)job->units[i].count;
    int *ids = calloc(n + 1, sizeof(*ids));
    job->is_ending = true;
    uv_timer_stop(&job->timer);
    for (size_t i = 0; ids && i < job->count; i++)
        for (int k = 0; k < job->units[i].count; k++)
            ids[count++] = job->units[i].ids[k];
    places_wait(job->m->table, ids, count, on_places, job);
    free(ids);
}

static void on_look(uv_timer_t *t)
{
    file_job_advance(t->data);
}

void file_job_advance(struct file_job *job)
{
    if (job->advancing || job->is_ending)
        return;
    job->advancing = true;
    bool moved = true;
    size_t ended = 0;
    while (moved) { /* an end may let others begin */
        moved = false;
        ended = 0;
        for (size_t i = 0; i < job->count; i++) {
            struct file_unit *u = &job->units[i];
            enum unit_state before = u->state;
            if (before == UNIT_WAITING && may_begin(u))
                file_unit_begin(u);
            moved = moved || u->state != before;
            ended += u->state == UNIT_DONE || u->state == UNIT_FAILED;
        }
    }
    job->advancing = false;
    if (ended == job->count)
        end(job);
    else if (!uv_is_active((uv_handle_t *)&job->timer))
        uv_timer_start(&job->timer, on_look, LOOK_MS, LOOK_MS);
}

/* ---- apply --prune ---- */

/* Processes that came from this file and whose app is not in it any more. */
static int find_gone(struct file_job *job)
{
    const struct table *t = job->m->table;
    const char *file = json_get_str(job->request, "file");
    job->gone_ids = calloc(t->count + 1, sizeof(int));
    job->gone_names = calloc(t->count + 1, sizeof(char *));
    if (!job->gone_ids || !job->gone_names)
        return -ENOMEM;
    for (size_t i = 0; file && i < t->count; i++) {
        const struct proc *p = t->items[i];
        const char *from =
            json_string_value(json_array_get(json_object_get(p->conf, PROCESS_FILE), 0));
        if (!from || strcmp(from, file) != 0 || unit_of(job, proc_name(p), proc_namespace(p)))
            continue;
        job->gone_names[job->gone_count] = strdup(proc_name(p));
        job->gone_ids[job->gone_count++] = p->id;
    }
    return 0;
}

static void on_pruned(void *ctx, const struct batch_item *items, size_t count)
{
    (void)items;
    (void)count;
    file_job_advance(ctx);
}

/* ---- stop and delete ---- */

static void on_ended(void *ctx, const struct batch_item *items, size_t count)
{
    struct file_job *job = ctx;
    batch_reply(job->call, "done", items, count);
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

static void end_apps(struct file_job *job, const struct app_set_request *rq)
{
    struct err e = {0};
    size_t i, n = 0;
    json_t *app;
    const struct table *t = job->m->table;
    AUTO_JSON names = app_set_names(rq, &e);
    int *ids = calloc(t->count + 1, sizeof(*ids));
    json_array_foreach (names, i, app) {
        for (size_t k = 0; ids && k < t->count; k++) {
            const struct proc *p = t->items[k];
            if (strcmp(proc_name(p), json_get_str(app, "name")) == 0 &&
                strcmp(proc_namespace(p), json_get_str(app, "namespace")) == 0)
                ids[n++] = p->id;
        }
    }
    enum order_kind kind = job->action == FILE_STOP ? ORDER_STOP : ORDER_DELETE;
    if (!names)
        finish(job, e.msg);
    else if (!ids || orderly_end(t, ids, n, kind, on_ended, job) < 0)
        finish(job, "out of memory");
    free(ids);
}

/* ---- the start of it ---- */

/* The confs of the set as units, compared with what runs. */
static int make_units(struct file_job *job, const struct app_set_request *rq)
{
    job->units = calloc(job->set.count + 1, sizeof(*job->units));
    if (!job->units)
        return -ENOMEM;
    for (size_t i = 0; i < job->set.count; i++) {
        const struct app_set_item *item = &job->set.items[i];
        struct file_unit *u = &job->units[job->count++];
        *u = (struct file_unit){.job = job,
                                .conf = json_incref(item->conf),
                                .name = item->name,
                                .ns = item->ns,
                                .failed_id = -1};
        if (item->failure) {
            file_unit_fail(u, "%s", item->failure);
            continue;
        }
        if (rq->file && json_object_set_new(u->conf, PROCESS_FILE, json_pack("[s]", rq->file)) < 0)
            return -ENOMEM;
        const json_t *written = json_array_get(rq->apps, item->index);
        u->counted = json_has(written, "instances");
        u->scheduled = json_truthy(json_object_get(written, "cron_restart"));
        secret_seal(job->m->env, u->conf); /* as what runs has it: equal values look equal */
        int rc = file_unit_plan(u);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* An app that cannot run keeps `apply` from changing anything: half of a state is nobody's wish. */
static const struct file_unit *first_failed(const struct file_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->units[i].state == UNIT_FAILED)
            return &job->units[i];
    return NULL;
}

static void refuse_apply(struct file_job *job, const struct file_unit *u)
{
    struct err e;
    err_set(&e, -EINVAL, "%s: %s; nothing was done", u->name, u->error);
    finish(job, e.msg);
}

static void begin(struct file_job *job, const struct app_set_request *rq)
{
    struct err e = {0};
    if (job->action == FILE_STOP || job->action == FILE_DELETE) {
        end_apps(job, rq);
        return;
    }
    if (app_set_build(rq, &job->m->world, &job->set, &e) < 0) {
        finish(job, e.msg);
        return;
    }
    job->settings = settings_file_read(&job->m->env->paths);
    int rc = make_units(job, rq);
    if (rc == 0 && json_get_bool(job->request, "prune", false))
        rc = find_gone(job);
    if (rc < 0)
        finish(job, "out of memory");
    else if (job->set.errors.count > 0 || job->action == FILE_PLAN)
        finish(job, NULL);
    else if (job->action == FILE_APPLY && first_failed(job))
        refuse_apply(job, first_failed(job));
    else if (job->gone_count == 0)
        file_job_advance(job);
    else if (orderly_end(job->m->table, job->gone_ids, job->gone_count, ORDER_DELETE, on_pruned,
                         job) < 0)
        finish(job, "out of memory");
}

static bool find_action(const char *name, enum file_action *ret)
{
    static const char *const names[] = {
        [FILE_START] = "start", [FILE_RELOAD] = "reload", [FILE_APPLY] = "apply",
        [FILE_PLAN] = "plan",   [FILE_STOP] = "stop",     [FILE_DELETE] = "delete"};
    for (size_t i = 0; name && i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (enum file_action)i;
            return true;
        }
    }
    return false;
}

void compact_file(struct methods *m, struct call *c, json_t *args)
{
    json_t *opts = method_arg(args, 0);
    const char *cwd = json_get_str(opts, "cwd");
    struct app_set_request rq = {
        .apps = json_object_get(opts, "apps"),
        .apps_at = json_get_str(opts, "apps_at"),
        .file = json_get_str(opts, "file"),
        .lines = json_object_get(opts, "lines"),
        .overlay = json_object_get(opts, "overlay"),
        .only = json_object_get(opts, "only"),
        .env_name = json_get_str(opts, "env_name"),
        .deploy_env = json_object_get(opts, "deploy_env"),
        .cwd = cwd,
        .env = json_object_get(opts, "env"),
        .home = m->env->paths.home,
        .log_dir = m->env->paths.log_dir,
        .pid_dir = m->env->paths.pid_dir,
    };
    enum file_action action;
    if (!find_action(json_get_str(opts, "action"), &action) || !json_is_array(rq.apps) || !cwd ||
        cwd[0] != '/' || !json_is_object(rq.env)) {
        call_fail(c, "c.file: action (start, reload, apply, plan, stop, delete), apps (array), cwd "
                     "(absolute) and env (object) are needed");
        return;
    }
    if (m->shutting_down) {
        call_fail(c, "the daemon is being ended");
        return;
    }
    struct file_job *job = calloc(1, sizeof(*job));
    if (!job) {
        call_fail(c, "out of memory");
        return;
    }
    job->m = m;
    job->call = c;
    job->action = action;
    job->request = json_incref(opts);
    job->deadline_ms = clock_mono_ms() + LIMIT_DEPEND_MS;
    uv_timer_init(m->env->loop, &job->timer);
    job->timer.data = job;
    begin(job, &rq);
}
