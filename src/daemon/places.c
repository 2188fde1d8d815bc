/* SPDX-License-Identifier: MIT
 * Where processes listen, in words. Runs in pm2d. */
#include "places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "places_priv.h"
#include "primary_priv.h"
#include "json/read.h"
#include "json/write.h"

bool places_is_same_app(const struct proc *a, const struct proc *b)
{
    return strcmp(proc_name(a), proc_name(b)) == 0 &&
           strcmp(proc_namespace(a), proc_namespace(b)) == 0;
}

bool places_may_share(const struct proc *p)
{
    return json_get_bool(p->conf, "share_port", true);
}

const struct proc *places_stranger(const struct gate *g, const struct proc *p, bool only_selfish)
{
    for (size_t i = 0; i < g->claim_count; i++) {
        const struct proc *other = g->claims[i]->proc;
        if (!places_is_same_app(p, other) && !(only_selfish && places_may_share(other)))
            return other;
    }
    return NULL;
}

/* ---- words ---- */

void places_name(const struct gate *g, struct buf *out)
{
    struct listener_name name;
    const struct listener *l = &g->slots[0]->socket;
    if (l->path)
        buf_add_c(out, l->path);
    else if (listener_name(l, &name) < 0)
        buf_add_c(out, g->key);
    else
        buf_printf(out, name.family == 6 ? "[%s]:%d" : "%s:%d", name.address, name.port);
    if (l->is_udp)
        buf_add_c(out, "/udp");
}

static void name_of_query(const struct cluster_query *q, struct buf *out)
{
    if (q->type == CLUSTER_UNIX)
        buf_add_c(out, q->address ? q->address : "a handle");
    else if (q->type == CLUSTER_FD)
        buf_printf(out, "descriptor %d of pm2d", q->fd);
    else if (!q->address)
        buf_printf(out, "port %d", q->port);
    else
        buf_printf(out, strchr(q->address, ':') ? "[%s]:%d" : "%s:%d", q->address, q->port);
}

void places_refused(struct proc *p, const struct cluster_query *q, const struct proc *owner,
                    int code)
{
    AUTO(buf) text = BUF_INIT;
    name_of_query(q, &text);
    if (owner)
        buf_printf(&text, ": app %s has it, and %s does not share its port (share_port: false)",
                   proc_name(owner), places_may_share(p) ? "that app" : "this app");
    else
        buf_printf(&text, ": %s", err_text(code));
    log_warn("App [%s:%d] cannot listen on %s", proc_name(p), p->id, text.data);
    free(p->listen_error);
    p->listen_error = buf_detach(&text);
}

void places_forget(struct proc *p)
{
    free(p->listen_error);
    p->listen_error = NULL;
}

/* ---- describe ---- */

static void write_strangers(struct jw *w, const struct gate *g, const struct proc *p)
{
    const struct proc *told = NULL;
    if (!places_stranger(g, p, false))
        return;
    jw_key(w, "shared_with");
    jw_arr_begin(w);
    for (size_t i = 0; i < g->claim_count; i++) {
        const struct proc *other = g->claims[i]->proc;
        if (places_is_same_app(p, other) || (told && places_is_same_app(told, other)))
            continue;
        jw_str(w, proc_name(other));
        told = other;
    }
    jw_arr_end(w);
}

static const char *mode_of(const struct claim *c)
{
    const struct gate *g = c->gate;
    if (g->is_group)
        return balance_name(BALANCE_REUSEPORT);
    return balance_name(c->takes_itself ? BALANCE_SHARED : g->mode);
}

static void write_place(struct jw *w, const struct claim *c)
{
    AUTO(buf) place = BUF_INIT;
    places_name(c->gate, &place);
    jw_obj_begin(w);
    jw_kstr(w, "place", place.data);
    jw_kstr(w, "balance", mode_of(c));
    write_strangers(w, c->gate, c->proc);
    jw_obj_end(w);
}

const struct claim *places_claim(const struct gate *g, const struct proc *p)
{
    for (size_t i = 0; i < g->claim_count; i++)
        if (g->claims[i]->proc == p)
            return g->claims[i];
    return NULL;
}

void places_write(struct jw *w, const struct proc *p)
{
    bool has_some = false;
    if (!p->env->primary)
        return;
    list_for_each (it, &p->env->primary->gates) {
        const struct claim *c = places_claim(LIST_ENTRY(it, struct gate, link), p);
        if (!c)
            continue;
        if (!has_some) {
            jw_key(w, "listens_on");
            jw_arr_begin(w);
        }
        has_some = true;
        write_place(w, c);
    }
    if (has_some)
        jw_arr_end(w);
    if (p->listen_error)
        jw_kstr(w, "listen_error", p->listen_error);
}
