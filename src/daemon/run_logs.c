/* SPDX-License-Identifier: MIT
 * Log files, formats and spools of a run. Runs in pm2d. */
#include "run_logs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/log_format.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tz.h"
#include "rotate.h"
#include "settings_file.h"
#include "spool.h"
#include "json/read.h"
#include "json/write.h"

#define FILE_COUNT 3
#define NAME_BYTES 48

static const char *const path_keys[FILE_COUNT] = {"pm_out_log_path", "pm_err_log_path",
                                                  "pm_log_path"};

/* ---- files ---- */

static bool is_null_path(const char *path)
{
    return !path || !*path || strcmp(path, "/dev/null") == 0 || strcmp(path, "NULL") == 0;
}

static const char *path_of(const struct proc *p, size_t i)
{
    const char *path = json_get_str(p->conf, path_keys[i]);
    return is_null_path(path) ? NULL : path;
}

static int local_offset(void *ctx, int64_t utc_s)
{
    return tz_offset(ctx, utc_s);
}

static struct log_policy policy_of(const struct proc_env *env, const json_t *conf, const char *who)
{
    struct err e = {0};
    struct log_policy policy;
    const struct cron_zone zone = {NULL, local_offset};
    if (log_policy_from(conf, env->settings, &zone, clock_wall_ms() / 1000, &policy, &e) < 0)
        log_warn("%s: log files: %s", who, e.msg);
    if (policy.zone[0] && tz_check(policy.zone) < 0) {
        log_warn("%s: log files: time zone %s is not known here", who, policy.zone);
        policy.zone[0] = '\0';
    }
    return policy;
}

void run_logs_apply_policy(const struct proc *p)
{
    struct log_policy policy = policy_of(p->env, p->conf, proc_name(p));
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = path_of(p, i);
        struct logfile *f = path ? logfiles_find(&p->env->files, path) : NULL;
        if (!f)
            continue;
        f->policy = policy;
        rotate_policy_changed(f);
    }
}

void run_logs_read_settings(struct proc_env *env)
{
    struct err e = {0};
    json_t *settings = NULL;
    if (settings_file_get(&env->paths, &settings) == 0) { /* else those from before go on */
        json_decref(env->settings);
        env->settings = settings;
    }
    env->files.pm2 = policy_of(env, NULL, "pm2");
    env->files.floor_bytes = log_policy_floor(env->settings, &e);
    if (e.code)
        log_warn("%s", e.msg);
}

void run_logs_write_state(struct jw *w, const struct proc *p)
{
    uint64_t dropped = 0;
    const struct logfile *seen[FILE_COUNT] = {NULL};
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = path_of(p, i);
        seen[i] = path ? logfiles_find(&p->env->files, path) : NULL;
        if (seen[i] && (i == 0 || seen[i] != seen[i - 1])) /* output and error may share one */
            dropped += seen[i]->dropped_bytes;
    }
    if (dropped > 0)
        jw_kint(w, "log_dropped", (int64_t)dropped);
    if (p->run && (pump_is_blocked(p->run->out) || pump_is_blocked(p->run->err)))
        jw_kbool(w, "log_waits", true);
}

int run_logs_open(struct run *r, struct err *e)
{
    struct proc *p = r->proc;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = path_of(p, i);
        r->files[i] = path ? logfile_open(&p->env->files, path, e) : NULL;
        if (path && !r->files[i])
            return e->code;
    }
    if (r->files[2])
        r->files[2]->refs++; /* both pumps write to the combined file */
    run_logs_apply_policy(p);
    return 0;
}

void run_logs_drop(struct run *r)
{
    if (r->files[2])
        logfile_close(r->files[2]);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        logfile_close(r->files[i]);
        r->files[i] = NULL;
    }
}

/* ---- pumps ---- */

static struct log_format *format_of(const struct proc *p, bool is_err)
{
    const char *type = json_get_str(p->conf, "log_type");
    const char *date = json_get_str(p->conf, "log_date_format");
    bool is_json = type && strcmp(type, "json") == 0;
    struct log_format *f = log_format_new(date, is_json, is_err, p->id, proc_name(p));
    if (!f && errno == ENOMEM)
        log_error("App [%s:%d] its output is not formatted: out of memory", proc_name(p), p->id);
    return f;
}

static struct pump *start_one(struct run *r, int take_fd, bool is_err, const struct pump_handler *h)
{
    const struct proc *p = r->proc;
    struct pump_output out = {r->files[is_err], r->files[2], NULL,
                              json_get_bool(p->conf, "disable_logs", false)};
    if (take_fd < 0) {
        logfile_close(out.file);
        logfile_close(out.combined);
        return NULL;
    }
    if (!out.discard)
        out.format = format_of(p, is_err);
    return pump_new(p->env->loop, take_fd, &out, h);
}

static void spool_name(const struct run *r, bool is_err, char ret[NAME_BYTES])
{
    snprintf(ret, NAME_BYTES, "log:%llx:%s", (unsigned long long)r->handle, is_err ? "err" : "out");
}

static void store_one(struct run *r, const struct pump *pump, bool is_err)
{
    char name[NAME_BYTES];
    if (pump_spool_fd(pump) < 0)
        return;
    spool_name(r, is_err, name);
    int rc = link_store(r->proc->env->link, name, pump_spool_fd(pump));
    if (rc < 0)
        log_error("App [%s:%d] the keeper does not hold its output: %s", proc_name(r->proc),
                  r->proc->id, err_text(rc));
    FAILPOINT("spool.stored");
}

void run_logs_start(struct run *r, int take_out, int take_err, const struct pump_handler *h)
{
    struct err e = {0};
    if (!r->files[0] && !r->files[1] && !r->files[2] && run_logs_open(r, &e) < 0)
        log_error("App [%s:%d] %s", proc_name(r->proc), r->proc->id, e.msg);
    r->out = start_one(r, take_out, false, h);
    r->err = start_one(r, take_err, true, h);
    r->files[0] = r->files[1] = r->files[2] = NULL;
    if (r->proc->env->link) /* else: run_logs_recover() */
        run_logs_rehome(r);
}

void run_logs_rehome(struct run *r)
{
    store_one(r, r->out, false);
    store_one(r, r->err, true);
}

void run_logs_ended(struct run *r, bool is_err)
{
    char name[NAME_BYTES];
    if (pump_spool_fd(is_err ? r->err : r->out) < 0)
        return;
    spool_name(r, is_err, name);
    link_unstore(r->proc->env->link, name);
}

void run_logs_close(struct run *r)
{
    pump_close(r->out);
    pump_close(r->err);
    run_logs_ended(r, false);
    run_logs_ended(r, true);
    r->out = r->err = NULL;
    run_logs_drop(r);
}

/* ---- recovery ---- */

struct stored_spool {
    struct list link;
    int fd;
    char name[NAME_BYTES];
};

bool run_logs_take_stored(struct proc_env *env, struct str name, int take_fd)
{
    if (!str_starts(name, STR("log:")))
        return false;
    struct stored_spool *s = name.n < NAME_BYTES ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        fd_close(&take_fd);
        return true;
    }
    memcpy(s->name, name.p, name.n);
    s->fd = take_fd;
    list_add_tail(&env->stored_spools, &s->link);
    return true;
}

static int claim(struct proc_env *env, const char *name)
{
    list_for_each (it, &env->stored_spools) {
        struct stored_spool *s = LIST_ENTRY(it, struct stored_spool, link);
        if (strcmp(s->name, name) != 0)
            continue;
        int fd = s->fd;
        list_del(&s->link);
        free(s);
        return fd;
    }
    return -1;
}

static void recover_one(struct run *r, struct pump *pump, bool is_err)
{
    char name[NAME_BYTES];
    int rc = 0;
    if (pump_spool_fd(pump) < 0)
        return;
    spool_name(r, is_err, name);
    int fd = claim(r->proc->env, name);
    struct spool *s = fd >= 0 ? spool_new(fd, &rc) : NULL;
    if (s) {
        pump_take_spool(pump, s);
        return;
    }
    if (rc < 0)
        log_error("App [%s:%d] output on its way is lost: %s", proc_name(r->proc), r->proc->id,
                  err_text(rc));
    store_one(r, pump, is_err);
}

void run_logs_recover(struct run *r)
{
    recover_one(r, r->out, false);
    recover_one(r, r->err, true);
}

void run_logs_recovered(struct proc_env *env)
{
    list_for_each_safe (it, next, &env->stored_spools) {
        struct stored_spool *s = LIST_ENTRY(it, struct stored_spool, link);
        link_unstore(env->link, s->name);
        fd_close(&s->fd);
        list_del(&s->link);
        free(s);
    }
}
