/* SPDX-License-Identifier: MIT
 * Saving the list. Runs in pm2d; the disk is waited for in libuv's pool, because an fsync may take
 * seconds. */
#include "saver.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "dump_file.h"
#include "methods.h"
#include "proc_json.h"
#include "secret_store.h"
#include "json/read.h"
#include "json/write.h"

enum save_kind {
    SAVE_LIST,   /* an empty list is written only where no file is */
    SAVE_FORCED, /* also an empty one */
    SAVE_NOTHING /* cleardump */
};

struct waiter {
    struct list link;
    struct call *call; /* NULL: nobody waits for the answer */
    enum save_kind kind;
};

struct saver {
    struct methods *m;
    struct list waiters; /* in the order of asking */
    uv_work_t work;
    bool busy;
    /* The save under way. While the pool has it, the loop touches none of this. */
    enum save_kind kind;
    struct list served; /* who gets its answer */
    struct buf text;    /* compact JSON */
    size_t count;       /* processes in it */
    bool skipped;
    struct err error;
};

static void begin(struct saver *s);

/* ---- the text ---- */

/* PM2 keeps stopped what is saved as stopped, and starts everything else. */
static struct proc_moment saved_moment(const struct proc *p)
{
    struct proc_moment at = proc_moment_now(p);
    if (p->sm.goal != GOAL_UP && p->sm.state != PROC_ERRORED)
        at.status = "stopped";
    return at;
}

static void write_list(struct saver *s)
{
    const struct table *t = s->m->table;
    struct jw w = jw_to(&s->text);
    s->count = 0;
    jw_arr_begin(&w);
    for (size_t i = 0; i < t->count && s->kind != SAVE_NOTHING; i++) {
        const struct proc *p = t->items[i];
        if (p->sm.goal == GOAL_GONE || json_truthy(json_object_get(p->conf, "pmx_module")))
            continue;
        struct proc_moment saved = saved_moment(p);
        proc_json_env(&w, p, PROC_JSON_ENV | PROC_JSON_SAVED, &saved);
        s->count++;
    }
    jw_arr_end(&w);
}

/* ---- answers ---- */

static void write_answer(const struct saver *s, struct call *c)
{
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "file", s->m->env->paths.dump_file);
    jw_kint(&w, "saved", (int64_t)s->count);
    jw_kbool(&w, "skipped", s->skipped);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(c);
}

static void answer(const struct saver *s, struct call *c)
{
    const char *file = s->m->env->paths.dump_file;
    if (s->error.code)
        log_error("cannot save the list of processes: %s", s->error.msg);
    if (c && s->error.code)
        method_fail(c, "Failed to save dump file in %s: %s", file, s->error.msg);
    else if (c)
        write_answer(s, c);
}

static void answer_all(struct saver *s)
{
    list_for_each_safe (it, next, &s->served) {
        struct waiter *w = LIST_ENTRY(it, struct waiter, link);
        list_del(&w->link);
        answer(s, w->call);
        free(w);
    }
}

/* ---- the pool's part ---- */

static void write_in_pool(uv_work_t *work)
{
    struct saver *s = work->data;
    const struct pm2_paths *paths = &s->m->env->paths;
    const struct dump_paths at = {paths->dump_file, paths->dump_backup};
    s->skipped = s->count == 0 && s->kind == SAVE_LIST;
    if (s->skipped && (access(at.file, F_OK) == 0 || access(at.backup, F_OK) == 0))
        return;
    if (secret_store_sync(paths, &s->error) == 0 &&
        dump_file_write(&at, buf_str(&s->text), &s->error) == 0)
        secret_store_sweep(paths);
}

static void on_written(uv_work_t *work, int status)
{
    (void)status;
    struct saver *s = work->data;
    answer_all(s);
    buf_fini(&s->text);
    s->busy = false;
    begin(s);
}

/* ---- turns ---- */

/* The next one who waits, and all behind him who want the same. */
static void choose_served(struct saver *s)
{
    struct waiter *first = LIST_ENTRY(s->waiters.next, struct waiter, link);
    s->kind = first->kind;
    list_for_each_safe (it, next, &s->waiters) {
        struct waiter *w = LIST_ENTRY(it, struct waiter, link);
        if (w->kind != s->kind)
            break;
        list_del(&w->link);
        list_add_tail(&s->served, &w->link);
    }
}

static int begin_one(struct saver *s)
{
    choose_served(s);
    s->error = (struct err){0};
    s->skipped = false;
    if (s->m->shutting_down) /* half of the processes may be gone from the table */
        return err_set(&s->error, -ESHUTDOWN, "the daemon is being ended");
    write_list(s);
    if (buf_oom(&s->text))
        return err_set(&s->error, -ENOMEM, "out of memory");
    s->work.data = s;
    int rc = uv_queue_work(s->m->env->loop, &s->work, write_in_pool, on_written);
    return rc < 0 ? err_set(&s->error, rc, "%s", uv_strerror(rc)) : 0;
}

static void begin(struct saver *s)
{
    while (!s->busy && !list_empty(&s->waiters)) {
        s->busy = begin_one(s) == 0;
        if (s->busy)
            return;
        buf_fini(&s->text);
        answer_all(s);
    }
}

static int ask(struct saver *s, struct call *c, enum save_kind kind)
{
    struct waiter *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->call = c;
    w->kind = kind;
    list_add_tail(&s->waiters, &w->link);
    begin(s);
    return 0;
}

void saver_save_last(struct saver *s)
{
    if (!s->busy && s->m->table->count > 0 && !s->m->shutting_down)
        (void)ask(s, NULL, SAVE_LIST);
}

void compact_save(struct methods *m, struct call *c, json_t *args)
{
    bool force = json_get_bool(method_arg(args, 0), "force", false);
    if (ask(m->saver, c, force ? SAVE_FORCED : SAVE_LIST) < 0)
        call_fail(c, "out of memory");
}

void compact_cleardump(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    if (ask(m->saver, c, SAVE_NOTHING) < 0)
        call_fail(c, "out of memory");
}

struct saver *saver_new(struct methods *m)
{
    struct saver *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->m = m;
    list_init(&s->waiters);
    list_init(&s->served);
    buf_init(&s->text);
    return s;
}

void saver_free(struct saver *s)
{
    if (!s)
        return;
    buf_fini(&s->text);
    free(s);
}
