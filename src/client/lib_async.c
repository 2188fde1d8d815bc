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
#include "os/fd.h"
#include "wire/rpc.h"

struct request {
    struct waiter w;
    struct list link;
    struct op op;
    pm2_done_fn *done;
    pm2_reply_fn *reply; /* instead of `done` */
    void *data;
    int timeout_ms;   /* of each of its requests; 0 = none */
    int64_t deadline; /* -1 = none */
    bool is_ending;   /* answered; done when the daemon and its keeper are gone */
};

struct lib_async {
    struct pm2_hooks hooks;
    struct buf out;
    struct list requests;
    bool is_writing;  /* add_write is in force */
    bool awaits_end;  /* the pidfds of the client are watched */
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
    p->depth++;
    if (r->done)
        r->done(p, code, code < 0 ? NULL : r->op.list, r->data);
    if (r->reply)
        r->reply(p, code, code < 0 ? NULL : r->op.text, r->data);
    p->depth--;
    op_fini(&r->op);
    free(r);
}

static void forget_read(struct lib_async *a, int fd)
{
    if (fd >= 0)
        a->hooks.del_read(a->hooks.data, fd);
}

static void stop_watching(struct pm2 *p, struct lib_async *a)
{
    forget_read(a, p->client->rpc.fd);
    if (a->is_writing)
        a->hooks.del_write(a->hooks.data, p->client->rpc.fd);
    forget_read(a, p->client->sub.fd);
    if (a->awaits_end) {
        forget_read(a, p->client->daemon_pidfd);
        forget_read(a, p->client->keeper_pidfd);
    }
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
    bool has_failed = lib_connecting_has_failed(p);
    p->wants_disconnect = true; /* while the callbacks of the end run */
    (void)lib_async_end(p, -ECANCELED, "disconnected");
    lib_close(p);
    p->wants_disconnect = !has_failed; /* whoever failed to connect may try again at once */
    lib_connecting_end(p);
    if (has_failed) {
        lib_settle(p);
        return;
    }
    p->wants_disconnect = false;
    if (p->wants_free)
        lib_destroy(p);
}

/* All is over. */
static void detach(struct pm2 *p, int code)
{
    struct pm2_hooks hooks = p->async->hooks;
    const struct err why = p->err;
    p->wants_disconnect = true;
    bool is_expected = lib_async_end(p, code, why.msg);
    lib_close(p);
    p->wants_disconnect = false;
    if (is_expected || p->wants_free)
        return;
    p->err = why;
    if (p->connecting) {
        lib_connecting_lost(p, code);
    } else if (hooks.closed) {
        p->depth++;
        hooks.closed(p, code, hooks.data);
        p->depth--;
    }
}

/* The request in which the daemon was asked to end, once that has been answered. */
static struct request *ending(const struct lib_async *a)
{
    list_for_each (it, &a->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->is_ending)
            return r;
    }
    return NULL;
}

/* The first of the others. */
static struct request *not_ending(const struct lib_async *a)
{
    list_for_each (it, &a->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (!r->is_ending)
            return r;
    }
    return NULL;
}

/* The connection is of no use any more. When the daemon was asked to end, the rest is waiting for
 * the processes. */
static void lost(struct pm2 *p, int code)
{
    struct lib_async *a = p->async;
    struct request *r;
    if (!a->awaits_end || !ending(a)) {
        detach(p, code);
        return;
    }
    forget_read(a, p->client->rpc.fd);
    if (a->is_writing)
        a->hooks.del_write(a->hooks.data, p->client->rpc.fd);
    a->is_writing = false;
    conn_close(&p->client->rpc);
    while (is_open(p) && (r = not_ending(a)) != NULL) {
        err_set(&p->err, -EPIPE, "the daemon was told to end");
        finish(p, r, -EPIPE);
    }
}

/* The daemon has agreed to end. Where its processes cannot be watched, the end of the connection
 * has to do. */
static void await_end(struct pm2 *p, struct request *r)
{
    struct lib_async *a = p->async;
    const int fds[] = {p->client->daemon_pidfd, p->client->keeper_pidfd};
    r->is_ending = true;
    r->deadline = clock_mono_ms() + LIB_GONE_MS;
    arm(a, r->deadline);
    if (a->awaits_end)
        return; /* asked twice */
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            a->hooks.add_read(a->hooks.data, fds[i]);
    a->awaits_end = fds[0] >= 0 || fds[1] >= 0;
}

static void on_process_end(struct pm2 *p, int *fd)
{
    struct client *c = p->client;
    forget_read(p->async, *fd);
    fd_close(fd);
    if (c->daemon_pidfd < 0 && c->keeper_pidfd < 0) {
        err_set(&p->err, -EPIPE, "the daemon has ended");
        detach(p, -EPIPE);
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
    r->deadline = r->timeout_ms > 0 ? clock_mono_ms() + r->timeout_ms : -1;
    arm(a, r->deadline);
    flush(p);
    return 0;
}

/* Sends what `like` says; a copy of it is kept. */
static int start(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                 const struct request *like)
{
    struct request *r = malloc(sizeof(*r));
    if (!r)
        return err_set(&p->err, -ENOMEM, "out of memory");
    *r = *like;
    list_init(&r->w.link);
    int rc = op_init(&r->op, kind, about, &p->err);
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

int lib_async_start(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                    int timeout_ms, pm2_done_fn *done, void *data)
{
    return start(p, kind, about,
                 &(struct request){.done = done, .data = data, .timeout_ms = timeout_ms});
}

int lib_async_ask(struct pm2 *p, enum op_kind kind, const struct op_subject *about, int timeout_ms,
                  pm2_reply_fn *reply, void *data)
{
    return start(p, kind, about,
                 &(struct request){.reply = reply, .data = data, .timeout_ms = timeout_ms});
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
        await_end(p, r);
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
    if (bus_count_take(&p->count, &event, clock_wall_ms(), &a->topic, &a->payload) > 0)
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
    int rc = lib_attached(p);
    if (rc < 0)
        return rc;
    if (!on_event)
        return err_set(&p->err, -EINVAL, "a subscription needs a function");
    if (p->client->sub.fd >= 0)
        return err_set(&p->err, -EBUSY, "there is a subscription already");
    rc = client_subscribe_try(p->client, &p->err);
    rc = rc < 0 ? rc : client_want_numbers(p->client, &p->err);
    if (rc < 0) {
        conn_close(&p->client->sub);
        return rc;
    }
    bus_count_begin(&p->count);
    p->async->on_event = on_event;
    p->async->event_data = data;
    p->async->hooks.add_read(p->async->hooks.data, p->client->sub.fd);
    return 0;
}

/* ---- the loop's side ---- */

int lib_check_hooks(struct pm2 *p, const struct pm2_hooks *h)
{
    if (h->add_read && h->del_read && h->add_write && h->del_write && h->add_timer && h->del_timer)
        return 0;
    return err_set(&p->err, -EINVAL, "a hook is missing");
}

int lib_attach(struct pm2 *p, const struct pm2_hooks *h)
{
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

int lib_attached(struct pm2 *p)
{
    if (!lib_is_up(p))
        return err_set(&p->err, -ENOTCONN, "not connected");
    return p->async ? 0 : err_set(&p->err, -EBUSY, "pm2_attach() comes first");
}

int pm2_attach(struct pm2 *p, const struct pm2_hooks *h)
{
    if (!lib_is_up(p))
        return err_set(&p->err, -ENOTCONN, "not connected");
    if (p->async || p->subscribed)
        return err_set(&p->err, -EBUSY, "this handle is attached or subscribed already");
    int rc = lib_check_hooks(p, h);
    return rc < 0 ? rc : lib_attach(p, h);
}

static void read_fd(struct pm2 *p, int fd)
{
    struct client *c = p->client;
    if (fd == c->rpc.fd)
        read_rpc(p);
    else if (fd == c->sub.fd)
        read_sub(p);
    else if (p->async->awaits_end && fd == c->daemon_pidfd)
        on_process_end(p, &c->daemon_pidfd);
    else if (p->async->awaits_end && fd == c->keeper_pidfd)
        on_process_end(p, &c->keeper_pidfd);
}

void pm2_handle_read(struct pm2 *p, int fd)
{
    if (p->depth > 0 || fd < 0)
        return;
    if (is_open(p))
        read_fd(p, fd);
    else if (p->connecting)
        lib_connecting_step(p, false);
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
    if (p->depth > 0)
        return;
    if (!is_open(p)) {
        if (p->connecting)
            lib_connecting_step(p, true);
        lib_settle(p);
        return;
    }
    p->async->timer_at = -1; /* it has run out */
    int64_t now = clock_mono_ms();
    while (is_open(p) && (r = overdue(p->async, now, &next)) != NULL) {
        err_set(&p->err, -ETIMEDOUT, "%s on %s in time: the daemon hangs",
                r->is_ending ? "no end" : "no answer", p->client->rpc_path);
        finish(p, r, -ETIMEDOUT);
    }
    if (is_open(p))
        arm(p->async, next);
    if (is_open(p) && p->client->rpc.fd < 0 && !ending(p->async)) {
        err_set(&p->err, -ETIMEDOUT, "the daemon was told to end, and is still there");
        detach(p, -ETIMEDOUT);
    }
    lib_settle(p);
}
