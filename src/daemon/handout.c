/* SPDX-License-Identifier: MIT
 * Connections from gates to workers. Runs in pm2d.
 *
 * A connection leaves the kernel's backlog only when a worker is free for it. So nothing piles up
 * here, whatever number of clients comes: not memory, not descriptors. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"
#include "primary_priv.h"

#define REFUSAL_PAUSE_MS 10  /* without it an offer that is refused costs both sides half a core */
#define NACK_PAUSE_MS    50  /* it has no descriptor left */
#define NO_FDS_PAUSE_MS  100 /* we have none left */

/* ---- one connection ---- */

static void conn_free(struct conn *c)
{
    list_del(&c->link);
    fd_close(&c->fd);
    free(c);
}

static struct conn *conn_new(struct gate *g, int take_fd)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        fd_close(&take_fd);
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->gate = g;
    c->fd = take_fd;
    list_init(&c->link);
    return c;
}

static void retry_in(struct primary *pr, uint64_t ms)
{
    uv_timer_t *t = &pr->retry;
    if (!uv_is_active((uv_handle_t *)t) || uv_timer_get_due_in(t) > ms)
        uv_timer_start(t, handout_on_retry, ms, 0);
}

static void pause_worker(struct worker *w, int64_t ms)
{
    w->paused_until_ms = clock_mono_ms() + ms;
    retry_in(w->owner, (uint64_t)ms);
}

/* It is the oldest one: first of all. */
static void come_back(struct conn *c)
{
    c->worker = NULL;
    c->answer = ANSWER_NONE;
    list_del(&c->link);
    if (!c->gate) {
        conn_free(c);
        return;
    }
    list_add_tail(c->gate->waiting.next, &c->link);
    handout_serve(c->gate);
}

/* Its worker had it, and has gone without a word. */
static void come_back_untouched(struct conn *c)
{
    if (!listener_is_touched(c->fd)) {
        come_back(c);
        return;
    }
    log_debug("a connection is closed: the worker that read from it has gone");
    conn_free(c);
}

/* The worker has it and has answered. */
static void settle(struct worker *w)
{
    struct conn *c = w->carried;
    w->carried = NULL;
    if (c->answer == ANSWER_ACCEPTED) {
        conn_free(c);
        handout_free(w);
    } else {
        pause_worker(w, REFUSAL_PAUSE_MS);
        come_back(c);
    }
}

static void on_conn_handed(void *ctx, int code)
{
    struct conn *c = OBJ(ctx, struct conn, CONN_MAGIC);
    struct worker *w = c->worker;
    c->in_channel = false;
    if (code == 0) {
        if (!w)
            come_back_untouched(c);
        else if (c->answer != ANSWER_NONE)
            settle(w);
        return;
    }
    if (w) {
        w->carried = NULL;
        if (code == -EMFILE)
            pause_worker(w, NACK_PAUSE_MS);
    }
    come_back(c);
}

static void give(struct worker *w, struct conn *c)
{
    AUTO(buf) line = BUF_INIT;
    c->seq = primary_seq(w->owner);
    cluster_write_newconn(&line, w->is_bun ? CLUSTER_BUN : CLUSTER_NODE, c->gate->key, c->seq);
    list_del(&c->link);
    list_add_tail(&c->gate->flying, &c->link);
    c->worker = w;
    c->in_channel = true;
    w->carried = c;
    int rc = buf_oom(&line)
                 ? -ENOMEM
                 : chan_send_handle(w->run->chan, buf_str(&line), c->fd, on_conn_handed, c);
    if (rc < 0) { /* -ENOBUFS: it does not read what it is sent */
        c->in_channel = false;
        w->carried = NULL;
        pause_worker(w, NO_FDS_PAUSE_MS);
        come_back(c);
    }
}

/* ---- gates ---- */

static void watch(struct gate *g, bool on)
{
    if (g->is_watching == on)
        return;
    g->is_watching = on;
    if (on)
        uv_poll_start(&g->poll, UV_READABLE, handout_on_readable);
    else
        uv_poll_stop(&g->poll);
}

/* The oldest connection; NULL when there is none now. Then the gate is watched; or, when the kernel
 * has one that we cannot take, tried again later. */
static struct conn *next_conn(struct gate *g)
{
    if (!list_empty(&g->waiting))
        return LIST_ENTRY(g->waiting.next, struct conn, link);
    int fd = listener_accept(&g->socket);
    struct conn *c = fd >= 0 ? conn_new(g, fd) : NULL;
    if (c) {
        g->owner->lacks_fds = false;
        return c;
    }
    watch(g, fd == -EAGAIN);
    if (fd == -EAGAIN)
        return NULL;
    if (!g->owner->lacks_fds)
        log_error("cannot accept a connection of %s: %s; it waits", g->key,
                  err_text(fd < 0 ? fd : -ENOMEM));
    g->owner->lacks_fds = true;
    retry_in(g->owner, NO_FDS_PAUSE_MS);
    return NULL;
}

struct view {
    const struct gate *gate;
    int64_t now_ms;
};

static bool is_free(void *ctx, size_t index)
{
    const struct view *v = ctx;
    const struct worker *w = v->gate->claims[index]->worker;
    return w && !w->carried && !w->is_leaving && !w->is_held && w->paused_until_ms <= v->now_ms &&
           chan_connected(w->run->chan);
}

void handout_serve(struct gate *g)
{
    struct view v = {g, clock_mono_ms()};
    while (!g->socket.is_shared) {
        ssize_t at = balance_pick(&g->balance, g->claim_count, is_free, &v);
        struct conn *c = at >= 0 ? next_conn(g) : NULL;
        if (at < 0)
            watch(g, false); /* or the loop would turn for nothing */
        if (!c)
            return;
        balance_gave(&g->balance, (size_t)at);
        give(g->claims[at]->worker, c);
    }
}

void handout_on_readable(uv_poll_t *h, int status, int events)
{
    (void)events;
    struct gate *g = OBJ(h->data, struct gate, GATE_MAGIC);
    if (status < 0)
        log_error("%s: %s", g->key, uv_strerror(status));
    handout_serve(g);
}

void handout_on_retry(uv_timer_t *t)
{
    struct primary *pr = OBJ(t->data, struct primary, PRIMARY_MAGIC);
    list_for_each (it, &pr->gates)
        handout_serve(LIST_ENTRY(it, struct gate, link));
    int64_t now_ms = clock_mono_ms();
    list_for_each (it, &pr->workers) {
        const struct worker *w = LIST_ENTRY(it, struct worker, link);
        if (w->paused_until_ms > now_ms)
            retry_in(pr, (uint64_t)(w->paused_until_ms - now_ms));
    }
}

/* ---- workers ---- */

/* A gate that is watched has a free worker already. The one that it served goes behind its others,
 * so that a busy one leaves something to them. */
void handout_free(struct worker *w)
{
    list_for_each_safe (it, next, &w->claims) {
        struct gate *g = LIST_ENTRY(it, struct claim, link)->gate;
        if (g->is_watching && list_empty(&g->waiting))
            continue;
        handout_serve(g);
        if (!w->carried)
            continue;
        list_del(it);
        list_add_tail(&w->claims, it);
        return;
    }
}

void handout_answer(struct worker *w, int64_t ack, bool accepted)
{
    struct conn *c = w->carried;
    if (!c || c->seq != ack)
        return;
    c->answer = accepted ? ANSWER_ACCEPTED : ANSWER_REFUSED;
    if (!c->in_channel)
        settle(w);
}

void handout_take_back(struct worker *w)
{
    struct conn *c = w->carried;
    w->carried = NULL;
    if (!c)
        return;
    c->worker = NULL;
    if (!c->in_channel) /* else on_conn_handed() will be called */
        come_back_untouched(c);
}

void handout_forget(struct gate *g)
{
    list_for_each_safe (it, next, &g->waiting)
        conn_free(LIST_ENTRY(it, struct conn, link));
    list_for_each_safe (it, next, &g->flying) {
        struct conn *c = LIST_ENTRY(it, struct conn, link);
        list_del(&c->link);
        c->gate = NULL;
    }
}
