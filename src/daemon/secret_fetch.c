/* SPDX-License-Identifier: MIT
 * Fetches the values that references stand for. Runs in pm2d. */
#include "secret_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "app/secret.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/obj.h"
#include "os/atomic_file.h"
#include "proc.h"
#include "side_command.h"

#define FETCH_MAGIC OBJ_MAGIC('S', 'F', 'E', 'T')
#define TAIL_BYTES  512 /* of what a command says on its error output */

struct secret_fetch {
    uint32_t magic;
    struct list turn; /* in secret_turns.waiting */
    struct proc *p;   /* NULL = cancelled */
    json_t *env;
    json_t *plain; /* the same without secrets, for commands */
    secret_done_fn *done;
    void *ctx;
    size_t at;       /* the entry under way */
    struct secret s; /* what it says; borrows from the entry */
    uv_timer_t timer;
    uv_work_t work; /* while the pool has it, the loop touches neither value nor error */
    bool in_pool;
    bool has_turn;
    struct side_command *command;
    struct buf value;
    struct err error;
    char tail[TAIL_BYTES];
    size_t tail_bytes;
    struct secret_turns *turns;
};

static const char *value_of(const char *entry)
{
    const char *eq = strchr(entry, '=');
    return eq ? eq + 1 : "";
}

/* The first entry from `at` on that is a reference; their number when there is none. */
static size_t find(const json_t *env, size_t at)
{
    while (at < json_array_size(env) &&
           !secret_is_reference(value_of(json_string_value(json_array_get(env, at)))))
        at++;
    return at;
}

bool secret_in(const json_t *env)
{
    return find(env, 0) < json_array_size(env);
}

void secret_leave_out(json_t *env)
{
    for (size_t at = find(env, 0); at < json_array_size(env); at = find(env, at))
        json_array_remove(env, at);
}

/* ---- the end ---- */

/* Whatever was in it is not left in freed memory. */
static void forget_value(struct secret_fetch *f)
{
    if (f->value.data)
        explicit_bzero(f->value.data, f->value.len);
    buf_fini(&f->value);
    f->tail_bytes = 0;
}

static void run_command(struct secret_fetch *f);

static void give_turn_back(struct secret_fetch *f)
{
    struct secret_turns *turns = f->turns;
    list_del(&f->turn);
    if (!f->has_turn)
        return;
    f->has_turn = false;
    turns->running--;
    if (list_empty(&turns->waiting))
        return;
    struct secret_fetch *next = LIST_ENTRY(turns->waiting.next, struct secret_fetch, turn);
    run_command(next);
}

static void on_fetch_closed(uv_handle_t *h)
{
    struct secret_fetch *f = OBJ(h->data, struct secret_fetch, FETCH_MAGIC);
    secret_fini(&f->s);
    forget_value(f);
    json_decref(f->env);
    json_decref(f->plain);
    free(f);
}

static void close_fetch(struct secret_fetch *f)
{
    f->p = NULL;
    side_command_end(f->command);
    f->command = NULL;
    give_turn_back(f);
    if (!f->in_pool && !uv_is_closing((uv_handle_t *)&f->timer))
        uv_close((uv_handle_t *)&f->timer, on_fetch_closed);
}

void secret_fetch_cancel(struct secret_fetch *f)
{
    if (f)
        close_fetch(f);
}

/* NULL: all is there. */
static void finish(struct secret_fetch *f, const char *error)
{
    secret_done_fn *done = f->done;
    void *ctx = f->ctx;
    close_fetch(f);
    done(ctx, error);
}

/* What it was about: "DB_PASSWORD: /run/secrets/db: ..." */
static void fail(struct secret_fetch *f, const char *why)
{
    AUTO(buf) text = BUF_INIT;
    const char *entry = json_string_value(json_array_get(f->env, f->at));
    buf_printf(&text, "the secret %.*s is not available: ", (int)strcspn(entry, "="), entry);
    if (f->s.kind == SECRET_COMMAND)
        buf_printf(&text, "%s: ", json_string_value(json_array_get(f->s.argv, 0)));
    buf_add_c(&text, why);
    finish(f, buf_oom(&text) ? "out of memory" : text.data);
}

/* ---- one after the other ---- */

static void next_one(struct secret_fetch *f);

/* Less one newline: what writes a line means what stands in it. */
static void trim_newline(struct buf *value)
{
    if (value->len > 0 && value->data[value->len - 1] == '\n')
        buf_truncate(value, value->len - 1);
    if (value->len > 0 && value->data[value->len - 1] == '\r')
        buf_truncate(value, value->len - 1);
}

static void take_value(struct secret_fetch *f)
{
    const char *entry = json_string_value(json_array_get(f->env, f->at));
    AUTO(buf) text = BUF_INIT;
    trim_newline(&f->value);
    if (f->value.len > 0 && memchr(f->value.data, '\0', f->value.len)) {
        fail(f, "it holds a NUL byte, which no variable can");
        return;
    }
    buf_add(&text, entry, strcspn(entry, "=") + 1);
    buf_add_str(&text, buf_str(&f->value));
    json_t *whole = buf_oom(&text) ? NULL : json_stringn_nocheck(text.data, text.len);
    if (text.data)
        explicit_bzero(text.data, text.len);
    if (json_array_set_new(f->env, f->at, whole) < 0) {
        fail(f, "out of memory");
        return;
    }
    forget_value(f);
    secret_fini(&f->s);
    f->at++; /* what was fetched is no reference, whatever it looks like */
    next_one(f);
}

static void read_in_pool(uv_work_t *work)
{
    struct secret_fetch *f = work->data;
    (void)file_read(f->s.text, LIMIT_SECRET_BYTES, &f->value, &f->error);
}

static void on_read(uv_work_t *work, int status)
{
    struct secret_fetch *f = OBJ(work->data, struct secret_fetch, FETCH_MAGIC);
    f->in_pool = false;
    if (!f->p)
        close_fetch(f);
    else if (status < 0 || f->error.code)
        fail(f, f->error.code ? f->error.msg : uv_strerror(status));
    else
        take_value(f);
}

/* ---- a command ---- */

static void on_command_output(void *ctx, bool is_error_output, struct str bytes)
{
    struct secret_fetch *f = OBJ(ctx, struct secret_fetch, FETCH_MAGIC);
    if (is_error_output) {
        side_keep_tail(f->tail, TAIL_BYTES, &f->tail_bytes, bytes);
        return;
    }
    buf_add_str(&f->value, bytes);
    if (f->value.len <= LIMIT_SECRET_BYTES)
        return;
    AUTO(buf) why = BUF_INIT;
    buf_printf(&why, "the command prints more than %d bytes", LIMIT_SECRET_BYTES);
    fail(f, why.data);
}

static void on_command_ended(void *ctx, int wait_status)
{
    struct secret_fetch *f = OBJ(ctx, struct secret_fetch, FETCH_MAGIC);
    f->command = NULL;
    uv_timer_stop(&f->timer);
    give_turn_back(f);
    if (wait_status == 0) {
        take_value(f);
        return;
    }
    AUTO(buf) why = BUF_INIT;
    side_describe_end(wait_status, (struct str){f->tail, f->tail_bytes}, &why);
    fail(f, buf_oom(&why) ? "out of memory" : why.data);
}

static void on_command_late(uv_timer_t *t)
{
    struct secret_fetch *f = OBJ(t->data, struct secret_fetch, FETCH_MAGIC);
    AUTO(buf) why = BUF_INIT;
    buf_printf(&why, "the command did not end within %d s", LIMIT_SECRET_COMMAND_MS / 1000);
    fail(f, why.data);
}

/* A failure is told in the next turn: nobody expects it in this one. */
static void on_command_failed(uv_timer_t *t)
{
    struct secret_fetch *f = OBJ(t->data, struct secret_fetch, FETCH_MAGIC);
    fail(f, f->error.msg);
}

static void run_command(struct secret_fetch *f)
{
    const struct side_handler h = {f, on_command_output, on_command_ended};
    list_del(&f->turn);
    f->has_turn = true;
    f->turns->running++;
    f->command = side_command_start(f->p, f->s.argv, f->plain, &h, &f->error);
    if (f->command)
        uv_timer_start(&f->timer, on_command_late, LIMIT_SECRET_COMMAND_MS, 0);
    else
        uv_timer_start(&f->timer, on_command_failed, 0, 0);
}

static void begin_command(struct secret_fetch *f)
{
    if (f->turns->running < LIMIT_SECRET_COMMANDS)
        run_command(f);
    else
        list_add_tail(&f->turns->waiting, &f->turn);
}

static int begin_file(struct secret_fetch *f)
{
    f->work.data = f;
    int rc = uv_queue_work(f->p->env->loop, &f->work, read_in_pool, on_read);
    f->in_pool = rc == 0;
    return rc < 0 ? err_set(&f->error, rc, "%s", uv_strerror(rc)) : 0;
}

/* ---- the start ---- */

static void on_fetch_turn(uv_timer_t *t)
{
    next_one(OBJ(t->data, struct secret_fetch, FETCH_MAGIC));
}

static void next_one(struct secret_fetch *f)
{
    f->at = find(f->env, f->at);
    if (f->at >= json_array_size(f->env)) {
        finish(f, NULL);
        return;
    }
    const char *entry = json_string_value(json_array_get(f->env, f->at));
    int rc = secret_parse(value_of(entry), &f->s, &f->error);
    if (rc == 0 && f->s.kind == SECRET_FILE)
        rc = begin_file(f);
    else if (rc == 0 && f->s.kind == SECRET_COMMAND)
        begin_command(f);
    else if (rc == 0)
        rc = err_set(&f->error, -EINVAL, "only the command pm2 reads descriptors");
    if (rc < 0)
        fail(f, f->error.msg);
}

struct secret_fetch *secret_fetch_start(struct proc *p, json_t *env, secret_done_fn *done,
                                        void *ctx)
{
    struct secret_fetch *f = calloc(1, sizeof(*f));
    json_t *plain = json_copy(env);
    if (!f || !plain) {
        json_decref(plain);
        free(f);
        return NULL;
    }
    secret_leave_out(plain);
    *f = (struct secret_fetch){.magic = FETCH_MAGIC,
                               .p = p,
                               .env = json_incref(env),
                               .plain = plain,
                               .done = done,
                               .ctx = ctx,
                               .s = {.fd = -1},
                               .turns = &p->env->secret_turns};
    list_init(&f->turn);
    buf_init(&f->value);
    uv_timer_init(p->env->loop, &f->timer);
    f->timer.data = f;
    uv_timer_start(&f->timer, on_fetch_turn, 0, 0);
    return f;
}
