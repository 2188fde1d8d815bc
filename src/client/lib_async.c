/* SPDX-License-Identifier: MIT
 * libpm2: the callback face. Runs in the caller's event loop through hooks.
 *
 * Callbacks may do anything but make the handle vanish: while one runs (`depth`), a disconnect or
 * free is only noted, and lib_settle() carries it out when the last callback has returned. So the
 * loops below check is_open() after each callback, and nothing that they hold goes away. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib_priv.h"
#include "os/clock.h"
#include "wire/rpc.h"

struct request {
    struct waiter w;
    struct list link;
    struct op op;
    pm2_done_fn *done;
    void *data;
    int64_t deadline; /* -1 = none */
    bool is_ending;   /* answered; done when the daemon closes the connection */
};

struct lib_async {
    struct pm2_hooks hooks;
    struct buf out;
    struct list requests;
    bool is_writing;  /* add_write is in force */
    int64_t timer_at; /* -1 = no timer */
    pm2_event_fn *on_event;
    void *event_data;
    struct buf topic, payload; /* of the event that is being told */
};

static bool is_open(const struct pm2 *p)
{
    return p->async && !p->wants_disconnect && !p->wants_free;
}

/* ---- timer ---- */

/* The timer may run out early: the earliest deadline is only looked for when it does. */
static void arm(struct lib_async *a, int64_t deadline)
{
    if (deadline < 0 || (a->timer_at >= 0 && a->timer_at <= deadline))
        return;
    a->timer_at = deadline;
    a->hooks.add_timer(a->hooks.data, conn_ms_left(deadline));
}

static void disarm(struct lib_async *a)
{
    if (a->timer_at >= 0)
        a->hooks.del_timer(a->hooks.data);
    a->timer_at = -1;
}

/* ---- ends ---- */

static void finish(struct pm2 *p, struct request *r, int code)
{
    list_del(&r->link);
    calls_forget(&r->w);
    if (r->done) {
        p->depth++;
        r->done(p, code, code < 0 ? NULL : r->op.list, r->data);
        p->depth--;
    }
    op_fini(&r->op);
    free(r);
}

static void stop_watching(struct pm2 *p, struct lib_async *a)
{
    a->hooks.del_read(a->hooks.data, p->client->rpc.fd);
    if (a->is_writing)
        a->hooks.del_write(a->hooks.data, p->client->rpc.fd);
    if (p->client->sub.fd >= 0)
        a->hooks.del_read(a->hooks.data, p->client->sub.fd);
    disarm(a);
}

bool lib_async_end(struct pm2 *p, int code, const char *text)
{
    struct lib_async *a = p->async;
    bool is_expected = false;
    if (!a)
        return true;
    p->async = NULL;
    stop_watching(p, a);
    while (!list_empty(&a->requests)) {
        struct request *r = LIST_ENTRY(a->requests.next, struct request, link);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): finish() took the one before off the list */
        bool is_done = r->is_ending && code == -EPIPE;
        is_expected = is_expected || is_done;
        if (!is_done)
            err_set(&p->err, code, "%s", text);
        finish(p, r, is_done ? 0 : code);
    }
    buf_fini(&a->out);
    buf_fini(&a->topic);
    buf_fini(&a->payload);
    free(a);
    return is_expected;
}

void lib_settle(struct pm2 *p)
{
    if (p->depth > 0 || (!p->wants_disconnect && !p->wants_free))
        return;
    p->wants_disconnect = true; /* while the callbacks of the end run */
    (void)lib_async_end(p, -ECANCELED, "disconnected");
    lib_close(p);
    p->wants_disconnect = false;
    if (p->wants_free)
        lib_destroy(p);
}

/* The connection is of no use any more. */
static void lost(struct pm2 *p, int code)
{
    struct pm2_hooks hooks = p->async->hooks;
    const struct err why = p->err;
    p->wants_disconnect = true;
    bool is_expected = lib_async_end(p, code, why.msg);
    lib_close(p);
    p->wants_disconnect = false;
    if (hooks.closed && !is_expected && !p->wants_free) {
        p->err = why;
        p->depth++;
        hooks.closed(p, code, hooks.data);
        p->depth--;
    }
}

/* ---- calls ---- */

/* Failures are left to pm2_handle_write(): no callback may run inside the caller's call. */
static void flush(struct pm2 *p)
{
    struct lib_async *a = p->async;
    struct err ignored;
    if (a->is_writing || conn_write_try(&p->client->rpc, &a->out, &ignored) == 0)
        return;
    a->is_writing = true;
    a->hooks.add_write(a->hooks.data, p->client->rpc.fd);
}

static int send_request(struct pm2 *p, struct request *r)
{
    struct lib_async *a = p->async;
    int rc = calls_add(&p->client->calls, &r->w, r->op.method, op_args(&r->op), &a->out);
    if (rc < 0)
        return err_set(&p->err, rc, "out of memory");
    int timeout_ms = lib_call_ms(p);
    r->deadline = timeout_ms > 0 ? clock_mono_ms() + timeout_ms : -1;
    arm(a, r->deadline);
    flush(p);
    return 0;
}

static int attached(struct pm2 *p)
{
    if (!p->client || p->wants_disconnect || p->wants_free)
        return err_set(&p->err, -ENOTCONN, "not connected");
    return p->async ? 0 : err_set(&p->err, -EBUSY, "pm2_attach() comes first");
}

static int start_call(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                      pm2_done_fn *done, void *data)
{
    int rc = attached(p);
    if (rc < 0)
        return rc;
    struct request *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(&p->err, -ENOMEM, "out of memory");
    list_init(&r->w.link);
    r->done = done;
    r->data = data;
    rc = op_init(&r->op, kind, about, &p->err);
    if (rc < 0) {
        free(r);
        return rc;
    }
    rc = send_request(p, r);
    if (rc < 0) {
        op_fini(&r->op);
        free(r);
        return rc;
    }
    list_add_tail(&p->async->requests, &r->link);
    return 0;
}

static void on_reply(struct pm2 *p, const struct amp_msg *m)
{
    struct str value;
    struct waiter *w = calls_match(&p->client->calls, m);
    if (!w)
        return; /* it came too late */
    struct request *r = CONTAINER_OF(w, struct request, w);
    int rc = calls_result(m, &value, &p->err);
    rc = rc < 0 ? rc : op_take(&r->op, value, &p->err);
    if (rc > 0)
        rc = send_request(p, r);
    else if (rc == 0 && op_ends_daemon(&r->op))
        r->is_ending = true;
    else
        rc = rc < 0 ? rc : 1;
    if (rc != 0)
        finish(p, r, rc < 0 ? rc : 0);
}

static void read_rpc(struct pm2 *p)
{
    struct amp_msg m;
    int rc = conn_read_try(&p->client->rpc, &p->err);
    while (rc >= 0 && is_open(p)) {
        rc = conn_take(&p->client->rpc, &m, &p->err);
        if (rc <= 0)
            break;
        on_reply(p, &m);
    }
    if (rc < 0)
        lost(p, rc);
}

/* ---- events ---- */

static void tell_event(struct pm2 *p, const char *topic, const char *payload)
{
    p->depth++;
    p->async->on_event(p, topic, payload, p->async->event_data);
    p->depth--;
}

static void on_event_message(struct pm2 *p, const struct amp_msg *m)
{
    struct lib_async *a = p->async;
    struct pub_event event;
    if (pub_event_parse(m, &event) < 0)
        return; /* an app may choose a topic that is no text */
    buf_clear(&a->topic);
    buf_add_str(&a->topic, event.topic);
    buf_clear(&a->payload);
    buf_add_str(&a->payload, event.payload);
    if (!buf_oom(&a->topic) && !buf_oom(&a->payload))
        tell_event(p, a->topic.data, a->payload.data);
}

static void read_sub(struct pm2 *p)
{
    struct amp_msg m;
    struct conn *sub = &p->client->sub;
    int rc = conn_read_try(sub, &p->err);
    while (rc >= 0 && is_open(p)) {
        rc = conn_take(sub, &m, &p->err);
        if (rc <= 0)
            break;
        on_event_message(p, &m);
    }
    if (rc >= 0)
        return;
    p->async->hooks.del_read(p->async->hooks.data, sub->fd);
    conn_close(sub);
    tell_event(p, NULL, NULL);
}

int pm2_async_subscribe(struct pm2 *p, pm2_event_fn *on_event, void *data)
{
    int rc = attached(p);
    if (rc < 0)
        return rc;
    if (!on_event)
        return err_set(&p->err, -EINVAL, "a subscription needs a function");
    if (p->client->sub.fd >= 0)
        return err_set(&p->err, -EBUSY, "there is a subscription already");
    rc = client_subscribe(p->client, &p->err);
    if (rc < 0)
        return rc;
    p->async->on_event = on_event;
    p->async->event_data = data;
    p->async->hooks.add_read(p->async->hooks.data, p->client->sub.fd);
    return 0;
}

/* ---- the loop's side ---- */

int pm2_attach(struct pm2 *p, const struct pm2_hooks *h)
{
    if (!p->client || p->wants_disconnect || p->wants_free)
        return err_set(&p->err, -ENOTCONN, "not connected");
    if (p->async || p->subscribed)
        return err_set(&p->err, -EBUSY, "this handle is attached or subscribed already");
    if (!h->add_read || !h->del_read || !h->add_write || !h->del_write || !h->add_timer ||
        !h->del_timer)
        return err_set(&p->err, -EINVAL, "a hook is missing");
    struct lib_async *a = calloc(1, sizeof(*a));
    if (!a)
        return err_set(&p->err, -ENOMEM, "out of memory");
    a->hooks = *h;
    a->timer_at = -1;
    list_init(&a->requests);
    buf_init(&a->out);
    buf_init(&a->topic);
    buf_init(&a->payload);
    p->async = a;
    h->add_read(h->data, p->client->rpc.fd);
    return 0;
}

void pm2_handle_read(struct pm2 *p, int fd)
{
    if (!is_open(p) || p->depth > 0 || fd < 0)
        return;
    if (fd == p->client->rpc.fd)
        read_rpc(p);
    else if (fd == p->client->sub.fd)
        read_sub(p);
    if (p->async && list_empty(&p->async->requests))
        disarm(p->async);
    lib_settle(p);
}

void pm2_handle_write(struct pm2 *p, int fd)
{
    if (!is_open(p) || p->depth > 0 || !p->async->is_writing || fd != p->client->rpc.fd)
        return;
    int rc = conn_write_try(&p->client->rpc, &p->async->out, &p->err);
    if (rc == 0) {
        p->async->is_writing = false;
        p->async->hooks.del_write(p->async->hooks.data, fd);
    } else if (rc < 0) {
        lost(p, rc);
    }
    lib_settle(p);
}

/* The first request whose time is over. *ret_next: the earliest deadline of the others, or -1. */
static struct request *overdue(struct lib_async *a, int64_t now, int64_t *ret_next)
{
    *ret_next = -1;
    list_for_each (it, &a->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->deadline < 0)
            continue;
        if (r->deadline <= now)
            return r;
        if (*ret_next < 0 || r->deadline < *ret_next)
            *ret_next = r->deadline;
    }
    return NULL;
}

void pm2_handle_timeout(struct pm2 *p)
{
    int64_t next = -1;
    struct request *r;
    if (!is_open(p) || p->depth > 0)
        return;
    p->async->timer_at = -1; /* it has run out */
    int64_t now = clock_mono_ms();
    while (is_open(p) && (r = overdue(p->async, now, &next)) != NULL) {
        err_set(&p->err, -ETIMEDOUT, "no answer on %s in time: the daemon hangs",
                p->client->rpc_path);
        finish(p, r, -ETIMEDOUT);
    }
    if (is_open(p))
        arm(p->async, next);
    lib_settle(p);
}

/* ---- the calls by name ---- */

static int on_target(struct pm2 *p, enum op_kind kind, const char *target, pm2_done_fn *done,
                     void *data)
{
    const struct op_subject about = {.target = target, .want_list = done != NULL};
    return start_call(p, kind, &about, done, data);
}

int pm2_async_ping(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_PING, NULL, done, data);
}

int pm2_async_list(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_LIST, NULL, done, data);
}

int pm2_async_describe(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_DESCRIBE, target, done, data);
}

int pm2_async_start(struct pm2 *p, const struct pm2_app *app, pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.app = app, .want_list = done != NULL};
    return start_call(p, OP_START, &about, done, data);
}

int pm2_async_stop(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_STOP, target, done, data);
}

int pm2_async_restart(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RESTART, target, done, data);
}

int pm2_async_delete(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_DELETE, target, done, data);
}

int pm2_async_send_signal_to_process_name(struct pm2 *p, int signo, const char *name,
                                          pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.target = name, .signo = signo};
    return start_call(p, OP_SIGNAL_NAME, &about, done, data);
}

int pm2_async_send_signal_to_process_id(struct pm2 *p, int signo, int id, pm2_done_fn *done,
                                        void *data)
{
    const struct op_subject about = {.signo = signo, .id = id};
    return start_call(p, OP_SIGNAL_ID, &about, done, data);
}

int pm2_async_kill_daemon(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_KILL, NULL, done, data);
}
