/* SPDX-License-Identifier: MIT
 * Claims: who has a part in which gate, and whether connections may go there. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "primary_priv.h"

static void remember(struct proc *p)
{
    if (!p->removed)
        journal_state(p->env->journal, p);
}

bool claim_is_live(const struct claim *c)
{
    const struct worker *w = c->worker;
    return w && !w->is_leaving && !w->is_held && chan_connected(w->run->chan);
}

struct claim *claim_of(const struct gate *g, const struct worker *w)
{
    for (size_t i = 0; i < g->claim_count; i++)
        if (g->claims[i]->worker == w)
            return g->claims[i];
    return NULL;
}

static struct claim *vacant_claim(const struct gate *g, const struct proc *p)
{
    for (size_t i = 0; i < g->claim_count; i++)
        if (g->claims[i]->proc == p && !g->claims[i]->worker)
            return g->claims[i];
    return NULL;
}

static bool make_room(struct gate *g)
{
    if (g->claim_count < g->claim_cap)
        return true;
    size_t cap = g->claim_cap ? g->claim_cap * 2 : 8;
    struct claim **claims = realloc(g->claims, cap * sizeof(struct claim *));
    if (!claims)
        return false;
    g->claims = claims;
    g->claim_cap = cap;
    return true;
}

static struct claim *claim_new(struct gate *g, struct proc *p, int *ret_code)
{
    struct claim *c = make_room(g) ? calloc(1, sizeof(*c)) : NULL;
    *ret_code = -ENOMEM;
    if (!c)
        return NULL;
    list_init(&c->link);
    list_init(&c->waiting);
    c->gate = g;
    c->proc = p;
    if (g->is_group && !(c->slot = slot_for(g, p, ret_code))) {
        free(c);
        return NULL;
    }
    c->takes_itself = g->is_group;
    g->claims[g->claim_count++] = c;
    return c;
}

struct claim *claim_add(struct gate *g, struct worker *w, int *ret_code)
{
    struct proc *p = w->run->proc;
    struct claim *c = vacant_claim(g, p);
    if (!c)
        c = claim_new(g, p, ret_code);
    if (!c)
        return NULL;
    c->worker = w;
    c->load = 0;
    list_add_tail(&w->claims, &c->link);
    claim_changed(c);
    return c;
}

struct claim *claim_add_vacant(struct gate *g, struct proc *p)
{
    int unused;
    return claim_new(g, p, &unused);
}

void claim_free(struct claim *c)
{
    struct gate *g = c->gate;
    size_t at = 0;
    while (g->claims[at] != c)
        at++;
    g->claim_count--;
    memmove(&g->claims[at], &g->claims[at + 1], (g->claim_count - at) * sizeof(struct claim *));
    balance_removed(&g->balance, at);
    list_del(&c->link);
    c->worker = NULL;
    claim_changed(c);
    free(c);
}

static bool is_last_of_slot(const struct claim *c)
{
    for (size_t i = 0; i < c->gate->claim_count; i++)
        if (c->gate->claims[i] != c && c->gate->claims[i]->slot == c->slot)
            return false;
    return true;
}

void claim_drop(struct claim *c, bool may_return)
{
    struct gate *g = c->gate;
    struct proc *p = c->proc;
    if (c->slot && is_last_of_slot(c))
        slot_disown(c->slot);
    claim_free(c);
    if (g->claim_count == 0)
        gate_unclaimed(g, may_return);
    remember(p);
}

void claim_vacate(struct claim *c)
{
    list_del(&c->link);
    c->worker = NULL;
    claim_changed(c);
}

void claim_changed(struct claim *c)
{
    struct gate *g = c->gate;
    if (!claim_is_live(c))
        handout_displace(c);
    if (g->owner->is_closing) /* what the kernel knows holds until the next pm2d */
        return;
    slot_steer(g);
    handout_serve_soon(g->owner); /* somebody else may have to serve now, or we */
}

void claims_changed(struct worker *w)
{
    list_for_each (it, &w->claims)
        claim_changed(LIST_ENTRY(it, struct claim, link));
}
