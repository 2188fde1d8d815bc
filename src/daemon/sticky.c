/* SPDX-License-Identifier: MIT
 * Connections by the address of their client (balance: sticky). Runs in pm2d.
 *
 * Each process of the app has a rank for each client, the same over all its runs; the first in rank
 * that lives is the client's. While it is busy the connection waits for it, and others pass by;
 * when LIMIT_STICKY_WAITING connections wait for one worker it counts as away. Nothing is accepted
 * while no worker is free, so that the rest waits in the kernel's backlog. */
#include <string.h>

#include "app/balance.h"
#include "base/limits.h"
#include "os/clock.h"
#include "primary_priv.h"

static bool can_wait(void *view, size_t index)
{
    const struct claim *c = ((const struct view *)view)->gate->claims[index];
    return claim_is_live(c) && !c->takes_itself && c->waiting_count < LIMIT_STICKY_WAITING;
}

/* Of the process, not of its run. */
static uint64_t identity(void *view, size_t index)
{
    const struct proc *p = ((const struct view *)view)->gate->claims[index]->proc;
    int64_t number = p->instance >= 0 ? p->instance : p->id;
    const char *name = proc_name(p);
    return balance_hash(&number, sizeof(number), balance_hash(name, strlen(name), 0));
}

/* Its claim; NULL: there is nobody for whom it could wait. */
static struct claim *claim_for(struct view *v, const struct conn *c)
{
    struct balance_asks ask = {.ctx = v, .can_take = can_wait, .identity = identity};
    struct gate *g = c->gate;
    ssize_t at = -1;
    if (c->has_client) {
        at = balance_sticky(c->client, g->claim_count, &ask);
    } else {
        at = balance_in_turn(&g->balance, g->claim_count, &ask);
        if (at >= 0)
            balance_gave(&g->balance, (size_t)at);
    }
    return at >= 0 ? g->claims[at] : NULL;
}

/* Those that came back, or whose worker has gone: they are older than what waits there. */
static void place_returned(struct view *v)
{
    struct list *head = (struct list *)&v->gate->waiting;
    for (struct list *it = head->prev, *next; it != head; it = next) {
        struct conn *c = LIST_ENTRY(it, struct conn, link);
        struct claim *to = claim_for(v, c);
        next = it->prev;
        if (!to)
            continue;
        list_del(&c->link);
        list_add_tail(to->waiting.next, &c->link);
        to->waiting_count++;
    }
}

static void give_first(struct view *v, struct claim *to, size_t index)
{
    if (to->waiting_count == 0 || !handout_can_take(v, index))
        return;
    to->waiting_count--;
    handout_give(to, LIST_ENTRY(to->waiting.next, struct conn, link));
}

static bool is_anybody_free(struct view *v)
{
    for (size_t i = 0; i < v->gate->claim_count; i++)
        if (handout_can_take(v, i))
            return true;
    return false;
}

static void give_all(struct view *v)
{
    for (size_t i = 0; i < v->gate->claim_count; i++)
        give_first(v, v->gate->claims[i], i);
}

void sticky_serve(struct gate *g)
{
    struct view v = {g, clock_mono_ms()};
    place_returned(&v);
    give_all(&v);
    while (is_anybody_free(&v)) {
        struct conn *c = handout_accept(g);
        if (!c)
            return;
        list_add_tail(&g->waiting, &c->link);
        struct claim *to = claim_for(&v, c);
        if (!to)
            break;
        list_del(&c->link);
        list_add_tail(&to->waiting, &c->link);
        to->waiting_count++;
        give_all(&v);
    }
    handout_watch(g, false);
}
