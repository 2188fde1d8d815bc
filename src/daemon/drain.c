/* SPDX-License-Identifier: MIT
 * How old processes part from their clients. Runs in pm2d. */
#include "drain.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "agent.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "os/clock.h"
#include "os/sockdiag.h"
#include "own_ports.h"
#include "primary.h"
#include "proc.h"
#include "sockets.h"
#include "tree.h"

#define DRAIN_MAGIC OBJ_MAGIC('D', 'R', 'A', 'I')

#define AGENT_MS 2000 /* an agent answers at once, unless its app is busy */
#define LOOK_MS  100
/* What is on its way to it when it is taken out is there by then, and a client that keeps its
 * connection has said what it had to say. */
#define QUIET_MS   200
#define UNCLEAR_MS 2000

struct drain {
    uint32_t magic;
    struct run *run; /* NULL once cancelled */
    drain_done_fn *done;
    void *ctx;
    bool is_by_agent;
    int64_t quiet_since_ms;
    uv_timer_t timer;
};

static void on_drain_closed(uv_handle_t *h)
{
    free(OBJ(h->data, struct drain, DRAIN_MAGIC));
}

void drain_cancel(struct drain *d)
{
    if (!d || !d->run)
        return;
    d->run->drain = NULL;
    d->run = NULL;
    uv_close((uv_handle_t *)&d->timer, on_drain_closed);
}

static void conclude(struct drain *d)
{
    drain_done_fn *done = d->done;
    void *ctx = d->ctx;
    drain_cancel(d);
    done(ctx);
}

/* ---- what the kernel knows ---- */

static bool is_serving_port(const struct sockdiag_socket *sockets, size_t n, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        if (sockets[i].is_listening && sockets[i].pid && sockets[i].port == port)
            return true;
    return false;
}

/* The last that passed was what the server said, and the client has all of it. Where the kernel's
 * clock, which ticks each few milliseconds, does not say what was last, a longer silence decides. A
 * client that has said nothing at all is not waited for. */
static bool is_idle(const struct sockdiag_socket *s)
{
    if (s->unread > 0 || s->unsent > 0)
        return false;
    if (s->received_bytes == 0)
        return s->received_ago_ms >= QUIET_MS;
    return s->sent_ago_ms < s->received_ago_ms ||
           (s->sent_bytes > 0 && s->sent_ago_ms == s->received_ago_ms &&
            s->sent_ago_ms >= UNCLEAR_MS);
}

/* How many connections of these processes wait for something. */
static size_t count_busy(const pid_t *pids, size_t pid_count)
{
    const struct sockdiag_query q = {
        .tcp = true, .listening = true, .open = true, .with_times = true};
    struct sockdiag_socket *sockets = NULL;
    size_t busy = 0;
    ssize_t n = sockdiag_list(&q, &sockets);
    if (n < 0)
        log_warn("open connections cannot be looked at: %s", err_text((int)n));
    if (n > 0)
        (void)sockdiag_owners(sockets, (size_t)n, pids, pid_count);
    for (ssize_t i = 0; i < n; i++) {
        const struct sockdiag_socket *s = &sockets[i];
        if (s->is_listening || !s->pid || !is_serving_port(sockets, (size_t)n, s->port))
            continue;
        busy += !is_idle(s);
    }
    free(sockets);
    return busy;
}

static void look(struct drain *d)
{
    pid_t pids[LIMIT_TREE_PIDS];
    int n = tree_pids(d->run->proc, pids, LIMIT_TREE_PIDS);
    int64_t now_ms = clock_mono_ms();
    if (count_busy(pids, (size_t)n) > 0 || sockets_has_waiting(d->run))
        d->quiet_since_ms = now_ms;
    else if (now_ms - d->quiet_since_ms >= QUIET_MS)
        conclude(d);
}

static void on_drain_timer(uv_timer_t *t)
{
    struct drain *d = OBJ(t->data, struct drain, DRAIN_MAGIC);
    if (!d->is_by_agent)
        look(d);
}

/* ---- the agent ---- */

void drain_heard(struct run *r, struct str word)
{
    struct drain *d = r->drain;
    if (!d)
        return;
    if (str_eq_c(word, "DRAINING")) {
        d->is_by_agent = true;
        uv_timer_stop(&d->timer);
    } else if (str_eq_c(word, "DRAINED")) {
        conclude(d);
    }
}

static bool ask_agent(const struct run *r)
{
    return chan_connected(r->chan) && !chan_is_bun(r->chan) &&
           chan_send(r->chan, STR("{\"cmd\":\"NODE_PM2_DRAIN\"}")) == 0;
}

static bool serves(struct proc *p)
{
    struct own_ports ports = {0};
    if (primary_has_served(p->run) || sockets_has_any(p->run))
        return true;
    own_ports_find(p, &ports);
    return ports.count > 0;
}

struct drain *drain_start(struct proc *p, drain_done_fn *done, void *ctx)
{
    struct run *r = p->run;
    if (proc_pid(p) <= 0 || r->drain || !serves(p))
        return NULL;
    struct drain *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->magic = DRAIN_MAGIC;
    d->run = r;
    d->done = done;
    d->ctx = ctx;
    d->quiet_since_ms = clock_mono_ms();
    uv_timer_init(p->env->loop, &d->timer);
    d->timer.data = d;
    r->drain = d;
    bool has_agent = agent_is_for(p) && ask_agent(r);
    uv_timer_start(&d->timer, on_drain_timer, has_agent ? AGENT_MS : LOOK_MS, LOOK_MS);
    return d;
}
