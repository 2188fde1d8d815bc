/* SPDX-License-Identifier: MIT
 * The sockets of gates: one, or one for each process (balance: reuseport), and where the
 * kernel sends connections among those. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "gate_name.h"
#include "os/steer.h"
#include "primary_priv.h"

#define NOBODY     (-1)
#define SLOT_MAGIC OBJ_MAGIC('S', 'L', 'O', 'T')

/* What the kernel was told last. */
struct steering {
    bool is_known, has_failed;
    size_t count;
    unsigned active[];
};

static void on_slot_readable(uv_poll_t *h, int status, int events)
{
    (void)events;
    struct slot *s = OBJ(h->data, struct slot, SLOT_MAGIC);
    if (status < 0)
        log_error("%s: %s", s->gate->key, uv_strerror(status));
    handout_serve(s->gate);
}

struct slot *slot_new(struct gate *g, unsigned index, struct listener *take)
{
    struct slot **slots = realloc(g->slots, (g->slot_count + 1) * sizeof(struct slot *));
    struct slot *s = slots ? calloc(1, sizeof(*s)) : NULL;
    if (slots)
        g->slots = slots;
    if (!s || uv_poll_init(g->owner->env->loop, &s->poll, take->fd) < 0) {
        listener_close(take);
        free(s);
        return NULL;
    }
    s->magic = SLOT_MAGIC;
    s->gate = g;
    s->index = index;
    s->owner = NOBODY;
    s->socket = *take;
    s->poll.data = s;
    g->slots[g->slot_count++] = s;
    g->slots_alive++;
    return s;
}

/* ---- in the keeper ---- */

static void unstore(struct slot *s)
{
    if (s->stored_as)
        link_unstore(s->gate->owner->env->link, s->stored_as);
    free(s->stored_as);
    s->stored_as = NULL;
}

void slot_store(struct slot *s)
{
    AUTO(buf) name = BUF_INIT;
    gate_name_write(s, true, &name);
    if (name.len > LIMIT_LINK_NOTE_BYTES) {
        buf_clear(&name);
        gate_name_write(s, false, &name);
    }
    int rc =
        buf_oom(&name) ? -ENOMEM : link_store(s->gate->owner->env->link, name.data, s->socket.fd);
    if (rc < 0) {
        log_error("the keeper does not hold %s: %s", s->gate->key, err_text(rc));
        return;
    }
    if (s->stored_as && strcmp(s->stored_as, name.data) != 0)
        unstore(s);
    free(s->stored_as);
    s->stored_as = buf_detach(&name);
}

/* ---- life ---- */

void slot_watch(struct slot *s, bool on)
{
    if (s->is_watching == on)
        return;
    s->is_watching = on;
    if (on)
        uv_poll_start(&s->poll, UV_READABLE, on_slot_readable);
    else
        uv_poll_stop(&s->poll);
}

static void on_slot_closed(uv_handle_t *h)
{
    struct slot *s = OBJ(h->data, struct slot, SLOT_MAGIC);
    struct gate *g = s->gate;
    free(s);
    if (--g->slots_alive == 0)
        gate_free(g);
}

void slot_close(struct slot *s, bool for_good)
{
    uv_close((uv_handle_t *)&s->poll, on_slot_closed);
    /* At once, not when the handle is closed: the app may ask for the same port again. */
    if (for_good) {
        unstore(s);
        listener_close(&s->socket);
    } else {
        listener_release(&s->socket);
        free(s->stored_as);
        s->stored_as = NULL;
    }
}

/* ---- groups ---- */

/* Generations of one process that live side by side have a socket each, so that the kernel's
 * program can hold the new one back, and let the old one end what it has. */
static int owner_of(const struct proc *p)
{
    return p->lead ? -2 - p->id : p->id;
}

static struct slot *slot_of(const struct gate *g, int owner)
{
    for (size_t i = 0; i < g->slot_count; i++)
        if (g->slots[i]->owner == owner)
            return g->slots[i];
    return NULL;
}

/* Nobody's, and nobody who is about to end accepts from it. */
static struct slot *free_slot(const struct gate *g)
{
    for (size_t i = 0; i < g->slot_count; i++) {
        struct slot *s = g->slots[i];
        bool is_free = s->owner == NOBODY;
        for (size_t k = 0; k < g->claim_count && is_free; k++)
            is_free = g->claims[k]->slot != s;
        if (is_free)
            return s;
    }
    return NULL;
}

static struct slot *one_more(struct gate *g, int *ret_code)
{
    struct listener l;
    *ret_code = listener_open_beside(&g->slots[0]->socket, 0, &l);
    if (*ret_code < 0)
        return NULL;
    struct slot *s = slot_new(g, (unsigned)g->slot_count, &l);
    if (!s)
        *ret_code = -ENOMEM;
    return s;
}

static void set_owner(struct slot *s, int owner)
{
    if (s->owner == owner)
        return;
    s->owner = owner;
    slot_store(s);
}

struct slot *slot_for(struct gate *g, const struct proc *p, int *ret_code)
{
    struct slot *s = slot_of(g, owner_of(p));
    if (!s)
        s = free_slot(g);
    if (!s && g->slot_count >= LIMIT_STEER_SOCKETS) /* then two have one */
        return g->slots[(size_t)p->id % g->slot_count];
    if (!s)
        s = one_more(g, ret_code);
    if (s)
        set_owner(s, owner_of(p));
    return s;
}

void slot_disown(struct slot *s)
{
    set_owner(s, NOBODY);
}

void slot_follow_claims(struct gate *g)
{
    for (size_t i = 0; i < g->claim_count; i++)
        if (g->claims[i]->slot)
            set_owner(g->claims[i]->slot, owner_of(g->claims[i]->proc));
}

bool slot_is_ours(const struct slot *s)
{
    return !s->gate->is_group || !s->is_served;
}

static void look_who_serves(struct gate *g)
{
    for (size_t i = 0; i < g->slot_count; i++)
        g->slots[i]->is_served = false;
    for (size_t i = 0; i < g->claim_count; i++)
        if (claim_is_live(g->claims[i]))
            g->claims[i]->slot->is_served = true;
}

/* A gap: one of the sockets was lost with a pm2d whose keeper could not hold it. Where it stood in
 * the kernel's list cannot be known. */
static bool is_whole(const struct gate *g)
{
    for (size_t i = 0; i < g->slot_count; i++)
        if (g->slots[i]->index != i)
            return false;
    return true;
}

static void steer(struct gate *g, struct steering *told)
{
    int rc = steer_set(g->slots[0]->socket.fd, told->active, told->count);
    if (rc < 0 && !told->has_failed)
        log_warn("%s: the kernel cannot be told which workers live (%s); connections meant for the "
                 "others are handed on",
                 g->key, err_text(rc));
    told->has_failed = rc < 0;
    told->is_known = rc >= 0;
}

void slot_steer(struct gate *g)
{
    if (!g->is_group || g->slot_count == 0)
        return;
    look_who_serves(g);
    struct steering *now = calloc(1, sizeof(*now) + g->slot_count * sizeof(now->active[0]));
    if (!now)
        return; /* as it was: what goes to the wrong socket is handed on */
    for (size_t i = 0; i < g->slot_count && is_whole(g); i++)
        if (g->slots[i]->is_served)
            now->active[now->count++] = g->slots[i]->index;
    const struct steering *old = g->steering;
    now->has_failed = old && old->has_failed;
    if (!old || !old->is_known || old->count != now->count ||
        memcmp(old->active, now->active, now->count * sizeof(now->active[0])) != 0)
        steer(g, now);
    else
        now->is_known = true;
    free(g->steering);
    g->steering = now;
}

void slot_forget_steering(struct gate *g)
{
    free(g->steering);
    g->steering = NULL;
}
