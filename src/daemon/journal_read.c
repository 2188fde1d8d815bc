/* SPDX-License-Identifier: MIT
 * Reading the journal. Runs in pm2d, once, before anything else is known. A record that is not what
 * was written is left out, and said; one that cannot be read for want of memory or descriptors ends
 * the start, so that the next one finds the file as it is: whatever is in no record is ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/dump.h"
#include "appmsg.h"
#include "base/limits.h"
#include "base/log.h"
#include "dump_file.h"
#include "host/world.h"
#include "journal_priv.h"
#include "os/atomic_file.h"
#include "primary.h"
#include "reload.h"
#include "table.h"
#include "json/read.h"

struct reading {
    struct table *t;
    const char *path;
    bool is_summed; /* the head says that each record has a sum */
    unsigned bad;
    json_t *list; /* the saved list, once it was needed; owned */
};

/* ---- what a record says ---- */

static int64_t int_or(const json_t *obj, const char *key, int64_t fallback)
{
    int64_t v;
    return json_get_int(obj, key, &v) ? v : fallback;
}

static void copy_text(char *to, size_t size, const json_t *obj, const char *key)
{
    const char *text = json_get_str(obj, key);
    snprintf(to, size, "%s", text ? text : "");
}

static void take_state(struct proc *p, const json_t *r);

/* NOLINTNEXTLINE(misc-no-recursion): one level, an other generation has none */
static void take_other(struct proc *p, const json_t *r)
{
    struct proc *o = p->lead ? NULL : reload_recover_other(p, json_is_object(r));
    if (!o)
        return;
    o->is_old = json_get_bool(r, "old", false);
    take_state(o, r);
    reload_recover_parked(p, json_get_bool(r, "parked", false));
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void take_state(struct proc *p, const json_t *r)
{
    p->sm.state = (enum proc_state)int_or(r, "state", PROC_STOPPED);
    p->sm.goal = (enum proc_goal)int_or(r, "goal", GOAL_DOWN);
    if (p->sm.state < 0 || p->sm.state >= PROC_STATE_COUNT || p->sm.goal < 0 ||
        p->sm.goal >= GOAL_COUNT) {
        p->sm.state = PROC_STOPPED;
        p->sm.goal = GOAL_DOWN;
    }
    proc_sm_set_restarts(&p->sm, int_or(r, "restarts", 0));
    p->sm.unstable_restarts = int_or(r, "unstable", 0);
    p->sm.prev_delay_ms = int_or(r, "delay", 0);
    p->sm.cannot_start = json_get_bool(r, "cannot", false);
    p->sm.over_limit = json_get_bool(r, "over", false);
    p->pm_uptime = int_or(r, "up", 0);
    p->created_at = int_or(r, "created", 0);
    if (p->run_count != (uint32_t)int_or(r, "runs", 0)) { /* its actions are of another run */
        json_decref(p->axm_actions);
        p->axm_actions = NULL;
    }
    p->run_count = (uint32_t)int_or(r, "runs", 0);
    p->run_top = (uint32_t)int_or(r, "top", p->run_count);
    p->slot = int_or(r, "slot", 0) == 1;
    p->exit_unknown = json_is_null(json_object_get(r, "exit"));
    p->has_exit = json_has(r, "exit") && !p->exit_unknown;
    p->exit_code = (int)int_or(r, "exit", 0);
    p->exit_signal = (int)int_or(r, "sig", 0);
    p->last_pid = (pid_t)int_or(r, "pid", 0);
    p->last_ticks = (uint64_t)int_or(r, "ticks", 0);
    copy_text(p->version, sizeof(p->version), r, "version");
    copy_text(p->node_version, sizeof(p->node_version), r, "node");
    json_decref(p->claims);
    p->claims = primary_read_claims(r);
    take_other(p, json_object_get(r, "other"));
    if (json_get_str(r, "reason")) {
        proc_set_reason(p, "%s", json_get_str(r, "reason"));
        p->reason_at = int_or(r, "reason_at", p->reason_at);
    }
}

static bool is_app(const json_t *r)
{
    const json_t *conf = json_object_get(r, "conf");
    return json_get_str(conf, "name") && json_get_str(conf, "pm_exec_path");
}

static int take_app(struct table *t, int id, const json_t *r)
{
    json_t *conf = json_object_get(r, "conf");
    struct proc *p = table_find(t, id);
    if (p) {
        json_decref(p->conf);
        p->conf = json_incref(conf);
        proc_policy_refresh(p);
    } else {
        p = table_add_recovered(t, id, json_incref(conf));
    }
    if (!p)
        return -ENOMEM;
    p->instance = int_or(r, "instance", -1);
    if (json_has(r, "state"))
        take_state(p, json_object_get(r, "state"));
    if (p->other && json_is_object(json_object_get(r, "other_conf"))) {
        json_decref(p->other->conf);
        p->other->conf = json_incref(json_object_get(r, "other_conf"));
        proc_policy_refresh(p->other);
    }
    return 0;
}

/* ---- what it says no more ---- */

/* The record of its configuration is damaged: perhaps the user has saved it. */
static struct proc *take_saved(struct reading *in, int id)
{
    const struct pm2_paths *paths = &in->t->env->paths;
    struct app_world world;
    struct dump_found found;
    struct proc *p = NULL;
    struct err e = {0};
    size_t i;
    json_t *entry;
    if (!in->list && paths->dump_file) {
        dump_file_read(&(struct dump_paths){paths->dump_file, paths->dump_backup}, &found);
        in->list = found.entries;
    }
    world_init(&world);
    json_array_foreach (in->list, i, entry) {
        struct dump_entry d;
        if (p || dump_take(entry, &d) < 0)
            continue;
        if (d.id == id && app_conf_check(d.conf, &world, &e) == 0)
            p = table_add_saved(in->t, id, d.conf, &e);
        else
            json_decref(d.conf);
    }
    if (p)
        log_warn("App [%s:%d] its record in %s is damaged; it is taken as it was saved",
                 proc_name(p), id, in->path);
    return p;
}

static void take_action(struct proc *p, const json_t *r)
{
    int64_t run = int_or(r, "run", -1);
    if (p->other && p->other->run_count == run)
        p = p->other;
    if (p->run_count == run)
        (void)appmsg_add_action(p, json_object_get(r, "data"));
}

/* 0, or -ENOMEM. */
static int take_record(struct reading *in, const json_t *r)
{
    struct table *t = in->t;
    const char *type = json_get_str(r, "t");
    int64_t id;
    if (!type || !json_get_int(r, "id", &id) || id < 0 || id > INT32_MAX)
        return 0; /* the second head; what a later version writes */
    struct proc *p = table_find(t, (int)id);
    int rc = 0;
    if (strcmp(type, "app") == 0) {
        if (is_app(r))
            rc = take_app(t, (int)id, r);
        else
            in->bad++;
    } else if (strcmp(type, "st") == 0) {
        if (!p && in->bad > 0)
            p = take_saved(in, (int)id);
        if (p)
            take_state(p, r);
    } else if (strcmp(type, "act") == 0 && p) {
        take_action(p, r);
    } else if (strcmp(type, "del") == 0 && p) {
        table_remove(t, p);
        proc_discard(p);
    }
    if (id >= t->next_id)
        t->next_id = (int)id + 1;
    return rc;
}

/* ---- the file ---- */

static int read_file(const char *path, struct buf *text, struct err *e)
{
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = fd < 0 ? -errno : 0;
    while (rc == 0 && n > 0) {
        if (!buf_reserve(text, 65536)) {
            rc = -ENOMEM;
            break;
        }
        n = read(fd, text->data + text->len, 65536);
        if (n > 0)
            text->len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            rc = -errno;
        n = n < 0 ? 1 : n;
    }
    text->data[text->len] = '\0';
    if (fd >= 0)
        close(fd);
    return rc == 0 || rc == -ENOENT ? rc : err_set(e, rc, "cannot read %s: %s", path, err_text(rc));
}

/* The head, from whichever of its two lines is as it was written; one without a sum (of an earlier
 * version) only when there is no other. `ret`: NULL, or owned. 0 or -ENOMEM. */
static int read_head(struct str text, json_t **ret)
{
    struct str line;
    enum journal_sum sum = JOURNAL_SUM_NONE;
    *ret = NULL;
    for (int i = 0; i < JOURNAL_HEAD_LINES && sum != JOURNAL_SUM_GOOD && str_cut_line(&text, &line);
         i++) {
        struct err e = {0};
        sum = journal_sum_check(line);
        json_t *head = line.n > 0 && sum != JOURNAL_SUM_BAD ? json_read(line, &e) : NULL;
        const char *type = json_get_str(head, "t");
        bool is_better = type && strcmp(type, "head") == 0 && (!*ret || sum == JOURNAL_SUM_GOOD);
        json_decref(is_better ? *ret : head);
        if (is_better)
            *ret = head;
        if (e.code == -ENOMEM) {
            json_decref(*ret);
            return -ENOMEM;
        }
    }
    return 0;
}

static int check_format(const json_t *head, const char *path, struct err *e)
{
    int64_t format = int_or(head, "format", 0);
    return format == JOURNAL_FORMAT
               ? 0
               : err_set(e, -EPROTONOSUPPORT, "%s has format %lld, this program reads format %d",
                         path, (long long)format, JOURNAL_FORMAT);
}

/* 1 with the text and its head (owned; NULL when it is damaged), 0 when there is no text, or
 * negative. */
static int read_with_head(const char *path, struct buf *text, json_t **ret_head, struct err *e)
{
    *ret_head = NULL;
    int rc = read_file(path, text, e);
    if (rc < 0 || text->len == 0)
        return rc == -ENOENT ? 0 : rc;
    rc = read_head(buf_str(text), ret_head);
    return rc < 0 ? err_set(e, rc, "out of memory") : 1;
}

int journal_check(const char *path, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    json_t *head;
    int rc = read_with_head(path, &text, &head, e);
    if (rc <= 0)
        return rc;
    rc = head ? check_format(head, path, e)
              : err_set(e, -EBADMSG, "%s is damaged: its head cannot be read", path);
    json_decref(head);
    return rc;
}

/* One line. 0, or -ENOMEM; one that is damaged is counted. */
static int take_line(struct reading *in, struct str line)
{
    struct err e = {0};
    enum journal_sum sum = journal_sum_check(line);
    if (line.n == 0) /* behind one that the disk did not take whole */
        return 0;
    AUTO_JSON r = sum == JOURNAL_SUM_GOOD || (sum == JOURNAL_SUM_NONE && !in->is_summed)
                      ? json_read(line, &e)
                      : NULL;
    if (e.code == -ENOMEM)
        return -ENOMEM;
    if (r)
        return take_record(in, r);
    in->bad++;
    return 0;
}

/* People, not programs, may still make something of it. */
static void keep_aside(const char *path)
{
    struct err e = {0};
    AUTO(buf) aside = BUF_INIT;
    buf_printf(&aside, "%s.damaged", path);
    if (buf_oom(&aside) || file_keep_as(path, aside.data, &e) < 0)
        log_error("the damaged file is not kept: %s", e.msg);
    else
        log_error("the damaged file is kept as %s", aside.data);
}

static int take_lines(struct reading *in, struct str rest)
{
    struct str line;
    int rc = 0;
    while (rc == 0 && str_cut_line(&rest, &line))
        rc = take_line(in, line);
    if (rc == 0 && rest.n > 0)
        in->bad++;
    json_decref(in->list);
    if (rc == 0 && in->bad > 0) {
        log_error("%s: %u unreadable records are left out", in->path, in->bad);
        keep_aside(in->path);
    }
    return rc;
}

int journal_read(const char *path, struct table *t, bool *ret_is_ours, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    struct reading in = {.t = t, .path = path};
    char boot[JOURNAL_BOOT_BYTES];
    json_t *head;
    *ret_is_ours = false;
    int rc = read_with_head(path, &text, &head, e);
    if (rc <= 0)
        return rc;
    if (!head) {
        log_error("%s is not used: its head cannot be read", path);
        keep_aside(path);
        return 0;
    }
    journal_boot_id(boot);
    const char *was = json_get_str(head, "boot");
    *ret_is_ours = was && strcmp(was, boot) == 0;
    in.is_summed = json_has(head, JOURNAL_SUM_KEY);
    rc = *ret_is_ours ? check_format(head, path, e) : 0;
    json_decref(head);
    if (rc < 0 || !*ret_is_ours) /* the machine was restarted: nothing of it runs any more */
        return rc;
    rc = take_lines(&in, buf_str(&text));
    return rc < 0 ? err_set(e, rc, "out of memory while %s is read", path) : (int)t->count;
}
