/* SPDX-License-Identifier: MIT
 * Gates: what cluster apps listen on, under one key for all workers. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "gate_name.h"
#include "os/clock.h"
#include "os/fd.h"
#include "places.h"
#include "json/read.h"

struct gate *gate_find(struct primary *pr, const char *key)
{
    list_for_each (it, &pr->gates) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        if (strcmp(g->key, key) == 0)
            return g;
    }
    return NULL;
}

void gate_free(struct gate *g)
{
    json_decref(g->data);
    slot_forget_steering(g);
    free(g->slots);
    free(g->claims);
    free(g->key);
    free(g->app);
    free(g);
}

/* Without a socket and in no list yet. */
static struct gate *gate_new(struct primary *pr, const char *key, const char *app)
{
    struct gate *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->magic = GATE_MAGIC;
    g->owner = pr;
    g->key = strdup(key);
    g->app = strdup(app);
    list_init(&g->link);
    list_init(&g->waiting);
    list_init(&g->flying);
    if (g->key && g->app)
        return g;
    gate_free(g);
    return NULL;
}

static void enlist(struct gate *g)
{
    list_add_tail(&g->owner->gates, &g->link);
    g->owner->gate_count++;
}

void gate_store(struct gate *g)
{
    for (size_t i = 0; i < g->slot_count; i++)
        slot_store(g->slots[i]);
}

/* ---- back from the keeper ---- */

static struct gate *gate_for(struct primary *pr, const struct gate_name *n)
{
    struct gate *g = gate_find(pr, n->key);
    if (g)
        return g->is_group && n->is_group ? g : NULL;
    g = gate_new(pr, n->key, n->app);
    if (!g)
        return NULL;
    g->mode = n->mode;
    g->is_group = n->is_group;
    g->data = json_incref((json_t *)n->data);
    enlist(g);
    return g;
}

static int by_index(const void *a, const void *b)
{
    const struct slot *x = *(struct slot *const *)a;
    const struct slot *y = *(struct slot *const *)b;
    return (x->index > y->index) - (x->index < y->index);
}

static bool adopt_as(struct primary *pr, struct gate_name *n, struct str name)
{
    struct gate *g = gate_for(pr, n);
    if (!g) {
        listener_release(&n->socket);
        return false;
    }
    struct listener l = n->socket;
    n->socket.path = NULL;
    struct slot *s = slot_new(g, (unsigned)n->slot, &l);
    if (!s)
        return false;
    s->owner = (int)n->owner;
    s->stored_as = strndup(name.p, name.n);
    qsort(g->slots, g->slot_count, sizeof(struct slot *), by_index);
    return true;
}

bool gate_adopt(struct primary *pr, struct str name, int take_fd)
{
    struct gate_name n;
    if (!gate_name_is(name))
        return false;
    bool makes_sense = gate_name_read(name, &n);
    n.socket.fd = take_fd;
    if (!makes_sense)
        fd_close(&take_fd);
    if (!makes_sense || !adopt_as(pr, &n, name))
        log_error("what the keeper holds as %.*s cannot be used", STR_ARG(name));
    gate_name_fini(&n);
    return true;
}

/* ---- life ---- */

enum balance_mode gate_wish(const struct cluster_query *q, const struct proc *p)
{
    const json_t *env = json_object_get(p->conf, "env");
    bool is_tcp = q->type == CLUSTER_TCP4 || q->type == CLUSTER_TCP6;
    if (q->type == CLUSTER_UDP4 || q->type == CLUSTER_UDP6 || q->shared_only)
        return BALANCE_SHARED;
    enum balance_mode mode = balance_mode_of(json_get_str(p->conf, "balance"),
                                             json_get_str(env, "NODE_CLUSTER_SCHED_POLICY"));
    return mode == BALANCE_REUSEPORT && !is_tcp ? BALANCE_SHARED : mode;
}

void gate_follow(struct gate *g, const struct proc *p, enum balance_mode wish)
{
    if (g->mode == wish || places_stranger(g, p, false))
        return;
    if (g->is_group || wish == BALANCE_REUSEPORT) {
        log_warn("App [%s:%d] balance %s: not before all its workers have closed %s (pm2 stop and "
                 "pm2 start); until then it is %s",
                 proc_name(p), p->id, balance_name(wish), g->key,
                 balance_name(g->is_group ? BALANCE_REUSEPORT : BALANCE_SHARED));
        return;
    }
    g->mode = wish;
    g->slots[0]->socket.is_shared |= wish == BALANCE_SHARED;
    gate_store(g);
}

struct gate *gate_open(struct primary *pr, const char *key, const struct cluster_query *q,
                       const struct proc *for_whom, int *ret_code)
{
    struct listener l;
    uint32_t app_umask;
    uint64_t unused;
    enum balance_mode mode = gate_wish(q, for_whom);
    *ret_code = -EMFILE;
    if (pr->gate_count >= LIMIT_GATES)
        return NULL;
    link_app_world(pr->env->link, &app_umask, &unused);
    *ret_code = mode == BALANCE_REUSEPORT ? listener_open_first(q, &l)
                                          : listener_open(q, (mode_t)app_umask, &l);
    if (*ret_code < 0)
        return NULL;
    l.is_shared = mode == BALANCE_SHARED || mode == BALANCE_REUSEPORT;
    *ret_code = -ENOMEM;
    struct gate *g = gate_new(pr, key, proc_name(for_whom));
    if (!g) {
        listener_close(&l);
        return NULL;
    }
    g->mode = mode;
    g->is_group = mode == BALANCE_REUSEPORT;
    g->data = json_incref((json_t *)q->data);
    if (!slot_new(g, 0, &l)) {
        gate_free(g);
        return NULL;
    }
    enlist(g);
    if (!g->is_group) /* else with the name of its owner, when it has one */
        gate_store(g);
    *ret_code = 0;
    return g;
}

/* A socket that is shared is not ended by us, and its port is free only when the keeper and all
 * workers have closed their copies. For a worker that closes and listens again it is kept. */
void gate_unclaimed(struct gate *g, bool may_return)
{
    if (!may_return || !g->slots[0]->socket.is_shared) {
        gate_close(g, true);
        return;
    }
    g->idle_since_ms = clock_mono_ms();
    primary_sweep_later(g->owner);
}

void gate_close(struct gate *g, bool for_good)
{
    list_del(&g->link);
    g->owner->gate_count--;
    handout_forget(g);
    for (size_t i = 0; i < g->slot_count; i++)
        slot_close(g->slots[i], for_good);
}
