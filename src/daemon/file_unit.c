/* SPDX-License-Identifier: MIT
 * One app of a process file against what runs: nothing to do, a start, or a restart of all its
 * processes with the new configuration. Runs in pm2d. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "conf_merge.h"
#include "file_job.h"
#include "journal.h"
#include "reload_group.h"
#include "settings_file.h"
#include "json/read.h"

void file_unit_fail(struct file_unit *u, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    free(u->error);
    u->error = strdup(text);
    u->state = UNIT_FAILED;
}

/* How many processes the app is to have. */
static int wanted(const struct file_unit *u, int have, struct err *e)
{
    if (have > 0 && !u->counted)
        return have; /* the file does not say: `pm2 scale` had the last word */
    return app_conf_instances(u->conf, u->job->m->world.cpu_count, e);
}

/* True when the process runs, or is on its way to. */
static bool is_up(const struct proc *p)
{
    return p->sm.goal == GOAL_UP && p->sm.state != PROC_ERRORED;
}

static int note_changes(struct file_unit *u, int want)
{
    const struct table *t = u->job->m->table;
    u->changes = app_conf_diff(table_find(t, u->ids[0])->conf, u->conf);
    if (!u->changes)
        return -ENOMEM;
    bool up = true;
    for (int i = 0; i < u->count; i++)
        up = up && is_up(table_find(t, u->ids[i]));
    if (want != u->count && json_array_append_new(u->changes, json_string("instances")) < 0)
        return -ENOMEM;
    if (!up && json_get_bool(u->conf, "autostart", true) &&
        json_array_append_new(u->changes, json_string("status")) < 0)
        return -ENOMEM;
    return 0;
}

int file_unit_plan(struct file_unit *u)
{
    struct err e = {0};
    u->count = table_app_ids(u->job->m->table, u->name, u->ns, &u->ids);
    if (u->count < 0)
        return u->count;
    int want = wanted(u, u->count, &e);
    u->asked = want;
    if (want < 0) {
        file_unit_fail(u, "%s", e.msg);
        return 0;
    }
    u->step = u->count == 0 ? STEP_START : STEP_RESTART;
    if (u->step == STEP_START)
        return 0;
    if (u->job->action == FILE_START || u->job->action == FILE_RELOAD)
        return 0; /* it is restarted, whatever differs */
    int rc = note_changes(u, want);
    if (rc == 0 && json_array_size(u->changes) == 0)
        u->step = STEP_KEEP;
    return rc;
}

/* ---- carrying out ---- */

static void on_batch_done(void *ctx, const struct batch_item *items, size_t count)
{
    struct file_unit *u = ctx;
    for (size_t i = 0; i < count; i++)
        if (items[i].error && !u->error) {
            u->error = strdup(items[i].error);
            u->failed_id = u->job->action == FILE_START ? -1 : items[i].id;
        }
    for (size_t i = 0; i < count; i++)
        if (items[i].note && !u->note && u->job->action == FILE_RELOAD)
            u->note = strdup(items[i].note);
    if (--u->batches_left > 0)
        return;
    u->state = u->error ? UNIT_FAILED : UNIT_DONE;
    file_job_advance(u->job);
}

/* Give an order to some processes of the unit. */
static int order(struct file_unit *u, const int *ids, int count, enum order_kind kind)
{
    struct proc **procs = calloc((size_t)count + 1, sizeof(struct proc *));
    size_t n = 0;
    for (int i = 0; procs && i < count; i++) {
        struct proc *p = table_find(u->job->m->table, ids[i]);
        if (p)
            procs[n++] = p;
    }
    u->batches_left++;
    int rc = procs ? batch_order(procs, n, kind, on_batch_done, u) : -ENOMEM;
    if (rc < 0)
        u->batches_left--;
    free(procs);
    return rc;
}

static void journal_new(const struct file_unit *u, const int *ids, int count)
{
    for (int i = 0; i < count; i++)
        journal_app(u->job->m->env->journal, table_find(u->job->m->table, ids[i]));
}

/* A new app: make its processes and start them. */
static int begin_new(struct file_unit *u, struct err *e)
{
    struct methods *m = u->job->m;
    free(u->ids);
    u->ids = calloc(LIMIT_INSTANCES, sizeof(int));
    if (!u->ids)
        return err_set(e, -ENOMEM, "out of memory");
    u->count = table_add_app(m->table, json_copy(u->conf), m->world.cpu_count, u->ids, e);
    if (u->count < 0) {
        int rc = u->count;
        u->count = 0;
        return rc;
    }
    journal_new(u, u->ids, u->count);
    if (!json_get_bool(u->conf, "autostart", true))
        return 0;
    return order(u, u->ids, u->count, ORDER_START);
}

/* Put the new conf into all processes that stay. */
static int replace_confs(struct file_unit *u, int stay, struct err *e)
{
    for (int i = 0; i < stay; i++) {
        struct proc *p = table_find(u->job->m->table, u->ids[i]);
        int rc = conf_replace_proc(p, u->conf, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int restart_known(struct file_unit *u, int stay, struct err *e)
{
    int rc = replace_confs(u, stay, e);
    return rc < 0 ? rc : order(u, u->ids, stay, ORDER_RESTART);
}

/* Each keeps its conf until its successor works. */
static int reload_known(struct file_unit *u, int stay, struct err *e)
{
    const struct table *t = u->job->m->table;
    const struct reload_options o = reload_options_read(u->job->request);
    json_t **confs = calloc((size_t)stay + 1, sizeof(json_t *));
    int rc = confs ? 0 : err_set(e, -ENOMEM, "out of memory");
    for (int i = 0; i < stay && rc == 0; i++) {
        confs[i] = conf_renewed(table_find(t, u->ids[i]), u->conf, e);
        rc = confs[i] ? 0 : e->code;
    }
    if (rc == 0) {
        u->batches_left++;
        rc = reload_group(t, u->ids, confs, (size_t)stay, &o, on_batch_done, u);
        u->batches_left -= rc < 0;
    } else {
        for (int i = 0; confs && i < stay; i++)
            json_decref(confs[i]);
    }
    free(confs);
    return rc;
}

/* More processes of an app that exists; their ids go behind the others. */
static int grow(struct file_unit *u, int more, struct err *e)
{
    struct table *t = u->job->m->table;
    int *ids = realloc(u->ids, (size_t)(u->count + more) * sizeof(int));
    if (!ids)
        return err_set(e, -ENOMEM, "out of memory");
    u->ids = ids;
    int rc = table_add_more(t, table_find(t, ids[0]), more, ids + u->count, e);
    if (rc < 0)
        return rc;
    journal_new(u, ids + u->count, more);
    rc = order(u, ids + u->count, more, ORDER_START);
    return rc < 0 ? err_set(e, rc, "out of memory") : 0;
}

/* An app that exists: the ones that stay are restarted, the youngest go, new ones come. */
static int begin_known(struct file_unit *u, struct err *e)
{
    int have = u->count;
    int want = u->asked;
    int stay = want < have ? want : have;
    int rc = json_object_set_new(u->conf, "instances", json_integer(want)) < 0
                 ? err_set(e, -ENOMEM, "out of memory")
                 : 0;
    if (rc == 0 && have > stay) {
        rc = order(u, u->ids + stay, have - stay, ORDER_DELETE);
        u->count = stay;
    }
    if (rc == 0)
        rc = u->job->action == FILE_START ? restart_known(u, stay, e) : reload_known(u, stay, e);
    if (rc == 0 && want > have)
        rc = grow(u, want - have, e);
    if (rc == 0 && want > have)
        u->count = want;
    return rc;
}

/* What ran when the job began may be gone by now: others give orders while a unit waits. */
static int plan_again(struct file_unit *u)
{
    free(u->ids);
    json_decref(u->changes);
    u->ids = NULL;
    u->changes = NULL;
    return file_unit_plan(u);
}

void file_unit_begin(struct file_unit *u)
{
    struct err e = {0};
    int rc = plan_again(u);
    if (rc < 0)
        file_unit_fail(u, "out of memory");
    if (u->state == UNIT_FAILED)
        return;
    u->state = UNIT_RUNNING;
    settings_file_apply(u->job->settings, u->conf);
    if (json_get_bool(u->job->request, "module", false))
        (void)json_object_set_new(u->conf, "pmx_module", json_true());
    u->batches_left = 1; /* ours, so that it does not end under our feet */
    if (u->step == STEP_START)
        rc = begin_new(u, &e);
    else if (u->step == STEP_RESTART)
        rc = begin_known(u, &e);
    if (rc < 0 && !u->error)
        u->error = strdup(e.msg[0] ? e.msg : "out of memory");
    on_batch_done(u, NULL, 0);
}
