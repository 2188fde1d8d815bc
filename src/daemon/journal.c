/* SPDX-License-Identifier: MIT
 * The journal. Runs in pm2d; small appends only. A disk that refuses costs recovery, never an app:
 * the failure is logged once and tried again with the next record. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "primary.h"
#include "reload.h"
#include "table.h"
#include "json/read.h"
#include "json/write.h"

#define REWRITE_MIN_BYTES (1024 * 1024)
#define FORMAT            1

struct journal {
    int fd;
    char *path;
    struct table *table;
    size_t bytes, live_bytes; /* now; after the last rewrite */
    bool failing;
    struct buf line;
};

static void read_boot_id(char *ret, size_t size)
{
    ret[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);
    fd_close(&fd);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* ---- reading ---- */

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
    p->sm.restart_time = int_or(r, "restarts", 0);
    p->sm.unstable_restarts = int_or(r, "unstable", 0);
    p->sm.prev_delay_ms = int_or(r, "delay", 0);
    p->sm.cannot_start = json_get_bool(r, "cannot", false);
    p->sm.over_limit = json_get_bool(r, "over", false);
    p->pm_uptime = int_or(r, "up", 0);
    p->created_at = int_or(r, "created", 0);
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

static void take_app(struct table *t, int id, const json_t *r)
{
    json_t *conf = json_object_get(r, "conf");
    if (!json_is_object(conf))
        return;
    struct proc *p = table_find(t, id);
    if (p) {
        json_decref(p->conf);
        p->conf = json_incref(conf);
        proc_policy_refresh(p);
    } else {
        p = table_add_recovered(t, id, json_incref(conf));
    }
    if (!p)
        return;
    p->instance = int_or(r, "instance", -1);
    if (json_has(r, "state"))
        take_state(p, json_object_get(r, "state"));
    if (p->other && json_is_object(json_object_get(r, "other_conf"))) {
        json_decref(p->other->conf);
        p->other->conf = json_incref(json_object_get(r, "other_conf"));
        proc_policy_refresh(p->other);
    }
}

static void take_record(struct table *t, const json_t *r)
{
    const char *type = json_get_str(r, "t");
    int64_t id;
    if (!type || !json_get_int(r, "id", &id) || id < 0 || id > INT32_MAX)
        return;
    struct proc *p = table_find(t, (int)id);
    if (strcmp(type, "app") == 0) {
        take_app(t, (int)id, r);
    } else if (strcmp(type, "st") == 0 && p) {
        take_state(p, r);
    } else if (strcmp(type, "del") == 0 && p) {
        table_remove(t, p);
        proc_discard(p);
    }
    if (id >= t->next_id)
        t->next_id = (int)id + 1;
}

static bool same_boot(struct str line)
{
    char boot[64];
    read_boot_id(boot, sizeof(boot));
    AUTO_JSON head = json_read(line, NULL);
    const char *was = json_get_str(head, "boot");
    return was && strcmp(was, boot) == 0 && int_or(head, "format", 0) == FORMAT;
}

static int read_file(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t n = 1;
    while (n > 0 && buf_reserve(text, 65536)) {
        n = read(fd, text->data + text->len, 65536);
        if (n > 0)
            text->len += (size_t)n;
    }
    text->data[text->len] = '\0';
    fd_close(&fd);
    return buf_oom(text) || n < 0 ? -EIO : 0;
}

int journal_check(const char *path, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    struct str rest;
    struct str line;
    int rc = read_file(path, &text);
    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return err_set(e, rc, "cannot read %s: %s", path, err_text(rc));
    rest = buf_str(&text);
    if (!str_cut_line(&rest, &line))
        return 0;
    AUTO_JSON head = json_read(line, NULL);
    int64_t format = int_or(head, "format", 0);
    return format == FORMAT
               ? 0
               : err_set(e, -EPROTONOSUPPORT, "%s has format %lld, this program reads format %d",
                         path, (long long)format, FORMAT);
}

static int replay(const char *path, struct table *t)
{
    AUTO(buf) text = BUF_INIT;
    if (read_file(path, &text) < 0 || text.len == 0)
        return 0;
    struct str rest = buf_str(&text);
    struct str line;
    if (!str_cut_line(&rest, &line) || !same_boot(line))
        return 0; /* the machine was restarted: nothing of it runs any more */
    unsigned bad = 0;
    while (str_cut_line(&rest, &line)) {
        AUTO_JSON r = json_read(line, NULL);
        if (r)
            take_record(t, r);
        else
            bad++;
    }
    if (bad > 0 || rest.n > 0)
        log_warn("%s: %u unreadable records skipped", path, bad + (rest.n > 0));
    return (int)t->count;
}

/* ---- writing ---- */

static void append(struct journal *j)
{
    buf_add_byte(&j->line, '\n');
    FAILPOINT("journal.before");
    int rc = buf_oom(&j->line) ? -ENOMEM : fd_write_all(j->fd, j->line.data, j->line.len);
    if (rc < 0 && !j->failing)
        log_error("cannot write %s: %s (recovery after a crash of pm2d is at risk)", j->path,
                  err_text(rc));
    j->failing = rc < 0;
    FAILPOINT("journal.after");
    j->bytes += j->line.len;
    buf_clear(&j->line);
    buf_trim(&j->line, 16384);
}

static void write_head(struct journal *j)
{
    char boot[64];
    read_boot_id(boot, sizeof(boot));
    struct jw w = jw_to(&j->line);
    jw_obj_begin(&w);
    jw_kstr(&w, "t", "head");
    jw_kstr(&w, "boot", boot);
    jw_kint(&w, "format", FORMAT);
    jw_obj_end(&w);
    append(j);
}

/* Of a process, and inside that of its other generation. */
/* NOLINTNEXTLINE(misc-no-recursion): one level, an other generation has none */
static void put_members(struct jw *w, const struct proc *p)
{
    jw_kint(w, "state", p->sm.state);
    jw_kint(w, "goal", p->sm.goal);
    jw_kint(w, "restarts", p->sm.restart_time);
    jw_kint(w, "unstable", p->sm.unstable_restarts);
    jw_kint(w, "delay", p->sm.prev_delay_ms);
    jw_kint(w, "up", p->pm_uptime);
    jw_kint(w, "created", p->created_at);
    jw_kint(w, "runs", p->run_count);
    if (p->run_top != p->run_count)
        jw_kint(w, "top", p->run_top);
    if (p->slot)
        jw_kint(w, "slot", p->slot);
    if (p->last_pid > 0) {
        jw_kint(w, "pid", p->last_pid);
        jw_kint(w, "ticks", (int64_t)p->last_ticks);
    }
    if (p->has_exit)
        jw_kint(w, "exit", p->exit_code);
    else if (p->exit_unknown)
        jw_kdom(w, "exit", NULL);
    if (p->exit_signal)
        jw_kint(w, "sig", p->exit_signal);
    if (p->sm.cannot_start)
        jw_kbool(w, "cannot", true);
    if (p->sm.over_limit)
        jw_kbool(w, "over", true);
    jw_kstr(w, "version", p->version);
    jw_kstr(w, "node", p->node_version);
    if (p->reason) {
        jw_kstr(w, "reason", p->reason);
        jw_kint(w, "reason_at", p->reason_at);
    }
    primary_write_claims(w, p);
    if (!p->other)
        return;
    jw_key(w, "other");
    jw_obj_begin(w);
    jw_kbool(w, "old", p->other->is_old);
    if (reload_is_parked(p))
        jw_kbool(w, "parked", true);
    put_members(w, p->other);
    jw_obj_end(w);
}

static void write_app(struct journal *j, const struct proc *p)
{
    struct jw w = jw_to(&j->line);
    jw_obj_begin(&w);
    jw_kstr(&w, "t", "app");
    jw_kint(&w, "id", p->id);
    jw_kint(&w, "instance", p->instance);
    jw_kdom(&w, "conf", p->conf);
    if (p->other && p->other->conf != p->conf)
        jw_kdom(&w, "other_conf", p->other->conf);
    if (p->other) { /* a switch is one record: either it has been, or it has not */
        jw_key(&w, "state");
        jw_obj_begin(&w);
        put_members(&w, p);
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    append(j);
}

static void put_state(struct buf *line, const struct proc *p)
{
    struct jw w = jw_to(line);
    jw_obj_begin(&w);
    jw_kstr(&w, "t", "st");
    jw_kint(&w, "id", p->id);
    put_members(&w, p);
    jw_obj_end(&w);
}

/* FNV-1a; never 0. */
static uint64_t hash_line(const struct buf *line)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < line->len; i++)
        h = (h ^ (unsigned char)line->data[i]) * 1099511628211u;
    return h ? h : 1;
}

/* Nothing when the last record of this process says the same. */
static void write_state(struct journal *j, struct proc *p)
{
    put_state(&j->line, p);
    uint64_t hash = hash_line(&j->line);
    if (hash == p->journalled && !buf_oom(&j->line)) {
        buf_clear(&j->line);
        return;
    }
    append(j);
    p->journalled = j->failing ? 0 : hash;
}

/* Write everything that is true now into a new file and put it in the old one's place. */
static int rewrite(struct journal *j)
{
    char tmp[4200];
    snprintf(tmp, sizeof(tmp), "%s.new", j->path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int old = j->fd;
    j->fd = fd;
    j->bytes = 0;
    j->failing = false;
    write_head(j);
    for (size_t i = 0; i < j->table->count; i++) {
        struct proc *p = j->table->items[i];
        write_app(j, p);
        p->journalled = 0;
        write_state(j, p);
    }
    int rc = j->failing ? -EIO : 0;
    if (rc == 0 && rename(tmp, j->path) < 0)
        rc = -errno;
    if (rc < 0 && old >= 0) { /* the old file goes on */
        fd_close(&j->fd);
        j->fd = old;
        (void)unlink(tmp);
        for (size_t i = 0; i < j->table->count; i++)
            j->table->items[i]->journalled = 0; /* it may say something else */
        return rc;
    }
    j->live_bytes = j->bytes;
    fd_close(&old);
    return rc;
}

static void rewrite_if_grown(struct journal *j)
{
    if (j->bytes < REWRITE_MIN_BYTES || j->bytes < 4 * j->live_bytes)
        return;
    int rc = rewrite(j);
    if (rc < 0) {
        log_warn("cannot rewrite %s: %s", j->path, err_text(rc));
        j->live_bytes = j->bytes; /* not again at once */
    }
}

void journal_app(struct journal *j, const struct proc *p)
{
    if (!j)
        return;
    write_app(j, p);
    rewrite_if_grown(j);
}

void journal_state(struct journal *j, struct proc *p)
{
    if (!j)
        return;
    write_state(j, proc_lead(p));
    rewrite_if_grown(j);
}

void journal_del(struct journal *j, int id)
{
    if (!j)
        return;
    buf_printf(&j->line, "{\"t\":\"del\",\"id\":%d}", id);
    append(j);
}

struct journal *journal_open(const char *path, struct table *t, int *ret_found, struct err *e)
{
    *ret_found = replay(path, t);
    struct journal *j = calloc(1, sizeof(*j));
    char *copy = strdup(path);
    if (!j || !copy) {
        free(j);
        free(copy);
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    j->fd = -1;
    j->path = copy;
    j->table = t;
    buf_init(&j->line);
    int rc = rewrite(j);
    if (rc < 0) {
        err_set(e, rc, "cannot write %s: %s", path, err_text(rc));
        journal_close(j, false);
        return NULL;
    }
    return j;
}

void journal_close(struct journal *j, bool remove)
{
    if (!j)
        return;
    if (remove)
        file_unlink_own(j->path, file_id_of(j->fd));
    fd_close(&j->fd);
    buf_fini(&j->line);
    free(j->path);
    free(j);
}
