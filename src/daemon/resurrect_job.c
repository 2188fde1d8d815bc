/* SPDX-License-Identifier: MIT
 * c.resurrect: the processes of the saved list are there again, under their ids and in their
 * order; those that ran are started, each as soon as what it depends on is as far as it wants. The
 * disk is read in libuv's pool. Runs in pm2d. docs/PROTOCOL.md describes the call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/depends.h"
#include "app/dump.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "batch.h"
#include "depend_wait.h"
#include "dump_file.h"
#include "journal.h"
#include "methods.h"
#include "os/clock.h"
#include "json/read.h"
#include "json/write.h"

#define LOOK_MS 50 /* how often conditions are looked at that nobody tells us of */

enum unit_state { /* the further down, the better for those that need it */
                  UNIT_FAILED,
                  UNIT_WAITING, /* for apps that it depends on */
                  UNIT_STARTING,
                  UNIT_DONE,
                  UNIT_RESTS, /* it was saved stopped */
};

struct job;

/* One process that was put back. */
struct unit {
    struct job *job;
    int id;
    json_t *conf;    /* owned; its name, namespace and dependencies */
    uint32_t orders; /* that its process had got when it was put back */
    enum unit_state state;
};

struct job {
    struct methods *m;
    struct call *call;
    uv_work_t work;
    struct dump_found found;
    struct unit *units;
    size_t count;
    json_t *errors; /* [{name, script, error}] */
    uv_timer_t timer;
    int64_t deadline_ms;
    bool advancing;
};

static void advance(struct job *job);

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *h)
{
    struct job *job = h->data;
    for (size_t i = 0; i < job->count; i++)
        json_decref(job->units[i].conf);
    free(job->units);
    json_decref(job->found.entries);
    json_decref(job->errors);
    free(job);
}

static void write_restored(struct jw *w, const struct job *job)
{
    jw_key(w, "restored");
    jw_arr_begin(w);
    for (size_t i = 0; i < job->count; i++) {
        const struct unit *u = &job->units[i];
        if (u->state == UNIT_FAILED)
            continue;
        jw_obj_begin(w);
        jw_kint(w, "id", u->id);
        jw_kstr(w, "name", json_get_str(u->conf, "name"));
        jw_kstr(w, "script", json_get_str(u->conf, "pm_exec_path"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_reason(struct jw *w, const char *key, const struct err *e)
{
    if (!e->code)
        return;
    jw_key(w, key);
    jw_obj_begin(w);
    jw_kbool(w, "missing", e->code == -ENOENT);
    jw_kstr(w, "error", e->msg);
    jw_obj_end(w);
}

static void finish(struct job *job, const char *error)
{
    const struct pm2_paths *paths = &job->m->env->paths;
    FAILPOINT("resurrect.done");
    if (error) {
        call_fail(job->call, error);
    } else {
        struct buf *out = call_begin(job->call);
        buf_add_c(out, "{\"args\":[");
        struct jw w = jw_to(out);
        jw_obj_begin(&w);
        jw_kstr(&w, "file", paths->dump_file);
        jw_kstr(&w, "backup", paths->dump_backup);
        write_reason(&w, "file_failed", &job->found.file);
        write_reason(&w, "backup_failed", &job->found.backup);
        jw_kbool(&w, "found", job->found.entries);
        write_restored(&w, job);
        jw_kdom(&w, "errors", job->errors);
        jw_obj_end(&w);
        buf_add_c(out, "]}");
        call_end(job->call);
    }
    uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

static void note_error(struct job *job, const json_t *conf, const char *text)
{
    const char *name = json_get_str(conf, "name");
    const char *script = json_get_str(conf, "pm_exec_path");
    log_error("App [%s] cannot be restored: %s", name, text);
    if (json_array_size(job->errors) < LIMIT_DUMP_NOTES)
        json_array_append_new(job->errors, json_pack("{s:s?, s:s?, s:s}", "name", name, "script",
                                                     script, "error", text));
}

/* It is not started: the next pm2d shall not do that either. */
static void unit_failed(struct unit *u, const char *text)
{
    struct proc *p = table_find(u->job->m->table, u->id);
    u->state = UNIT_FAILED;
    if (p)
        journal_state(p->env->journal, p);
    note_error(u->job, u->conf, text);
}

/* ---- starting ---- */

static bool is_of(const struct unit *u, const char *name, const char *ns)
{
    return strcmp(json_get_str(u->conf, "name"), name) == 0 &&
           (!ns || strcmp(json_get_str(u->conf, "namespace"), ns) == 0);
}

/* How far the processes of one name and namespace (NULL = any) in this list are: the least of them.
 * -1 = there is none. */
static int look_at_list(const struct job *job, const char *name, const char *ns)
{
    int least = -1;
    for (size_t i = 0; i < job->count; i++) {
        const struct unit *u = &job->units[i];
        if (is_of(u, name, ns) && (least < 0 || (int)u->state < least))
            least = (int)u->state;
    }
    return least;
}

static enum depend_answer look(const struct unit *u, const struct depend *d)
{
    const struct job *job = u->job;
    const char *ns = json_get_str(u->conf, "namespace");
    int state = look_at_list(job, d->name, ns);
    if (state < 0)
        state = look_at_list(job, d->name, NULL);
    if (state == UNIT_RESTS) /* as when the list was saved, and who needs it ran then */
        return DEPEND_NOW;
    if (state == UNIT_FAILED)
        return DEPEND_NEVER;
    if (state == UNIT_WAITING || state == UNIT_STARTING)
        return DEPEND_LATER;
    return depend_look(job->m->table, ns, d);
}

/* True when the unit may begin. One that never can has failed. */
static bool may_begin(struct unit *u)
{
    struct err e = {0};
    struct depend *deps = NULL;
    int n = depends_of(u->conf, &deps);
    bool now = true;
    if (n < 0)
        err_set(&e, n, "out of memory");
    for (int i = 0; i < n && !e.code; i++) {
        enum depend_answer answer = look(u, &deps[i]);
        if (answer == DEPEND_NEVER)
            err_set(&e, -ECANCELED, "%s, on which it depends, failed", deps[i].name);
        else if (answer == DEPEND_LATER && clock_mono_ms() >= u->job->deadline_ms)
            err_set(&e, -ETIMEDOUT, "%s is still not %s after %d s", deps[i].name,
                    depend_word(deps[i].condition), LIMIT_DEPEND_MS / 1000);
        now = now && answer == DEPEND_NOW;
    }
    free(deps);
    if (!e.code)
        return now;
    struct proc *p = table_find(u->job->m->table, u->id);
    if (p)
        proc_set_reason(p, "it was not started: %s", e.msg);
    unit_failed(u, e.msg);
    return false;
}

static void on_started(void *ctx, const struct batch_item *items, size_t count)
{
    struct unit *u = ctx;
    FAILPOINT("resurrect.started");
    if (count > 0 && items[0].error)
        unit_failed(u, items[0].error);
    else
        u->state = UNIT_DONE;
    advance(u->job);
}

static void begin_unit(struct unit *u)
{
    struct proc *p = table_find(u->job->m->table, u->id);
    u->state = UNIT_STARTING;
    if (!p) /* deleted meanwhile */
        u->state = UNIT_DONE;
    else if (p->orders_given != u->orders) /* whoever gave one since has the last word */
        u->state = UNIT_DONE;
    else if (batch_order(&p, 1, ORDER_START, on_started, u) < 0)
        unit_failed(u, "out of memory");
}

static void on_look(uv_timer_t *t)
{
    advance(t->data);
}

/* Begin what can begin; true when that may let others begin. */
static bool pass(struct job *job, size_t *ret_left, bool *ret_waits)
{
    bool moved = false;
    *ret_left = 0;
    *ret_waits = false;
    for (size_t i = 0; i < job->count; i++) {
        struct unit *u = &job->units[i];
        enum unit_state before = u->state;
        if (before == UNIT_WAITING && may_begin(u))
            begin_unit(u);
        moved = moved || u->state != before;
        *ret_waits = *ret_waits || u->state == UNIT_WAITING;
        *ret_left += u->state == UNIT_WAITING || u->state == UNIT_STARTING;
    }
    return moved;
}

static void advance(struct job *job)
{
    size_t left;
    bool waits;
    if (job->advancing)
        return;
    job->advancing = true;
    while (pass(job, &left, &waits)) {
    }
    job->advancing = false;
    if (left == 0)
        finish(job, NULL);
    else if (waits && !uv_is_active((uv_handle_t *)&job->timer))
        uv_timer_start(&job->timer, on_look, LOOK_MS, LOOK_MS);
}

/* ---- putting back ---- */

static json_t *key_of(const char *name, const char *ns)
{
    AUTO(buf) key = BUF_INIT;
    buf_printf(&key, "%s/%s", ns && *ns ? ns : "default", name);
    return buf_oom(&key) ? NULL : json_string(key.data);
}

/* The apps that are there already, as the names of an object. */
static json_t *known_apps(const struct table *t)
{
    json_t *known = json_object();
    for (size_t i = 0; i < t->count; i++) {
        AUTO_JSON key = key_of(proc_name(t->items[i]), proc_namespace(t->items[i]));
        if (key)
            json_object_set_new(known, json_string_value(key), json_true());
    }
    return known;
}

static bool is_known(const json_t *known, const json_t *conf)
{
    AUTO_JSON key = key_of(json_get_str(conf, "name"), json_get_str(conf, "namespace"));
    return key && json_has(known, json_string_value(key));
}

/* A pm2d that is killed before it could start it: the next one does. */
static void journal_wanted(struct proc *p, enum proc_goal goal)
{
    enum proc_goal now = p->sm.goal;
    p->sm.goal = goal;
    journal_app(p->env->journal, p);
    journal_state(p->env->journal, p);
    p->sm.goal = now;
}

static void put_back(struct job *job, const json_t *entry)
{
    struct methods *m = job->m;
    struct err e = {0};
    struct dump_entry d;
    if (dump_take(entry, &d) < 0) {
        note_error(job, entry, "out of memory");
        return;
    }
    if (app_conf_check(d.conf, &m->world, &e) < 0) {
        json_decref(d.conf);
        note_error(job, entry, e.msg);
        return;
    }
    struct unit *u = &job->units[job->count];
    struct proc *p = table_add_saved(m->table, d.id, d.conf, &e);
    if (!p) {
        note_error(job, entry, e.msg);
        return;
    }
    if (d.stopped)
        proc_sm_set_restarts(&p->sm, d.restarts);
    if (d.is_monitored)
        p->monitored = 1;
    journal_wanted(p, d.stopped ? GOAL_DOWN : GOAL_UP);
    *u = (struct unit){.job = job,
                       .id = p->id,
                       .conf = json_incref(p->conf),
                       .orders = p->orders_given,
                       .state = d.stopped ? UNIT_RESTS : UNIT_WAITING};
    job->count++;
}

static void restore(struct job *job)
{
    size_t i;
    json_t *entry;
    AUTO_JSON known = known_apps(job->m->table);
    json_t *entries = job->found.entries;
    job->units = calloc(json_array_size(entries) + 1, sizeof(*job->units));
    if (!job->units || !known) {
        finish(job, "out of memory");
        return;
    }
    FAILPOINT("resurrect.read");
    journal_hold(job->m->env->journal); /* an app of many processes is there, or none of them */
    json_array_foreach (entries, i, entry)
        if (!is_known(known, entry))
            put_back(job, entry);
    FAILPOINT("resurrect.put-back");
    journal_release(job->m->env->journal);
    FAILPOINT("resurrect.journalled");
    if (job->count > 0)
        log_info("restored %zu processes of %s", job->count,
                 job->found.from_backup ? job->m->env->paths.dump_backup
                                        : job->m->env->paths.dump_file);
    job->deadline_ms = clock_mono_ms() + LIMIT_DEPEND_MS;
    advance(job);
}

/* ---- reading ---- */

static void read_in_pool(uv_work_t *work)
{
    struct job *job = work->data;
    const struct pm2_paths *paths = &job->m->env->paths;
    const struct dump_paths at = {paths->dump_file, paths->dump_backup};
    dump_file_read(&at, &job->found);
}

static void tell_failed(const struct err *e)
{
    if (e->code && e->code != -ENOENT)
        log_error("the saved list is not used: %s", e->msg);
}

static void on_read(uv_work_t *work, int status)
{
    struct job *job = work->data;
    if (status < 0) {
        finish(job, uv_strerror(status));
        return;
    }
    tell_failed(&job->found.file);
    tell_failed(&job->found.backup);
    if (job->m->shutting_down)
        finish(job, "the daemon is being ended");
    else
        restore(job);
}

void compact_resurrect(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    if (m->shutting_down) {
        call_fail(c, "the daemon is being ended");
        return;
    }
    struct job *job = calloc(1, sizeof(*job));
    json_t *errors = json_array();
    if (!job || !errors) {
        free(job);
        json_decref(errors);
        call_fail(c, "out of memory");
        return;
    }
    job->m = m;
    job->call = c;
    job->errors = errors;
    job->work.data = job;
    uv_timer_init(m->env->loop, &job->timer);
    job->timer.data = job;
    int rc = uv_queue_work(m->env->loop, &job->work, read_in_pool, on_read);
    if (rc < 0)
        finish(job, uv_strerror(rc));
}
