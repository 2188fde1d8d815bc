/* SPDX-License-Identifier: MIT
 * The history of processes. Runs in pm2d; one small append per event. A disk that takes nothing
 * costs the record, and is told once. */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker.h"
#include "base/limits.h"
#include "base/log.h"
#include "githead.h"
#include "os/clock.h"
#include "os/fd.h"
#include "json/read.h"
#include "json/write.h"

struct history {
    int fd;
    char *path;
    size_t bytes;
    bool failing;
    bool is_torn; /* perhaps its last line is a half one */
    struct buf line;
};

/* ---- the file ---- */

static void open_file(struct history *h)
{
    struct stat st;
    char last = '\n';
    h->fd = open(h->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    h->bytes = h->fd >= 0 && fstat(h->fd, &st) == 0 ? (size_t)st.st_size : 0;
    if (h->bytes > 0)
        (void)!pread(h->fd, &last, 1, (off_t)h->bytes - 1);
    h->is_torn = last != '\n';
}

static void rotate(struct history *h)
{
    AUTO(buf) old = BUF_INIT;
    buf_printf(&old, "%s.1", h->path);
    if (buf_oom(&old) || rename(h->path, old.data) < 0)
        return;
    fd_close(&h->fd);
    open_file(h);
}

static void append(struct history *h)
{
    buf_add_byte(&h->line, '\n');
    if (h->fd < 0)
        open_file(h);
    if (h->bytes + h->line.len > LIMIT_HISTORY_BYTES && h->bytes > 0)
        rotate(h);
    int rc = h->fd < 0 ? -errno : buf_oom(&h->line) ? -ENOMEM : 0;
    if (rc == 0 && h->is_torn)
        rc = fd_write_all(h->fd, "\n", 1);
    if (rc == 0) {
        rc = fd_write_all(h->fd, h->line.data, h->line.len);
        h->is_torn = rc < 0;
    }
    if (rc < 0 && !h->failing)
        log_warn("cannot write %s: %s", h->path, err_text(rc));
    h->failing = rc < 0;
    h->bytes += h->line.len;
    buf_clear(&h->line);
}

static struct jw begin(struct history *h, const char *what)
{
    buf_clear(&h->line);
    struct jw w = jw_to(&h->line);
    jw_obj_begin(&w);
    jw_kint(&w, "t", clock_wall_ms());
    jw_kstr(&w, "what", what);
    return w;
}

static struct jw begin_of(const struct proc *p, const char *what)
{
    struct jw w = begin(p->env->history, what);
    jw_kint(&w, "id", p->id);
    jw_kstr(&w, "name", proc_name(p));
    jw_kstr(&w, "ns", proc_namespace(p));
    if (p->lead)
        jw_kbool(&w, "other", true); /* of two generations, the one that is not in the list */
    return w;
}

static void end(struct history *h, struct jw *w)
{
    jw_obj_end(w);
    append(h);
}

struct history *history_open(const char *home)
{
    struct history *h = calloc(1, sizeof(*h));
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/history.jsonl", home);
    char *text = buf_detach(&path);
    if (!h || !text) {
        free(h);
        free(text);
        return NULL;
    }
    h->path = text;
    buf_init(&h->line);
    open_file(h);
    return h;
}

void history_close(struct history *h)
{
    if (!h)
        return;
    fd_close(&h->fd);
    buf_fini(&h->line);
    free(h->path);
    free(h);
}

void history_daemon(struct history *h, const char *what)
{
    if (!h)
        return;
    struct jw w = begin(h, "daemon");
    jw_kstr(&w, "why", what);
    end(h, &w);
}

/* ---- orders ---- */

void history_asked(struct proc *p, const char *what)
{
    const struct asker *a = p->env->asker;
    if (!p->env->history || !a || p->noted_call == a->number)
        return;
    p->noted_call = a->number;
    struct jw w = begin_of(p, what);
    asker_write(&w, a);
    end(p->env->history, &w);
}

void history_ordered(struct proc *p, enum order_kind kind)
{
    static const char *const words[] = {[ORDER_START] = "start",
                                        [ORDER_STOP] = "stop",
                                        [ORDER_RESTART] = "restart",
                                        [ORDER_DELETE] = "delete"};
    history_asked(p, words[kind]);
}

void history_caused(struct proc *p, const char *what, const char *why)
{
    if (!p->env->history)
        return;
    struct jw w = begin_of(p, what);
    jw_kstr(&w, "why", why);
    end(p->env->history, &w);
}

/* ---- starts ---- */

static uint64_t hash(const json_t *value)
{
    AUTO(buf) text = BUF_INIT;
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    jw_dom(&(struct jw){.out = &text}, value);
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.data[i]) * 1099511628211u;
    return h;
}

/* What differs each time, or says nothing of how an app runs. */
static bool is_noise(const char *key)
{
    static const char *const names[] = {
        "_",         "SHLVL",         "OLDPWD", "unique_id", "PM2_USAGE",          "_env_from",
        "instances", "_process_file", "env",    "km_link",   "PM2_JSON_PROCESSING"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return strncmp(key, "axm_", 4) == 0;
}

static uint64_t put_hashes(struct jw *w, const char *prefix, const json_t *object)
{
    uint64_t all = 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        char text[17];
        AUTO(buf) name = BUF_INIT;
        if (is_noise(key))
            continue;
        uint64_t h = hash(value);
        buf_printf(&name, "%s%s", prefix, key);
        snprintf(text, sizeof(text), "%08x", (unsigned)(h ^ h >> 32));
        jw_kstr(w, name.data, text);
        all = (all ^ h) * 1099511628211u;
    }
    return all;
}

void history_started(struct proc *p)
{
    struct history *h = p->env->history;
    if (!h)
        return;
    struct jw w = begin_of(p, "started");
    jw_kint(&w, "pid", proc_pid(p));
    if (p->version[0])
        jw_kstr(&w, "version", p->version);
    char commit[GITHEAD_BYTES];
    githead_find(json_get_str(p->conf, "pm_cwd"), commit);
    if (commit[0])
        jw_kstr(&w, "git", commit);
    if (json_get_str(p->conf, "pm_err_log_path"))
        jw_kstr(&w, "log", json_get_str(p->conf, "pm_err_log_path"));
    size_t before = h->line.len;
    struct jw w_before = w;
    jw_key(&w, "conf");
    jw_obj_begin(&w);
    uint64_t conf = put_hashes(&w, "", p->conf);
    conf ^= put_hashes(&w, "env.", json_object_get(p->conf, "env")) << 1;
    jw_obj_end(&w);
    if (conf == p->noted_conf || h->line.len > LIMIT_HISTORY_LINE_BYTES) {
        buf_truncate(&h->line, before);
        w = w_before;
    }
    p->noted_conf = conf;
    end(h, &w);
}

void history_cannot(struct proc *p)
{
    history_caused(p, "cannot", p->reason ? p->reason : "unknown");
}

/* ---- ends ---- */

void history_ended(struct proc *p, int wait_status, int64_t uptime_ms, bool out_of_memory)
{
    if (!p->env->history)
        return;
    struct jw w = begin_of(p, "ended");
    if (wait_status >= 0 && WIFSIGNALED(wait_status))
        jw_kint(&w, "signal", WTERMSIG(wait_status));
    else if (wait_status >= 0)
        jw_kint(&w, "code", WEXITSTATUS(wait_status));
    if (wait_status >= 0 && WIFSIGNALED(wait_status) && WCOREDUMP(wait_status))
        jw_kbool(&w, "core", true);
    if (out_of_memory)
        jw_kbool(&w, "oom", true);
    jw_kint(&w, "uptime", uptime_ms);
    if (p->sm.state == PROC_STOPPING)
        jw_kbool(&w, "ordered", true);
    end(p->env->history, &w);
}

void history_killed(struct proc *p)
{
    if (!p->env->history || p->sm.kills > 1)
        return;
    struct jw w = begin_of(p, "killed");
    jw_kint(&w, "after", p->policy.kill_timeout_ms);
    end(p->env->history, &w);
}

void history_late(struct proc *p)
{
    char why[128];
    snprintf(why, sizeof(why), "it had not said %lld ms after its start that it %s",
             (long long)p->policy.listen_timeout_ms,
             p->policy.wait_ready ? "is ready" : "is online");
    history_caused(p, "late", why);
}

void history_gave_up(struct proc *p)
{
    history_caused(p, "gave up", p->reason ? p->reason : "unknown");
}
