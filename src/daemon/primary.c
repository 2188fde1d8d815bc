/* SPDX-License-Identifier: MIT
 * Workers and claims: who has a part in which gate, for how long, and how that is remembered. Runs
 * in pm2d. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "journal.h"
#include "os/clock.h"
#include "os/fd.h"
#include "places.h"
#include "primary_priv.h"
#include "json/read.h"
#include "json/write.h"

#define SWEEP_MS  1000
#define IDLE_MS   1000
#define VACANT_MS 30000 /* a new run that has not asked by then will not ask */

int64_t primary_seq(struct primary *pr)
{
    return ++pr->seq;
}

/* What its process has a right to now, without anybody who serves it. */
static void vacate(struct worker *w)
{
    if (list_empty(&w->claims))
        return;
    while (!list_empty(&w->claims))
        claim_vacate(LIST_ENTRY(w->claims.next, struct claim, link));
    primary_sweep_later(w->owner);
}

/* ---- what is cleared up later ---- */

static struct worker *worker_of(const struct proc *p)
{
    return p->run ? p->run->worker : NULL;
}

static bool is_down(const struct proc *p)
{
    return p->sm.state == PROC_STOPPED || p->sm.state == PROC_ERRORED;
}

static bool is_abandoned(const struct claim *c, int64_t now_ms)
{
    const struct run *r = c->proc->run;
    bool is_old = r && now_ms - r->spawned_mono_ms > VACANT_MS;
    return !c->worker && (is_old || is_down(c->proc));
}

/* True when something was dropped: the lists have changed. */
static bool sweep_gate(struct primary *pr, struct gate *g, int64_t now_ms)
{
    if (g->claim_count == 0) {
        pr->is_sweeping = true;
        if (now_ms - g->idle_since_ms <= IDLE_MS)
            return false;
        gate_close(g, true);
        return true;
    }
    for (size_t i = 0; i < g->claim_count; i++) {
        struct claim *c = g->claims[i];
        if (is_abandoned(c, now_ms)) {
            log_info("App [%s:%d] does not listen on %s any more", proc_name(c->proc), c->proc->id,
                     g->key);
            claim_drop(c, false);
            return true;
        }
        if (!c->worker)
            pr->is_sweeping = true;
    }
    return false;
}

static void sweep(struct primary *pr)
{
    int64_t now_ms = clock_mono_ms();
    pr->is_sweeping = false;
    list_for_each (it, &pr->workers) {
        struct worker *w = LIST_ENTRY(it, struct worker, link);
        if (w->is_cut)
            vacate(w);
    }
    for (struct list *it = pr->gates.next; it != &pr->gates;)
        it = sweep_gate(pr, LIST_ENTRY(it, struct gate, link), now_ms) ? pr->gates.next : it->next;
    if (!pr->is_sweeping)
        uv_timer_stop(&pr->sweep);
}

static void on_sweep(uv_timer_t *t)
{
    sweep(OBJ(t->data, struct primary, PRIMARY_MAGIC));
}

void primary_sweep_later(struct primary *pr)
{
    if (!pr->is_sweeping)
        uv_timer_start(&pr->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    pr->is_sweeping = true;
}

/* ---- workers ---- */

void primary_join(struct run *r)
{
    struct primary *pr = r->proc->env->primary;
    if (!pr || r->worker || !proc_is_cluster(r->proc))
        return;
    struct worker *w = calloc(1, sizeof(*w));
    if (!w) {
        log_error("App [%s:%d] out of memory: it cannot listen", proc_name(r->proc), r->proc->id);
        return;
    }
    w->owner = pr;
    w->run = r;
    w->is_held = r->proc->lead && !r->proc->is_old;
    places_forget(r->proc);
    list_init(&w->claims);
    list_add_tail(&pr->workers, &w->link);
    r->worker = w;
}

void primary_cut(struct run *r)
{
    struct worker *w = r->worker;
    if (!w)
        return;
    w->is_leaving = w->is_cut = true;
    claims_changed(w);
    primary_sweep_later(w->owner);
}

void primary_retire(struct run *r, bool for_good)
{
    struct worker *w = r->worker;
    if (!w)
        return;
    w->is_leaving = true;
    claims_changed(w);
    while (for_good && !list_empty(&w->claims))
        claim_drop(LIST_ENTRY(w->claims.next, struct claim, link), false);
}

static void exchange_claims(struct gate *g, struct proc *p, struct proc *other)
{
    for (size_t i = 0; i < g->claim_count; i++) {
        struct claim *c = g->claims[i];
        if (c->worker)
            c->proc = c->worker->run->proc;
        else if (c->proc == other)
            c->proc = p; /* what waits for somebody waits for the one that serves */
    }
}

/* What waited for the generation before, where the one of now has come. */
static void drop_surplus(struct gate *g, const struct proc *p)
{
    struct claim *vacant = NULL;
    bool has_worker = false;
    for (size_t i = 0; i < g->claim_count; i++) {
        struct claim *c = g->claims[i];
        has_worker |= c->proc == p && c->worker;
        if (c->proc == p && !c->worker)
            vacant = c;
    }
    if (vacant && has_worker)
        claim_drop(vacant, false);
}

void primary_switch(struct proc *p, struct proc *other)
{
    struct primary *pr = p->env->primary;
    struct worker *w = worker_of(p);
    if (other->run)
        primary_retire(other->run, false);
    if (w) {
        w->is_held = false;
        w->is_leaving = w->is_cut; /* called back, perhaps */
    }
    list_for_each (it, &pr->gates) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        exchange_claims(g, p, other);
        drop_surplus(g, p);
        slot_follow_claims(g);
    }
    if (w)
        claims_changed(w);
}

void primary_leave(struct run *r)
{
    struct worker *w = r->worker;
    if (!w)
        return;
    r->worker = NULL;
    vacate(w);
    list_del(&w->link);
    handout_take_back(w);
    free(w);
}

bool primary_has_served(const struct run *r)
{
    return r->worker && (r->worker->listening > 0 || !list_empty(&r->worker->claims));
}

unsigned primary_listening_count(const struct run *r)
{
    return r->worker ? r->worker->listening : 0;
}

/* ---- processes ---- */

/* Drop the claims of `p`; those that a worker of it holds only if `all`. */
static void drop_claims(struct primary *pr, const struct proc *p, bool all)
{
    for (struct list *it = pr->gates.next; it != &pr->gates;) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        struct claim *found = NULL;
        for (size_t i = 0; i < g->claim_count && !found; i++)
            if (g->claims[i]->proc == p && (all || !g->claims[i]->worker))
                found = g->claims[i];
        if (found)
            claim_drop(found, false);
        it = found ? pr->gates.next : it->next;
    }
}

void primary_state(struct proc *p)
{
    if (p->env->primary && is_down(p))
        drop_claims(p->env->primary, p, false);
}

void primary_removed(struct proc *p)
{
    places_forget(p);
    if (p->env->primary)
        drop_claims(p->env->primary, p, true);
}

const char *primary_app_on_port(const struct primary *pr, int port)
{
    if (!pr)
        return NULL;
    list_for_each (it, &pr->gates) {
        const struct gate *g = LIST_ENTRY(it, struct gate, link);
        struct listener_name name;
        const struct listener *l = &g->slots[0]->socket;
        if (!l->is_udp && listener_name(l, &name) == 0 && name.family != 0 && name.port == port)
            return g->app;
    }
    return NULL;
}

/* ---- memory ---- */

/* Of a journal record. */
static const char *const members[] = {"listens", "itself", "vacant", "listening", "bun"};

json_t *primary_read_claims(const json_t *record)
{
    json_t *claims = NULL;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(record, members[i]);
        if (value && !claims)
            claims = json_object();
        if (value)
            json_object_set(claims, members[i], value);
    }
    return claims;
}

typedef bool claim_test(const struct claim *c);

static bool is_vacant(const struct claim *c)
{
    return !c->worker;
}

static bool is_handed(const struct claim *c)
{
    return c->worker && !c->takes_itself;
}

static bool is_taken(const struct claim *c)
{
    return c->worker && c->takes_itself;
}

static void write_keys(struct jw *w, const struct proc *p, const char *member, claim_test *test)
{
    bool has_some = false;
    list_for_each (it, &p->env->primary->gates) {
        const struct gate *g = LIST_ENTRY(it, struct gate, link);
        for (size_t i = 0; i < g->claim_count; i++) {
            if (g->claims[i]->proc != p || !test(g->claims[i]))
                continue;
            if (!has_some) {
                jw_key(w, member);
                jw_arr_begin(w);
            }
            has_some = true;
            jw_str(w, g->key);
        }
    }
    if (has_some)
        jw_arr_end(w);
}

void primary_write_claims(struct jw *w, const struct proc *p)
{
    const struct worker *worker = worker_of(p);
    for (size_t i = 0; p->claims && i < ARRAY_LEN(members); i++) /* not recovered yet */
        if (json_has(p->claims, members[i]))
            jw_kdom(w, members[i], json_object_get(p->claims, members[i]));
    if (p->claims || !p->env->primary || !proc_is_cluster(p))
        return;
    write_keys(w, p, "listens", is_handed);
    write_keys(w, p, "itself", is_taken);
    write_keys(w, p, "vacant", is_vacant);
    if (worker && worker->listening > 0)
        jw_kint(w, "listening", worker->listening);
    if (worker && worker->is_bun)
        jw_kbool(w, "bun", true);
}

/* `w` NULL: vacant. */
static void recover_keys(struct primary *pr, struct proc *p, const json_t *keys, struct worker *w,
                         bool takes_itself)
{
    size_t i;
    json_t *key;
    int code;
    json_array_foreach ((json_t *)keys, i, key) {
        struct gate *g = json_is_string(key) ? gate_find(pr, json_string_value(key)) : NULL;
        struct claim *c = !g ? NULL : w ? claim_add(g, w, &code) : claim_add_vacant(g, p);
        if (g && !c)
            log_error("App [%s:%d] out of memory: it does not listen on %s", proc_name(p), p->id,
                      g->key);
        if (c)
            c->takes_itself |= takes_itself;
    }
}

static void recover_proc(struct primary *pr, struct proc *p)
{
    int64_t listening = 0;
    json_t *claims = p->claims;
    struct worker *w = worker_of(p);
    if (!claims)
        return;
    p->claims = NULL;
    recover_keys(pr, p, json_object_get(claims, "vacant"), NULL, false);
    recover_keys(pr, p, json_object_get(claims, "listens"), w, false);
    recover_keys(pr, p, json_object_get(claims, "itself"), w, true);
    if (w && json_get_int(claims, "listening", &listening))
        w->listening = (unsigned)listening;
    if (w)
        w->is_bun = json_get_bool(claims, "bun", false);
    json_decref(claims);
    primary_sweep_later(pr);
}

void primary_recover(struct primary *pr, struct proc *const *procs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        recover_proc(pr, procs[i]);
        if (procs[i]->other)
            recover_proc(pr, procs[i]->other);
    }
    list_for_each_safe (it, next, &pr->gates) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        if (g->claim_count == 0) {
            gate_close(g, true);
            continue;
        }
        slot_steer(g);
        handout_serve(g);
    }
}

/* ---- the whole ---- */

struct primary *primary_new(struct proc_env *env)
{
    struct primary *pr = calloc(1, sizeof(*pr));
    if (!pr)
        return NULL;
    pr->magic = PRIMARY_MAGIC;
    pr->env = env;
    list_init(&pr->gates);
    list_init(&pr->workers);
    uv_timer_init(env->loop, &pr->retry);
    uv_timer_init(env->loop, &pr->sweep);
    pr->retry.data = pr->sweep.data = pr;
    pr->open_handles = 2;
    pr->seq = clock_wall_ms(); /* a reply to the pm2d before is none to us */
    return pr;
}

bool primary_take_stored(struct primary *pr, struct str name, int take_fd)
{
    return gate_adopt(pr, name, take_fd);
}

void primary_rehome(struct primary *pr)
{
    list_for_each (it, &pr->gates)
        gate_store(LIST_ENTRY(it, struct gate, link));
}

static void on_primary_closed(uv_handle_t *h)
{
    struct primary *pr = OBJ(h->data, struct primary, PRIMARY_MAGIC);
    if (--pr->open_handles == 0)
        free(pr);
}

void primary_close(struct primary *pr)
{
    if (!pr)
        return;
    pr->env->primary = NULL;
    pr->is_closing = true;
    list_for_each_safe (it, next, &pr->gates) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        while (g->claim_count > 0)
            claim_free(g->claims[g->claim_count - 1]);
        gate_close(g, false);
    }
    list_for_each_safe (it, next, &pr->workers) {
        struct worker *w = LIST_ENTRY(it, struct worker, link);
        primary_leave(w->run);
    }
    uv_close((uv_handle_t *)&pr->retry, on_primary_closed);
    uv_close((uv_handle_t *)&pr->sweep, on_primary_closed);
}
