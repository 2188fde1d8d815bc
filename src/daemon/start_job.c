/* SPDX-License-Identifier: MIT
 * c.start: one `pm2 start` with its targets, handled one after the other as PM2 does: a name, a
 * namespace or an id that is known is restarted; a script that is known and does not run is
 * restarted; anything else is a new app. With `scripts` each target is a script, whatever it looks
 * like. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/names.h"
#include "base/limits.h"
#include "batch.h"
#include "conf_merge.h"
#include "events.h"
#include "journal.h"
#include "methods.h"
#include "places.h"
#include "settings_file.h"
#include "json/read.h"
#include "json/write.h"

struct start_job {
    struct methods *m;
    struct call *call;
    json_t *request; /* owned */
    size_t next;
    struct buf results; /* JSON objects, comma-separated */
    json_t *conf;       /* owned: what the target under way was started from; NULL = restart */
    json_t *warnings;   /* owned */
    int *ids;           /* of the target under way */
    int count;
    int *done_ids; /* of all targets before it */
    size_t done_count;
    json_t *places; /* owned: what there is to say about where they listen; NULL */
};

static void next_target(struct start_job *job);

static void job_free(struct start_job *job)
{
    json_decref(job->request);
    json_decref(job->conf);
    json_decref(job->warnings);
    buf_fini(&job->results);
    json_decref(job->places);
    free(job->done_ids);
    free(job->ids);
    free(job);
}

static void finish(struct start_job *job, const char *error)
{
    struct buf *out = call_begin(job->call);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, "results");
    jw_arr_begin(&w);
    if (job->results.len > 0)
        jw_raw(&w, buf_str(&job->results));
    jw_arr_end(&w);
    if (json_array_size(job->places) > 0)
        jw_kdom(&w, "warnings", job->places);
    if (error)
        jw_kstr(&w, "error", error);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(job->call);
    job_free(job);
}

static const char *target_of(const struct start_job *job)
{
    json_t *targets = json_object_get(job->request, "targets");
    return json_string_value(json_array_get(targets, job->next - 1));
}

/* PM2 shows the id of a numeric target as it was typed. */
static void write_ids(struct jw *w, const struct start_job *job)
{
    long long number;
    jw_arr_begin(w);
    if (!job->conf && job->count == 1 && str_to_int(str_from(target_of(job)), &number) &&
        number == job->ids[0])
        jw_str(w, target_of(job));
    else
        for (int i = 0; i < job->count; i++)
            jw_int(w, job->ids[i]);
    jw_arr_end(w);
}

static void write_result(struct start_job *job, const struct batch_item *items, size_t count,
                         const char *error)
{
    if (job->results.len > 0)
        buf_add_byte(&job->results, ',');
    struct jw w = jw_to(&job->results);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", target_of(job));
    jw_kstr(&w, "action", job->conf ? "started" : "restarted");
    if (job->conf) {
        jw_kstr(&w, "path", json_get_str(job->conf, "pm_exec_path"));
        jw_kstr(&w, "mode", json_get_str(job->conf, "exec_mode"));
        jw_kdom(&w, "instances", json_object_get(job->conf, "instances"));
    }
    jw_key(&w, "ids");
    write_ids(&w, job);
    jw_key(&w, "restarted");
    jw_arr_begin(&w);
    for (size_t i = 0; i < count && !job->conf; i++) {
        if (items[i].error)
            continue;
        jw_arr_begin(&w);
        jw_str(&w, items[i].name);
        jw_int(&w, items[i].id);
        jw_arr_end(&w);
    }
    jw_arr_end(&w);
    if (json_array_size(job->warnings) > 0)
        jw_kdom(&w, "warnings", job->warnings);
    if (error)
        jw_kstr(&w, "error", error);
    jw_obj_end(&w);
}

static void keep_ids(struct start_job *job)
{
    size_t n = job->done_count + (size_t)job->count;
    int *ids = realloc(job->done_ids, (n + 1) * sizeof(int));
    if (!ids)
        return; /* there is less to warn of */
    if (job->count > 0)
        memcpy(ids + job->done_count, job->ids, (size_t)job->count * sizeof(int));
    job->done_ids = ids;
    job->done_count = n;
}

static void on_target_done(void *ctx, const struct batch_item *items, size_t count)
{
    struct start_job *job = ctx;
    const char *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = items[i].error;
    write_result(job, items, count, error);
    keep_ids(job);
    free(job->ids);
    job->ids = NULL;
    job->count = 0;
    json_decref(job->conf);
    json_decref(job->warnings);
    job->conf = job->warnings = NULL;
    if (error)
        finish(job, error);
    else
        next_target(job);
}

/* Give the order to the processes in job->ids. */
static void order_ids(struct start_job *job, enum order_kind kind)
{
    struct proc **procs = calloc((size_t)job->count + 1, sizeof(struct proc *));
    size_t n = 0;
    for (int i = 0; procs && i < job->count; i++) {
        struct proc *p = table_find(job->m->table, job->ids[i]);
        if (p)
            procs[n++] = p;
    }
    if (!procs || batch_order(procs, n, kind, on_target_done, job) < 0)
        finish(job, "out of memory");
    free(procs);
}

/* Takes `ids`. */
static void restart_known(struct start_job *job, int *take_ids, int count)
{
    struct err e = {0};
    struct app_request rq = method_request(job->m, job->request);
    if (!json_get_bool(job->request, "update_env", false))
        rq.env = NULL;
    job->ids = take_ids;
    job->count = count;
    for (int i = 0; i < count; i++) {
        struct proc *p = table_find(job->m->table, take_ids[i]);
        if (p && (json_object_size(rq.options) > 0 || json_array_size(rq.args) > 0 || rq.env) &&
            conf_update_proc(p, &rq, &job->m->world, &e) < 0) {
            finish(job, e.msg);
            return;
        }
    }
    order_ids(job, ORDER_RESTART);
}

/* ---- a new app ---- */

static const char *absolute(const char *cwd, const char *path, struct buf *out)
{
    buf_clear(out);
    if (path[0] != '/')
        buf_printf(out, "%s/", cwd);
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    buf_add_c(out, path);
    return out->data;
}

/* The process that was made from the same script under the same name, if there is one. What was
 * found in PATH and shell lines never match: their stored path differs. */
static struct proc *same_app(struct start_job *job, const char *script)
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) name = BUF_INIT;
    const char *given = json_get_str(json_object_get(job->request, "options"), "name");
    absolute(json_get_str(job->request, "cwd"), script, &path);
    if (given)
        buf_add_c(&name, given);
    else
        (void)!name_default(script, &name);
    for (size_t i = 0; i < job->m->table->count; i++) {
        struct proc *p = job->m->table->items[i];
        const char *exec = json_get_str(p->conf, "pm_exec_path");
        if (exec && strcmp(exec, path.data) == 0 && strcmp(proc_name(p), name.data) == 0)
            return p;
    }
    return NULL;
}

static void start_new(struct start_job *job, json_t *take_conf)
{
    struct err e = {0};
    struct methods *m = job->m;
    AUTO_JSON settings = settings_file_read(&m->env->paths);
    settings_file_apply(settings, take_conf);
    job->conf = json_copy(take_conf); /* what the user reads: `instances` as asked for */
    job->ids = calloc(LIMIT_INSTANCES, sizeof(int));
    if (!job->ids || !job->conf) {
        json_decref(take_conf);
        finish(job, "out of memory");
        return;
    }
    job->count = table_add_app(m->table, take_conf, m->world.cpu_count, job->ids, &e);
    if (job->count < 0) {
        finish(job, e.msg);
        return;
    }
    for (int i = 0; i < job->count; i++)
        journal_app(m->env->journal, table_find(m->table, job->ids[i]));
    if (json_get_bool(job->conf, "autostart", true)) {
        order_ids(job, ORDER_START);
        return;
    }
    for (int i = 0; i < job->count; i++) /* PM2 says so of these too */
        event_process(table_find(m->table, job->ids[i]), "start", true);
    on_target_done(job, NULL, 0);
}

/* Whether it could be started, as far as its attributes tell. One target per call. */
static void check_script(struct start_job *job, const struct app_request *rq)
{
    struct err e = {0};
    AUTO_JSON warnings = json_array();
    AUTO_JSON conf = app_conf_from_request(rq, &job->m->world, warnings, &e);
    finish(job, conf ? NULL : e.msg);
}

static void start_script(struct start_job *job, const char *script)
{
    struct err e = {0};
    struct app_request rq = method_request(job->m, job->request);
    rq.script = script;
    json_t *options = json_object_get(job->request, "options");
    if (json_get_bool(job->request, "check", false)) {
        check_script(job, &rq);
        return;
    }
    struct proc *same = same_app(job, script);
    bool force = json_get_bool(options, "force", false);
    if (same && !force && proc_pid(same) > 0) {
        finish(job, "Script already launched, add -f option to force re-execution");
        return;
    }
    if (same && !force) {
        int *ids = NULL;
        int n = methods_select(job->m, proc_name(same), rq.cwd, 0, &ids, &e);
        if (n < 0)
            finish(job, e.msg);
        else
            restart_known(job, ids, n);
        return;
    }
    job->warnings = json_array();
    json_t *conf = app_conf_from_request(&rq, &job->m->world, job->warnings, &e);
    if (conf)
        start_new(job, conf);
    else
        finish(job, e.msg);
}

/* ---- what a target is ---- */

static bool has_extension(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    return dot && dot != base;
}

static bool is_process_file(const char *target)
{
    static const char *const marks[] = {".json",      ".yml",        ".yaml",
                                        ".config.js", ".config.cjs", ".config.mjs"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strstr(target, marks[i]))
            return true;
    return strcmp(target, "-") == 0;
}

static void restart_id(struct start_job *job, long long id, const char *target)
{
    struct err e = {0};
    int *ids = NULL;
    int n = methods_select(job->m, target, json_get_str(job->request, "cwd"), 0, &ids, &e);
    if (n == 1 && ids[0] == id && !table_find(job->m->table, ids[0])) {
        job->ids = ids;
        job->count = n;
        write_result(job, NULL, 0, "God db process id unknown"); /* what was tried */
        finish(job, "God db process id unknown");
        return;
    }
    if (n < 0) {
        finish(job, e.msg);
        return;
    }
    restart_known(job, ids, n);
}

/* As the command line means it: a file of apps, an id, a name or namespace, a script. */
static void start_word(struct start_job *job, const char *target)
{
    struct err e = {0};
    long long number;
    if (is_process_file(target)) {
        finish(job, "process files are not available yet");
        return;
    }
    if (str_to_int(str_from(target), &number) && number >= 0) {
        restart_id(job, number, target);
        return;
    }
    int *ids = NULL;
    const char *cwd = json_get_str(job->request, "cwd");
    bool word = !strchr(target, '/') && !has_extension(target);
    int n = word ? methods_select(job->m, target, cwd, 0, &ids, &e) : -ESRCH;
    if (n > 0) {
        restart_known(job, ids, n);
        return;
    }
    if (n == 0)
        free(ids);
    start_script(job, target);
}

static void on_places(void *ctx, const json_t *warnings)
{
    struct start_job *job = ctx;
    job->places = json_incref((json_t *)warnings);
    finish(job, NULL);
}

static void next_target(struct start_job *job)
{
    json_t *targets = json_object_get(job->request, "targets");
    if (job->next >= json_array_size(targets)) {
        places_wait(job->m->table, job->done_ids, job->done_count, on_places, job);
        return;
    }
    job->next++;
    const char *target = target_of(job);
    if (!target || !*target)
        finish(job, "start: a target must be a text");
    else if (json_get_bool(job->request, "scripts", false))
        start_script(job, target);
    else
        start_word(job, target);
}

void compact_start(struct methods *m, struct call *c, json_t *args)
{
    json_t *request = method_arg(args, 0);
    if (m->shutting_down) {
        call_fail(c, "the daemon is being ended");
        return;
    }
    const char *cwd = json_get_str(request, "cwd");
    if (json_array_size(json_object_get(request, "targets")) == 0 || !cwd || cwd[0] != '/' ||
        !json_is_object(json_object_get(request, "env"))) {
        call_fail(c, "c.start: targets (array), cwd (absolute) and env (object) are needed");
        return;
    }
    struct start_job *job = calloc(1, sizeof(*job));
    if (!job) {
        call_fail(c, "out of memory");
        return;
    }
    job->m = m;
    job->call = c;
    job->request = json_incref(request);
    buf_init(&job->results);
    next_target(job);
}
