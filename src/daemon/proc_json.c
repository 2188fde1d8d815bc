/* SPDX-License-Identifier: MIT
 * Processes as JSON in PM2's field order. Runs in pm2d. */
#include "proc_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "cron_job.h"
#include "health.h"
#include "places.h"
#include "run_logs.h"
#include "json/read.h"

/* Keys of pm2_env that are state, not configuration: they are written by hand below, and neither a
 * variable of the app's environment nor a stale copy in a foreign conf may stand in for them.
 * Sorted. */
static const char *const state_keys[] = {
    "_env_from",
    "_km_monitored",
    "_pm2_version",
    "_process_file",
    "axm_actions",
    "axm_dynamic",
    "axm_monitor",
    "axm_options",
    "created_at",
    "cron_next",
    "env",
    "exit_code",
    "exit_signal",
    "health_state",
    "listen_error",
    "listens_on",
    "log_dropped",
    "log_waits",
    "monit",
    "node_version",
    "notify_status",
    "pm_id",
    "pm_uptime",
    "prev_restart_delay",
    "reason",
    "reason_at",
    "restart_time",
    "status",
    "unstable_restarts",
    "version",
    "vizion_running",
    "watch_kept",
};

static int compare_key(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

/* Ours, and not shown; but they have to outlive the daemon. */
static bool is_hidden_conf(const char *key)
{
    return strcmp(key, "_env_from") == 0 || strcmp(key, "_process_file") == 0;
}

static bool is_state_key(const char *key)
{
    return bsearch(key, state_keys, ARRAY_LEN(state_keys), sizeof(state_keys[0]), compare_key);
}

static const char *instance_key(const struct proc *p)
{
    const char *var = json_get_str(p->conf, "instance_var");
    return var && *var ? var : "NODE_APP_INSTANCE";
}

static void write_conf(struct jw *w, const struct proc *p, unsigned flags)
{
    const char *instance = instance_key(p);
    const char *key;
    json_t *value;
    json_object_foreach (p->conf, key, value) {
        if (strcmp(key, "env") == 0 && (flags & PROC_JSON_ENV))
            jw_kdom(w, key, value);
        else if ((flags & PROC_JSON_SAVED) && is_hidden_conf(key))
            jw_kdom(w, key, value);
        else if ((flags & PROC_JSON_SAVED) && strcmp(key, "instances") == 0)
            continue; /* an entry is one process */
        else if (!is_state_key(key) && strcmp(key, instance) != 0)
            jw_kdom(w, key, value);
    }
    jw_kbool(w, "vizion_running", false);
    if (p->instance >= 0)
        jw_kint(w, instance, p->instance);
}

/* PM2 shows each variable a second time at the top level. A name that is taken stays what it is. */
static void write_flat_env(struct jw *w, const struct proc *p)
{
    const char *instance = instance_key(p);
    const char *key;
    json_t *value;
    json_t *env = json_object_get(p->conf, "env");
    json_object_foreach (env, key, value) {
        if (json_is_object(value) || json_has(p->conf, key) || is_state_key(key) ||
            schema_find(key)) /* nor may a variable look like an option that was never given */
            continue;
        if (p->instance >= 0 && strcmp(key, instance) == 0)
            continue;
        jw_kdom(w, key, value);
    }
}

static void write_dom_or(struct jw *w, const char *key, const json_t *value, const char *empty)
{
    jw_key(w, key);
    if (value)
        jw_dom(w, value);
    else
        jw_raw(w, str_from(empty));
}

/* PM2 has an old generation under another key. */
static void write_id(struct jw *w, const struct proc *p)
{
    char text[32];
    snprintf(text, sizeof(text), "_old_%d", p->id);
    if (p->is_old)
        jw_kstr(w, "pm_id", text);
    else
        jw_kint(w, "pm_id", p->id);
}

struct proc_moment proc_moment_now(const struct proc *p)
{
    return (struct proc_moment){proc_sm_public(&p->sm), p->sm.restart_time,
                                p->sm.unstable_restarts};
}

static void write_state(struct jw *w, const struct proc *p, unsigned flags,
                        const struct proc_moment *at)
{
    jw_kstr(w, "status", at->status);
    jw_kint(w, "pm_uptime", p->pm_uptime);
    write_dom_or(w, "axm_actions", p->axm_actions, "[]");
    write_dom_or(w, "axm_monitor", p->axm_monitor, "{}");
    write_dom_or(w, "axm_options", p->axm_options, "{}");
    write_dom_or(w, "axm_dynamic", NULL, "{}");
    jw_kint(w, "created_at", p->created_at);
    if (!(flags & PROC_JSON_SAVED))
        write_id(w, p);
    jw_kint(w, "restart_time", at->restart_time);
    jw_kint(w, "unstable_restarts", at->unstable_restarts);
    if (proc_is_cluster(p))
        jw_kstr(w, "_pm2_version", PM2_COMPAT_VERSION);
    jw_kstr(w, "version", p->version[0] ? p->version : "N/A");
    if (p->node_version[0])
        jw_kstr(w, "node_version", p->node_version);
    if (p->has_exit)
        jw_kint(w, "exit_code", p->exit_code);
    else if (p->exit_unknown && (flags & PROC_JSON_REASON))
        jw_kdom(w, "exit_code", NULL);
    if (p->exit_signal && (flags & PROC_JSON_REASON))
        jw_kint(w, "exit_signal", p->exit_signal);
    if (p->sm.prev_delay_ms > 0 && !(flags & PROC_JSON_SAVED))
        jw_kint(w, "prev_restart_delay", p->sm.prev_delay_ms);
    if (p->monitored >= 0)
        jw_kbool(w, "_km_monitored", p->monitored);
    if (p->reason && (flags & PROC_JSON_REASON)) {
        jw_kstr(w, "reason", p->reason);
        jw_kint(w, "reason_at", p->reason_at);
    }
    if (proc_pid(p) > 0 && (flags & PROC_JSON_REASON))
        jw_kint(w, "uptime", proc_uptime_ms(p));
    if (cron_job_next_ms(p) > 0 && (flags & PROC_JSON_REASON))
        jw_kint(w, "cron_next", cron_job_next_ms(p));
    if (flags & PROC_JSON_REASON)
        places_write(w, p);
    if (flags & PROC_JSON_REASON)
        run_logs_write_state(w, p);
    if (p->notify_status)
        jw_kstr(w, "notify_status", p->notify_status);
    if (health_word(p)) {
        jw_key(w, "health_state");
        health_write(w, p);
    }
}

void proc_json_env(struct jw *w, const struct proc *p, unsigned flags, const struct proc_moment *at)
{
    struct proc_moment now = proc_moment_now(p);
    jw_obj_begin(w);
    write_conf(w, p, flags);
    write_flat_env(w, p);
    write_state(w, p, flags, at ? at : &now);
    jw_obj_end(w);
}

void proc_json_write(struct jw *w, const struct proc *p, unsigned flags)
{
    jw_obj_begin(w);
    jw_kint(w, "pid", proc_pid(p));
    jw_kstr(w, "name", proc_name(p));
    jw_key(w, "pm2_env");
    proc_json_env(w, p, flags, NULL);
    jw_kint(w, "pm_id", p->id);
    if (flags & PROC_JSON_MONIT) {
        jw_key(w, "monit");
        jw_obj_begin(w);
        jw_kint(w, "memory", (int64_t)p->monit.memory_bytes);
        jw_key(w, "cpu");
        jw_real(w, p->monit.cpu_percent);
        jw_obj_end(w);
    }
    if (flags & PROC_JSON_LIVE) {
        jw_key(w, "process");
        jw_obj_begin(w);
        jw_kint(w, "pid", proc_pid(p));
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* What a table of processes shows. */
static void write_shown(struct jw *w, const struct proc *p)
{
    const char *mode = json_get_str(p->conf, "exec_mode");
    jw_kint(w, "id", p->id);
    jw_kstr(w, "name", proc_name(p));
    jw_kstr(w, "namespace", proc_namespace(p));
    jw_kstr(w, "version", p->version[0] ? p->version : "N/A");
    jw_kstr(w, "mode", mode && strcmp(mode, "cluster_mode") == 0 ? "cluster" : "fork");
    jw_kint(w, "pid", proc_pid(p));
    jw_kint(w, "pm_uptime", p->pm_uptime);
    if (proc_pid(p) > 0)
        jw_kint(w, "uptime", proc_uptime_ms(p));
    jw_kint(w, "restarts", p->sm.restart_time);
    jw_kstr(w, "status", proc_sm_public(&p->sm));
    jw_key(w, "cpu");
    jw_real(w, p->monit.cpu_percent);
    jw_kint(w, "memory", (int64_t)p->monit.memory_bytes);
    jw_kstr(w, "user", json_get_str(p->conf, "username"));
    if (json_has(p->conf, "uid"))
        jw_kdom(w, "uid", json_object_get(p->conf, "uid"));
    jw_kbool(w, "watching", json_truthy(json_object_get(p->conf, "watch")));
    jw_kbool(w, "module", json_truthy(json_object_get(p->conf, "pmx_module")));
    if (p->reason) {
        jw_kstr(w, "reason", p->reason);
        jw_kint(w, "reason_at", p->reason_at);
    }
    if (health_word(p))
        jw_kstr(w, "health", health_word(p));
}

void proc_json_brief(struct jw *w, const struct proc *p)
{
    jw_obj_begin(w);
    write_shown(w, p);
    jw_obj_end(w);
}

void proc_json_row(struct jw *w, const struct proc *p)
{
    jw_obj_begin(w);
    write_shown(w, p);
    jw_kint(w, "created_at", p->created_at);
    jw_kint(w, "unstable", p->sm.unstable_restarts);
    jw_kstr(w, "script", json_get_str(p->conf, "pm_exec_path"));
    jw_kstr(w, "out_log", json_get_str(p->conf, "pm_out_log_path"));
    jw_kstr(w, "err_log", json_get_str(p->conf, "pm_err_log_path"));
    if (json_get_str(p->conf, "pm_log_path"))
        jw_kstr(w, "log", json_get_str(p->conf, "pm_log_path"));
    jw_kstr(w, "pid_path", json_get_str(p->conf, "pm_pid_path"));
    jw_obj_end(w);
}
