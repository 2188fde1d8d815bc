/* SPDX-License-Identifier: MIT
 * Writing the journal. Runs in pm2d; small appends only. A disk that refuses costs recovery, never
 * an app: that is said once, and all that is true then is written as soon as the disk takes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "journal_priv.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "primary.h"
#include "reload.h"
#include "table.h"
#include "json/write.h"

#define REWRITE_MIN_BYTES (1024 * 1024)
#define RETRY_MS          1000

struct journal {
    int fd; /* -1 = the disk has not taken any file yet */
    char *path;
    struct table *table;
    size_t bytes, live_bytes; /* now; after the last rewrite */
    bool failing;             /* what is on the disk lacks something */
    bool is_torn;             /* perhaps its last line is a half one */
    uv_timer_t *retry;        /* only while it fails; of its own, it may outlive us by a turn */
    bool is_stopped;
    bool is_held;
    struct buf line, held;
};

void journal_boot_id(char ret[JOURNAL_BOOT_BYTES])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, ret, JOURNAL_BOOT_BYTES - 1);
    fd_close(&fd);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* ---- sums ---- */

uint32_t journal_sum_of(struct str text)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)text.p, text.n);
}

enum journal_sum journal_sum_check(struct str line)
{
    const struct str begin = STR(JOURNAL_SUM_BEGIN);
    const struct str end = STR(JOURNAL_SUM_END);
    char hex[9];
    size_t n = begin.n + 8 + end.n;
    if (line.n < n || !str_ends(line, end))
        return JOURNAL_SUM_NONE;
    struct str head = {line.p, line.n - n};
    struct str tail = {line.p + head.n, n};
    if (!str_starts(tail, begin))
        return JOURNAL_SUM_NONE;
    snprintf(hex, sizeof(hex), "%08x", journal_sum_of(head));
    return memcmp(tail.p + begin.n, hex, 8) == 0 ? JOURNAL_SUM_GOOD : JOURNAL_SUM_BAD;
}

/* ---- writing ---- */

static int write_out(struct journal *j, const struct buf *text)
{
    int rc = buf_oom(text) ? -ENOMEM : j->fd < 0 ? -EBADF : 0;
    if (rc == 0 && j->is_torn)
        rc = fd_write_all(j->fd, "\n", 1);
    if (rc == 0) {
        rc = fd_write_all(j->fd, text->data, text->len);
        j->is_torn = rc < 0;
    }
    j->bytes += text->len;
    return rc;
}

/* Close the record in `line`, which is an object, and write it. 0 or -errno. */
static int put(struct journal *j)
{
    int rc = 0;
    if (j->line.len > 0)
        buf_truncate(&j->line, j->line.len - 1);
    uint32_t sum = journal_sum_of(buf_str(&j->line));
    buf_printf(&j->line, JOURNAL_SUM_BEGIN "%08x" JOURNAL_SUM_END "\n", sum);
    if (j->is_held && !buf_oom(&j->line))
        buf_add_str(&j->held, buf_str(&j->line));
    else
        rc = write_out(j, &j->line);
    buf_clear(&j->line);
    buf_trim(&j->line, 16384);
    return rc;
}

static void failed(struct journal *j, int code);

static void append(struct journal *j)
{
    FAILPOINT("journal.before");
    int rc = put(j);
    if (rc < 0)
        failed(j, rc);
    FAILPOINT("journal.after");
}

static void add_head(struct journal *j, const char *boot)
{
    struct jw w = jw_to(&j->line);
    jw_obj_begin(&w);
    jw_kstr(&w, "t", "head");
    jw_kstr(&w, "boot", boot);
    jw_kint(&w, "format", JOURNAL_FORMAT);
    jw_obj_end(&w);
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

static void add_app(struct journal *j, const struct proc *p)
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

static void add_action(struct journal *j, const struct proc *p, const json_t *action)
{
    struct jw w = jw_to(&j->line);
    jw_obj_begin(&w);
    jw_kstr(&w, "t", "act");
    jw_kint(&w, "id", p->id);
    jw_kint(&w, "run", p->run_count);
    jw_kdom(&w, "data", action);
    jw_obj_end(&w);
}

/* Of both generations. */
/* NOLINTNEXTLINE(misc-no-recursion): one level, an other generation has none */
static int put_actions(struct journal *j, const struct proc *p)
{
    int rc = 0;
    size_t i;
    json_t *action;
    json_array_foreach (p->axm_actions, i, action) {
        add_action(j, p, action);
        rc = put(j);
        if (rc < 0)
            return rc;
    }
    return p->other ? put_actions(j, p->other) : 0;
}

/* FNV-1a; never 0. */
static uint64_t hash_line(const struct buf *line)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < line->len; i++)
        h = (h ^ (unsigned char)line->data[i]) * 1099511628211u;
    return h ? h : 1;
}

/* All that is true now. */
static int put_all(struct journal *j)
{
    char boot[JOURNAL_BOOT_BYTES];
    journal_boot_id(boot);
    add_head(j, boot);
    int rc = put(j);
    if (rc == 0) { /* with an empty line between: a newline may be damaged as well */
        j->is_torn = true;
        add_head(j, boot);
        rc = put(j);
    }
    for (size_t i = 0; i < j->table->count && rc == 0; i++) {
        struct proc *p = j->table->items[i];
        add_app(j, p);
        rc = put(j);
        put_state(&j->line, p);
        p->journalled = hash_line(&j->line);
        if (rc == 0)
            rc = put(j);
        buf_clear(&j->line);
        if (rc == 0)
            rc = put_actions(j, p);
    }
    return rc;
}

/* Write everything into a new file and put it in the old one's place. 0, or -errno: the old file
 * goes on. */
static int rewrite(struct journal *j)
{
    AUTO(buf) temp = BUF_INIT;
    struct journal old = *j;
    buf_printf(&temp, "%s.new", j->path);
    if (buf_oom(&temp))
        return -ENOMEM;
    j->fd = open(temp.data, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = j->fd < 0 ? -errno : 0;
    j->bytes = 0;
    j->is_torn = false;
    if (rc == 0)
        rc = put_all(j);
    if (rc == 0 && rename(temp.data, j->path) < 0)
        rc = -errno;
    if (rc == 0) {
        j->live_bytes = j->bytes;
        fd_close(&old.fd);
        return 0;
    }
    if (j->fd >= 0)
        (void)unlink(temp.data);
    fd_close(&j->fd);
    j->fd = old.fd;
    j->bytes = old.bytes;
    j->is_torn = old.is_torn;
    for (size_t i = 0; i < j->table->count; i++)
        j->table->items[i]->journalled = 0; /* the old file may say something else */
    return rc;
}

/* ---- a disk that refuses ---- */

static void on_retry_closed(uv_handle_t *h)
{
    free(h);
}

static void stop_retrying(struct journal *j)
{
    if (j->retry)
        uv_close((uv_handle_t *)j->retry, on_retry_closed);
    j->retry = NULL;
}

static void on_retry(uv_timer_t *t)
{
    struct journal *j = t->data;
    if (rewrite(j) < 0)
        return;
    j->failing = false;
    stop_retrying(j);
    log_warn("%s is written again: nothing is missing in it any more", j->path);
}

/* Records are lost from now on; a rewrite makes good for all of them. */
static void failed(struct journal *j, int code)
{
    if (!j->failing)
        log_error("cannot write %s: %s (recovery after a crash of pm2d is at risk)", j->path,
                  err_text(code));
    j->failing = true;
    if (!j->is_stopped && !j->retry && (j->retry = malloc(sizeof(*j->retry)))) {
        uv_timer_init(j->table->env->loop, j->retry);
        j->retry->data = j;
        uv_timer_start(j->retry, on_retry, RETRY_MS, RETRY_MS);
    }
}

void journal_stop(struct journal *j)
{
    if (!j)
        return;
    j->is_stopped = true;
    stop_retrying(j);
}

/* ---- what others call ---- */

static void rewrite_if_grown(struct journal *j)
{
    if (j->is_held || j->bytes < REWRITE_MIN_BYTES || j->bytes < 4 * j->live_bytes)
        return;
    int rc = rewrite(j);
    if (rc < 0) {
        log_warn("cannot rewrite %s: %s", j->path, err_text(rc));
        j->live_bytes = j->bytes; /* not again at once */
    }
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
    p->journalled = hash;
    append(j);
}

void journal_app(struct journal *j, const struct proc *p)
{
    if (!j)
        return;
    add_app(j, p);
    append(j);
    int rc = p->other ? put_actions(j, p) : 0; /* the generations may have changed places */
    if (rc < 0)
        failed(j, rc);
    rewrite_if_grown(j);
}

void journal_state(struct journal *j, struct proc *p)
{
    if (!j)
        return;
    write_state(j, proc_lead(p));
    rewrite_if_grown(j);
}

void journal_action(struct journal *j, const struct proc *p, const json_t *action)
{
    if (!j)
        return;
    add_action(j, p, action);
    append(j);
    rewrite_if_grown(j);
}

void journal_del(struct journal *j, int id)
{
    if (!j)
        return;
    buf_printf(&j->line, "{\"t\":\"del\",\"id\":%d}", id);
    append(j);
}

/* When no new file can be made now, the one that was read goes on. */
static int open_first(struct journal *j, bool is_ours)
{
    int rc = rewrite(j);
    if (rc != -ENOSPC && rc != -EDQUOT && rc != -EIO && rc != -ENOMEM && rc != -EMFILE &&
        rc != -ENFILE)
        return rc;
    if (is_ours)
        j->fd = open(j->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    j->is_torn = true;
    failed(j, rc);
    return 0;
}

void journal_hold(struct journal *j)
{
    if (j)
        j->is_held = true;
}

void journal_release(struct journal *j)
{
    if (!j || !j->is_held)
        return;
    j->is_held = false;
    int rc = write_out(j, &j->held);
    buf_fini(&j->held);
    if (rc < 0)
        failed(j, rc);
    rewrite_if_grown(j);
}

struct journal *journal_open(const char *path, struct table *t, int *ret_found, struct err *e)
{
    bool is_ours;
    *ret_found = journal_read(path, t, &is_ours, e);
    if (*ret_found < 0)
        return NULL;
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
    buf_init(&j->held);
    int rc = open_first(j, is_ours);
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
    journal_stop(j);
    if (remove && j->fd >= 0)
        file_unlink_own(j->path, file_id_of(j->fd));
    fd_close(&j->fd);
    buf_fini(&j->line);
    buf_fini(&j->held);
    free(j->path);
    free(j);
}
