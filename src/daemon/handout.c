/* SPDX-License-Identifier: MIT
 * Connections from gates to workers. Runs in pm2d.
 *
 * A connection leaves the kernel's backlog only when a worker is free for it. So nothing piles up
 * here, whatever number of clients comes: not memory, not descriptors. One at a time is under way
 * to each worker: with up to eight, the work for a connection (most of it the worker's) fell by 6%,
 * and one worker that stands still kept eight clients waiting. */
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

static struct conn *conn_new(struct gate *g, int take_fd, const struct listener_peer *peer)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        fd_close(&take_fd);
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->gate = g;
    c->fd = take_fd;
    c->client = balance_hash(peer->bytes, peer->n, 0);
    c->has_client = peer->n > 0;
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

void handout_give(struct claim *to, struct conn *c)
{
    AUTO(buf) line = BUF_INIT;
    struct worker *w = to->worker;
    c->seq = primary_seq(w->owner);
    cluster_write_newconn(&line, w->is_bun ? CLUSTER_BUN : CLUSTER_NODE, c->gate->key, c->seq);
    list_del(&c->link);
    list_add_tail(&c->gate->flying, &c->link);
    c->worker = w;
    c->in_channel = true;
    w->carried = c;
    to->load++;
    int rc = buf_oom(&line)
                 ? -ENOMEM
                 : chan_send_connection(w->run->chan, buf_str(&line), c->fd, on_conn_handed, c);
    if (rc < 0) { /* -ENOBUFS: it does not read what it is sent */
        c->in_channel = false;
        w->carried = NULL;
        pause_worker(w, NO_FDS_PAUSE_MS);
        come_back(c);
    }
}

/* ---- gates ---- */

void handout_watch(struct gate *g, bool on)
{
    for (size_t i = 0; i < g->slot_count; i++)
        slot_watch(g->slots[i], on && slot_is_ours(g->slots[i]));
}

static void report_no_fds(struct gate *g, int code)
{
    if (!g->owner->lacks_fds)
        log_error("cannot accept a connection of %s: %s; it waits", g->key, err_text(code));
    g->owner->lacks_fds = true;
    retry_in(g->owner, NO_FDS_PAUSE_MS);
}

struct conn *handout_accept(struct gate *g)
{
    for (size_t i = 0; i < g->slot_count; i++) {
        struct listener_peer peer;
        if (!slot_is_ours(g->slots[i]))
            continue;
        int fd = listener_accept(&g->slots[i]->socket, &peer);
        struct conn *c = fd >= 0 ? conn_new(g, fd, &peer) : NULL;
        if (c) {
            g->owner->lacks_fds = false;
            return c;
        }
        if (fd == -EAGAIN)
            continue;
        handout_watch(g, false); /* or the loop would turn for nothing */
        report_no_fds(g, fd < 0 ? fd : -ENOMEM);
        return NULL;
    }
    handout_watch(g, true);
    return NULL;
}

/* The oldest connection; NULL when there is none now. */
static struct conn *next_conn(struct gate *g)
{
    if (!list_empty(&g->waiting))
        return LIST_ENTRY(g->waiting.next, struct conn, link);
    return handout_accept(g);
}

/* In a group all accept by themselves, and take from us what came to the sockets of others: Node
 * does, Bun does not. */
static bool takes_from_us(const struct claim *c)
{
    return !c->takes_itself || (c->gate->is_group && !c->worker->is_bun);
}

bool handout_can_take(void *view, size_t index)
{
    const struct view *v = view;
    const struct claim *c = v->gate->claims[index];
    return claim_is_live(c) && !c->worker->carried && c->worker->paused_until_ms <= v->now_ms &&
           takes_from_us(c);
}

static uint64_t load_of(void *view, size_t index)
{
    return ((const struct view *)view)->gate->claims[index]->load;
}

static ssize_t pick(struct gate *g, const struct balance_asks *ask)
{
    return g->mode == BALANCE_LEAST_CONNECTIONS ? balance_least(&g->balance, g->claim_count, ask)
                                                : balance_in_turn(&g->balance, g->claim_count, ask);
}

static void serve_whoever(struct gate *g)
{
    struct view v = {g, clock_mono_ms()};
    struct balance_asks ask = {.ctx = &v, .can_take = handout_can_take, .load = load_of};
    for (;;) {
        ssize_t at = pick(g, &ask);
        struct conn *c = at >= 0 ? next_conn(g) : NULL;
        if (at < 0)
            handout_watch(g, false);
        if (!c)
            return;
        if (g->mode == BALANCE_LEAST_CONNECTIONS) {
            load_refresh(g);
            at = pick(g, &ask);
        }
        balance_gave(&g->balance, (size_t)at);
        handout_give(g->claims[at], c);
    }
}

void handout_serve(struct gate *g)
{
    if (g->mode == BALANCE_STICKY)
        sticky_serve(g);
    else
        serve_whoever(g);
}

void handout_serve_soon(struct primary *pr)
{
    retry_in(pr, 0);
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

/* One socket that is watched: the gate has a free worker already. */
static bool has_nothing_for(const struct claim *c)
{
    const struct gate *g = c->gate;
    return !g->is_group && g->slots[0]->is_watching && list_empty(&g->waiting) &&
           list_empty(&c->waiting);
}

/* The gate that it served goes behind its others, so that a busy one leaves something to them. */
void handout_free(struct worker *w)
{
    list_for_each_safe (it, next, &w->claims) {
        struct claim *c = LIST_ENTRY(it, struct claim, link);
        if (has_nothing_for(c))
            continue;
        handout_serve(c->gate);
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

/* The oldest stay in front. */
void handout_displace(struct claim *c)
{
    while (!list_empty(&c->waiting)) {
        struct list *last = c->waiting.prev;
        list_del(last);
        list_add_tail(c->gate->waiting.next, last);
    }
    c->waiting_count = 0;
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
