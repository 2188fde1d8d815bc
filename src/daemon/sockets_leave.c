/* SPDX-License-Identifier: MIT
 * A process that is to end gets no new connections; those in its queue are nobody else's. Before it
 * is told, it has a moment to accept them. Runs in pm2d. */
#include <stdlib.h>

#include "base/obj.h"
#include "os/clock.h"
#include "sockets_priv.h"

#define LEAVE_MAGIC OBJ_MAGIC('L', 'E', 'A', 'V')

/* A process that takes connections at all has emptied its queue by then. */
#define LEAVE_MS 500
#define LOOK_MS  5

struct leave {
    uint32_t magic;
    struct run *run; /* NULL once cancelled */
    sockets_left_fn *done;
    int64_t until_ms;
    uv_timer_t timer;
};

static void on_leave_closed(uv_handle_t *h)
{
    free(OBJ(h->data, struct leave, LEAVE_MAGIC));
}

void leave_cancel(struct run *r)
{
    struct leave *l = r->leave;
    if (!l)
        return;
    r->leave = NULL;
    l->run = NULL;
    uv_close((uv_handle_t *)&l->timer, on_leave_closed);
}

static bool is_over(const struct leave *l)
{
    return clock_mono_ms() >= l->until_ms || !sockets_has_waiting(l->run) ||
           !sockets_has_relief(l->run);
}

static void on_leave_timer(uv_timer_t *t)
{
    struct leave *l = OBJ(t->data, struct leave, LEAVE_MAGIC);
    struct run *r = l->run;
    sockets_left_fn *done = l->done;
    if (!r || !is_over(l))
        return;
    leave_cancel(r);
    done(r);
}

bool sockets_leave(struct run *r, sockets_left_fn *done)
{
    int64_t ms = r->proc->policy.kill_timeout_ms / 2;
    if (r->leave)
        return true;
    if (!sockets_has_waiting(r) || !sockets_has_relief(r))
        return false;
    struct leave *l = calloc(1, sizeof(*l));
    if (!l)
        return false;
    l->magic = LEAVE_MAGIC;
    l->run = r;
    l->done = done;
    l->until_ms = clock_mono_ms() + (ms < LEAVE_MS ? ms : LEAVE_MS);
    uv_timer_init(r->proc->env->loop, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, on_leave_timer, LOOK_MS, LOOK_MS);
    r->leave = l;
    return true;
}
