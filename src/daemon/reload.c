/* SPDX-License-Identifier: MIT
 * Two generations of a process. Runs in pm2d. */
#include "reload_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/listen.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "conf_merge.h"
#include "drain.h"
#include "generation.h"
#include "journal.h"
#include "pkgversion.h"
#include "primary.h"
#include "proc_priv.h"
#include "reload_probe.h"
#include "json/read.h"

#define DRAIN_TIMEOUT_MS 5000
#define LOOK_MS          100

/* ---- actions ---- */

static void spawn(struct reload *rl)
{
    log_info("App [%s:%d] its successor is started", proc_name(rl->p), rl->p->id);
    proc_order(rl->p->other, ORDER_START, NULL, NULL);
}

static void on_drained(void *ctx)
{
    struct reload *rl = OBJ(ctx, struct reload, RELOAD_MAGIC);
    rl->drain = NULL;
    reload_feed(rl, RE_DRAINED, 0);
}

static void start_drain(struct reload *rl)
{
    struct proc *o = rl->p->other;
    if (o->run)
        primary_retire(o->run, false);
    rl->drain = drain_start(o, on_drained, rl);
    if (!rl->drain)
        reload_feed(rl, RE_DRAINED, 0);
}

static void end_other(struct reload *rl)
{
    struct proc *o = rl->p->other;
    drain_cancel(rl->drain);
    rl->drain = NULL;
    reload_probe_cancel(rl->probe);
    rl->probe = NULL;
    if (rl->is_soft && o->is_old)
        o->policy.shutdown_with_message = true;
    FAILPOINT("reload.ending");
    proc_order(o, ORDER_DELETE, NULL, NULL);
}

/* What was owed, in words. */
static void describe_debts(const struct reload *rl, unsigned debts, char *ret, size_t size)
{
    const struct proc *o = rl->p->other;
    long long ms = (long long)rl->policy.listen_timeout_ms;
    if (debts & DEBT_WORD)
        snprintf(ret, size, "it did not say that it is ready within %lld ms (listen_timeout)", ms);
    else if ((debts & DEBT_SERVERS) && rl->ports_owed.count > 0)
        snprintf(ret, size, "it did not listen on port %u within %lld ms (listen_timeout)",
                 own_ports_lacking(&rl->ports_seen, &rl->ports_owed), ms);
    else if (debts & DEBT_SERVERS)
        snprintf(ret, size, "it listened on %u of %u sockets within %lld ms (listen_timeout)",
                 o && o->run ? primary_listening_count(o->run) : 0, rl->servers_owed, ms);
    else
        snprintf(ret, size,
                 "its health probe did not succeed within %lld ms (listen_timeout): %.*s", ms,
                 LIMIT_PROBE_ERROR_BYTES,
                 rl->probe ? reload_probe_error(rl->probe) : "it did not listen");
}

static void note_reason(struct reload *rl)
{
    const struct proc *o = rl->p->other;
    char text[ERR_MSG_MAX];
    if (o->sm.cannot_start && o->reason)
        snprintf(text, sizeof(text), "%s", o->reason);
    else if (o->exit_signal)
        snprintf(text, sizeof(text), "it was ended by signal %d", o->exit_signal);
    else if (o->has_exit)
        snprintf(text, sizeof(text), "it ended with exit code %d", o->exit_code);
    else
        snprintf(text, sizeof(text), "it ended");
    free(rl->reason);
    rl->reason = strdup(text);
}

static void tell(struct reload *rl, const struct reload_action *a)
{
    struct proc *p = rl->p;
    struct reload_handler h = rl->handler;
    char text[ERR_MSG_MAX + 96] = "";
    rl->handler.done = NULL;
    switch (a->verdict) {
    case RELOAD_OK: log_info("App [%s:%d] reloaded", proc_name(p), p->id); break;
    case RELOAD_LATE:
    case RELOAD_FAILED:
        snprintf(text, sizeof(text), "%s: the new process failed: %s; the old one serves on",
                 proc_name(p), rl->reason ? rl->reason : "");
        break;
    case RELOAD_OVERTAKEN:
        snprintf(text, sizeof(text), "%s: another order came before the reload was done",
                 proc_name(p));
        break;
    case RELOAD_UNPROVEN:
        snprintf(text, sizeof(text),
                 "%s: the old process ended by itself during the reload; the new one has taken its "
                 "place unproven",
                 proc_name(p));
        break;
    }
    if (text[0])
        log_error("App [%s:%d] not reloaded: %s", proc_name(p), p->id, text);
    if (h.done)
        h.done(h.ctx, p, text[0] ? text : NULL);
}

static void on_restarted(void *ctx, struct proc *p, const char *error)
{
    struct reload_handler *h = ctx;
    if (h->done)
        h->done(h->ctx, p, error);
    free(h);
}

static void restart(struct reload *rl)
{
    struct reload_handler *h = rl->restarted;
    rl->restarted = NULL;
    if (h)
        *h = rl->handler;
    rl->handler.done = NULL;
    conf_set_proc(rl->p, json_incref(rl->p->other->conf));
    proc_order(rl->p, ORDER_RESTART, h ? on_restarted : NULL, h);
}

void reload_on_timer(uv_timer_t *t)
{
    reload_feed(OBJ(t->data, struct reload, RELOAD_MAGIC), RE_TIMER, 0);
}

static void tell_proven(struct reload *rl, bool has_proven)
{
    struct reload_handler h = rl->handler;
    rl->handler.proven = NULL;
    if (h.proven)
        h.proven(h.ctx, rl->p, has_proven);
}

static void execute(struct reload *rl, const struct reload_action *a)
{
    switch (a->type) {
    case RA_DISARM: uv_timer_stop(&rl->timer); break;
    case RA_ARM: uv_timer_start(&rl->timer, reload_on_timer, (uint64_t)a->ms, 0); break;
    case RA_SPAWN: spawn(rl); break;
    case RA_SWITCH: generation_switch(rl->p, rl->sm.verdict == RELOAD_OK); break;
    case RA_PROVEN: tell_proven(rl, a->verdict == RELOAD_OK); break;
    case RA_DRAIN: start_drain(rl); break;
    case RA_END: end_other(rl); break;
    case RA_RESTART: restart(rl); break;
    case RA_TOLD: tell(rl, a); break;
    }
}

/* ---- the course of it ---- */

static void on_reload_closed(uv_handle_t *t)
{
    struct reload *rl = OBJ(t->data, struct reload, RELOAD_MAGIC);
    if (--rl->open_handles > 0)
        return;
    free(rl->reason);
    free(rl->restarted);
    free(rl);
}

/* What was asked for meanwhile is the caller's. */
static void reload_free(struct reload *rl)
{
    drain_cancel(rl->drain);
    rl->drain = NULL;
    reload_probe_cancel(rl->probe);
    rl->probe = NULL;
    rl->p->reload = NULL;
    uv_close((uv_handle_t *)&rl->timer, on_reload_closed);
    uv_close((uv_handle_t *)&rl->look, on_reload_closed);
}

static void conclude(struct reload *rl)
{
    struct proc *p = rl->p;
    bool has_next = rl->has_next;
    struct reload_request next = rl->next;
    struct reload_handler handler = rl->next_handler;
    reload_free(rl);
    if (has_next)
        reload_begin(p, &next, &handler);
}

static void step_one(struct reload *rl, const struct reload_event *ev)
{
    struct reload_actions actions;
    enum reload_state before = rl->sm.state;
    if (ev->type == RE_ENDED)
        note_reason(rl);
    if (ev->type == RE_TIMER && before == RELOAD_PROVING && rl->policy.verify) {
        char text[ERR_MSG_MAX];
        describe_debts(rl, rl->sm.debts, text, sizeof(text));
        free(rl->reason);
        rl->reason = strdup(text);
    }
    reload_sm_step(&rl->sm, &rl->policy, ev, &actions);
    log_debug("reload of %d: %s -> %s", rl->p->id, reload_state_name(before),
              reload_state_name(rl->sm.state));
    for (size_t i = 0; i < actions.count; i++)
        execute(rl, &actions.items[i]);
}

void reload_feed(struct reload *rl, enum reload_event_type type, unsigned debts)
{
    struct reload_event ev = {.type = type, .debts = debts};
    if (rl->stepping) {
        if (rl->queued < ARRAY_LEN(rl->queue))
            rl->queue[rl->queued++] = ev;
        else
            log_error("reload of %d: an event is lost", rl->p->id);
        return;
    }
    rl->stepping = true;
    step_one(rl, &ev);
    while (rl->queued > 0) {
        ev = rl->queue[0];
        memmove(rl->queue, rl->queue + 1, --rl->queued * sizeof(rl->queue[0]));
        step_one(rl, &ev);
    }
    rl->stepping = false;
    if (rl->sm.state == RELOAD_IDLE)
        conclude(rl);
    else
        journal_state(rl->p->env->journal, rl->p);
}

static int64_t delay_of(const struct proc *p, const char *key, int64_t fallback_ms)
{
    int64_t ms = fallback_ms;
    if (!json_get_int(p->conf, key, &ms) || ms < 0)
        ms = fallback_ms;
    return ms > LIMIT_DELAY_MS ? LIMIT_DELAY_MS : ms;
}

static bool wants_pm2_way(const struct proc *o)
{
    const char *policy = json_get_str(o->conf, "reload_policy");
    return policy && strcmp(policy, "pm2") == 0;
}

struct reload *reload_new(struct proc *p)
{
    struct reload *rl = calloc(1, sizeof(*rl));
    if (!rl)
        return NULL;
    rl->magic = RELOAD_MAGIC;
    rl->p = p;
    uv_timer_init(p->env->loop, &rl->timer);
    uv_timer_init(p->env->loop, &rl->look);
    rl->timer.data = rl->look.data = rl;
    rl->open_handles = 2;
    p->reload = rl;
    return rl;
}

void reload_set_policy(struct reload *rl, const struct reload_request *rq)
{
    const struct proc *o = rl->p->other->is_old ? rl->p : rl->p->other; /* the newer one */
    rl->is_soft = rq->soft;
    rl->policy = (struct reload_policy){
        .verify = !rq->force && !wants_pm2_way(o),
        .listen_timeout_ms = o->policy.listen_timeout_ms,
        .park_ms = delay_of(o, "reload_park", 0),
        .drain_timeout_ms = delay_of(o, "drain_timeout", DRAIN_TIMEOUT_MS),
    };
}

/* The kernel is asked whether the successor listens where the old one does. */
static void on_look(uv_timer_t *t)
{
    struct reload *rl = OBJ(t->data, struct reload, RELOAD_MAGIC);
    if (rl->sm.state != RELOAD_PROVING) {
        uv_timer_stop(t);
        return;
    }
    own_ports_find(rl->p->other, &rl->ports_seen);
    if (own_ports_lacking(&rl->ports_seen, &rl->ports_owed) == 0)
        reload_feed(rl, RE_PAID, DEBT_SERVERS);
}

/* An old one whose servers the primary and `listen` know nothing of. */
static bool owes_ports(struct reload *rl)
{
    struct proc *p = rl->p;
    if (rl->servers_owed > 0 || listen_count(p->conf) > 0)
        return false;
    own_ports_find(p, &rl->ports_owed);
    if (rl->ports_owed.count > 0)
        uv_timer_start(&rl->look, on_look, LOOK_MS, LOOK_MS);
    return rl->ports_owed.count > 0;
}

static unsigned debts_of(struct reload *rl)
{
    struct proc *p = rl->p;
    unsigned debts = p->other->policy.wait_ready ? DEBT_WORD : 0;
    rl->servers_owed = p->run ? primary_listening_count(p->run) : 0;
    if (reload_probe_is_for(p->other))
        debts |= DEBT_PROBE;
    if (rl->servers_owed > 0 || owes_ports(rl))
        debts |= DEBT_SERVERS;
    return debts;
}

static void refuse(struct proc *p, json_t *take_conf, const struct reload_handler *h,
                   const char *why)
{
    json_decref(take_conf);
    if (h->proven)
        h->proven(h->ctx, p, false);
    if (h->done)
        h->done(h->ctx, p, why);
}

static void begin(struct proc *p, const struct reload_request *rq, const struct reload_handler *h)
{
    json_t *conf = rq->take_conf ? rq->take_conf : json_incref(p->conf);
    struct proc *o = generation_new(p, conf);
    struct reload_handler *restarted = o ? malloc(sizeof(*restarted)) : NULL;
    struct reload *rl = restarted ? reload_new(p) : NULL;
    if (!rl) {
        if (o)
            proc_discard(o);
        free(restarted);
        p->other = NULL;
        refuse(p, NULL, h, "out of memory");
        return;
    }
    rl->restarted = restarted;
    pkgversion_find(json_get_str(conf, "pm_exec_path"), o->version, sizeof(o->version));
    rl->handler = *h;
    reload_set_policy(rl, rq);
    reload_feed(rl, RE_BEGIN, debts_of(rl));
}

void reload_begin(struct proc *p, const struct reload_request *rq, const struct reload_handler *h)
{
    struct reload *rl = p->reload;
    char text[96];
    if (p->removed || p->sm.goal != GOAL_UP) {
        refuse(p, rq->take_conf, h, "the process has been stopped or deleted");
        return;
    }
    if (rl && (rl->sm.state != RELOAD_PARKED || rl->has_next)) {
        snprintf(text, sizeof(text), "Reload already in progress for process id %d, retry later",
                 p->id);
        refuse(p, rq->take_conf, h, text);
        return;
    }
    if (!rl) {
        begin(p, rq, h);
        return;
    }
    rl->next = *rq;
    rl->next_handler = *h;
    rl->has_next = true;
    reload_feed(rl, RE_BEGIN, 0);
}

int reload_can_roll_back(const struct proc *p, struct err *e)
{
    if (reload_is_parked(p))
        return 0;
    return err_set(
        e, -ENOENT,
        "%s: no earlier generation is parked (reload --park <time> keeps it for so long)",
        proc_name(p));
}

int reload_rollback(struct proc *p, struct err *e)
{
    int rc = reload_can_roll_back(p, e);
    if (rc < 0)
        return rc;
    log_info("App [%s:%d] the generation before serves again", proc_name(p), p->id);
    reload_feed(p->reload, RE_ROLLBACK, 0);
    return 0;
}

bool reload_can(struct proc *p, const char **ret_why)
{
    struct own_ports ports;
    *ret_why = NULL;
    if (p->sm.state != PROC_ONLINE || !p->run) {
        *ret_why = "it does not run";
    } else if (!proc_is_cluster(p) && listen_count(p->conf) == 0) {
        own_ports_find(p, &ports);
        if (!own_ports_are_shareable(p, &ports))
            *ret_why = "it runs in fork mode, without `listen` or SO_REUSEPORT";
    }
    return !*ret_why;
}

/* ---- from the executor ---- */

void reload_overtake(struct proc *p, enum order_kind kind)
{
    struct reload *rl = p->reload;
    bool is_restart_of_served =
        rl && kind == ORDER_RESTART && rl->sm.state != RELOAD_PROVING; /* the old one may drain */
    if (rl && kind != ORDER_START && !is_restart_of_served)
        reload_feed(rl, RE_ABORT, 0);
}

void reload_state(struct proc *p)
{
    struct reload *rl = p->lead ? p->lead->reload : NULL;
    if (rl && p->sm.goal != GOAL_GONE &&
        (p->sm.state == PROC_STOPPED || p->sm.state == PROC_ERRORED))
        reload_feed(rl, RE_ENDED, 0);
}

struct proc *reload_exiting(struct proc *p)
{
    struct reload *rl = p->reload;
    if (!rl || rl->sm.state != RELOAD_PROVING || p->sm.goal != GOAL_UP)
        return p;
    struct proc *o = p->other;
    log_warn("App [%s:%d] ended while its successor was being started: that takes its place",
             proc_name(p), p->id);
    reload_feed(rl, RE_OLD_ENDED, 0);
    return o;
}

void reload_other_gone(struct proc *other)
{
    struct proc *p = other->lead;
    p->other = NULL;
    journal_state(p->env->journal, p);
    if (p->reload)
        reload_feed(p->reload, RE_GONE, 0);
    proc_tree_changed(p);
}

void reload_discard(struct proc *p)
{
    struct proc *o = p->other;
    struct reload *rl = p->reload;
    if (rl) {
        if (rl->has_next)
            json_decref(rl->next.take_conf);
        reload_free(rl);
    }
    p->other = NULL;
    if (o)
        proc_discard(o);
}

void reload_word(struct proc *other)
{
    struct reload *rl = other->lead ? other->lead->reload : NULL;
    if (rl)
        reload_feed(rl, RE_PAID, DEBT_WORD);
}

static void on_probed(void *ctx)
{
    struct reload *rl = OBJ(ctx, struct reload, RELOAD_MAGIC);
    rl->probe = NULL;
    reload_feed(rl, RE_PAID, DEBT_PROBE);
}

void reload_listening(struct proc *other)
{
    struct reload *rl = other->lead ? other->lead->reload : NULL;
    if (!rl || !other->run || rl->ports_owed.count > 0 ||
        primary_listening_count(other->run) < rl->servers_owed)
        return;
    if ((rl->sm.debts & DEBT_PROBE) && !rl->probe && rl->sm.state == RELOAD_PROVING)
        rl->probe = reload_probe_start(other, on_probed, rl);
    reload_feed(rl, RE_PAID, DEBT_SERVERS | (rl->servers_owed == 0 ? DEBT_AGE : 0));
}
