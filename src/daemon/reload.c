/* SPDX-License-Identifier: MIT
 * Two generations of a process. Runs in pm2d. */
#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/listen.h"
#include "app/reload_sm.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "conf_merge.h"
#include "drain.h"
#include "extras.h"
#include "journal.h"
#include "os/clock.h"
#include "pidfile.h"
#include "pkgversion.h"
#include "primary.h"
#include "proc_priv.h"
#include "reload_probe.h"
#include "json/read.h"

#define RELOAD_MAGIC     OBJ_MAGIC('R', 'L', 'O', 'D')
#define DRAIN_TIMEOUT_MS 5000

struct reload {
    uint32_t magic;
    struct proc *p;
    struct reload_sm sm;
    struct reload_policy policy;
    struct reload_handler handler;
    bool is_soft;
    unsigned servers_owed;
    char *reason; /* why the successor ended */
    struct drain *drain;
    struct reload_probe *probe;
    struct reload_request next; /* asked for while the old one is parked */
    struct reload_handler next_handler;
    bool has_next;
    uv_timer_t timer;
    struct reload_event queue[8]; /* that came while a step was under way */
    unsigned queued;
    bool stepping;
};

static void feed(struct reload *rl, enum reload_event_type type, unsigned debts);

/* ---- the two generations ---- */

static struct proc *other_new(struct proc *p, json_t *take_conf)
{
    struct proc *o = proc_new(p->env, p->id, take_conf);
    if (!o)
        return NULL;
    o->lead = p;
    o->instance = p->instance;
    o->created_at = clock_wall_ms();
    o->monitored = p->monitored;
    o->slot = 1 - p->slot;
    o->sm.restart_time = p->sm.restart_time + 1;
    p->other = o;
    return o;
}

#define SWAP(field)                                                                                \
    do {                                                                                           \
        __typeof__(a->field) kept = a->field;                                                      \
        a->field = b->field;                                                                       \
        b->field = kept;                                                                           \
    } while (0)

static void swap_texts(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* What belongs to a run, and to the conf that it was started with. */
static void exchange(struct proc *a, struct proc *b)
{
    SWAP(conf);
    SWAP(sm);
    SWAP(run);
    SWAP(run_count);
    SWAP(slot);
    SWAP(pm_uptime);
    SWAP(created_at);
    SWAP(has_exit);
    SWAP(exit_unknown);
    SWAP(exit_code);
    SWAP(exit_signal);
    SWAP(axm_actions);
    SWAP(axm_monitor);
    SWAP(axm_options);
    SWAP(notify_status);
    SWAP(cgroup_spent);
    SWAP(oom_kills);
    SWAP(monit);
    SWAP(last_pid);
    SWAP(last_ticks);
    swap_texts(a->version, b->version, sizeof(a->version));
    swap_texts(a->node_version, b->node_version, sizeof(a->node_version));
    if (a->run)
        a->run->proc = a;
    if (b->run)
        b->run->proc = b;
    proc_policy_refresh(a);
    proc_policy_refresh(b);
}

static void switch_generations(struct reload *rl)
{
    struct proc *p = rl->p;
    struct proc *o = p->other;
    bool has_new_conf = p->conf != o->conf;
    int64_t restarts =
        p->sm.restart_time > o->sm.restart_time ? p->sm.restart_time : o->sm.restart_time - 1;
    if (o->sm.state == PROC_STARTING && rl->sm.verdict == RELOAD_OK)
        proc_step(o, &(struct proc_event){.type = EV_READY});
    exchange(p, o);
    o->is_old = true;
    p->sm.restart_time = restarts + 1;
    primary_switch(p, o);
    if (proc_pid(p) > 0)
        pidfile_write(json_get_str(p->conf, "pm_pid_path"), proc_pid(p));
    FAILPOINT("reload.switching");
    journal_app(p->env->journal, p);
    FAILPOINT("reload.switched");
    if (has_new_conf)
        extras_changed(p);
    extras_state(p);
    if (p->sm.state == PROC_STARTING && p->policy.listen_timeout_ms > 0)
        proc_arm(p, p->policy.listen_timeout_ms); /* it has taken the place before its time */
}

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
    feed(rl, RE_DRAINED, 0);
}

static void start_drain(struct reload *rl)
{
    struct proc *o = rl->p->other;
    if (o->run)
        primary_retire(o->run, false);
    rl->drain = drain_start(o, on_drained, rl);
    if (!rl->drain)
        feed(rl, RE_DRAINED, 0);
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
    struct reload_handler *h = malloc(sizeof(*h));
    if (h)
        *h = rl->handler;
    rl->handler.done = NULL;
    conf_set_proc(rl->p, json_incref(rl->p->other->conf));
    proc_order(rl->p, ORDER_RESTART, h ? on_restarted : NULL, h);
}

static void on_reload_timer(uv_timer_t *t)
{
    feed(OBJ(t->data, struct reload, RELOAD_MAGIC), RE_TIMER, 0);
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
    case RA_ARM: uv_timer_start(&rl->timer, on_reload_timer, (uint64_t)a->ms, 0); break;
    case RA_SPAWN: spawn(rl); break;
    case RA_SWITCH: switch_generations(rl); break;
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
    free(rl->reason);
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

static void feed(struct reload *rl, enum reload_event_type type, unsigned debts)
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

static struct reload *reload_new(struct proc *p)
{
    struct reload *rl = calloc(1, sizeof(*rl));
    if (!rl)
        return NULL;
    rl->magic = RELOAD_MAGIC;
    rl->p = p;
    uv_timer_init(p->env->loop, &rl->timer);
    rl->timer.data = rl;
    p->reload = rl;
    return rl;
}

static void set_policy(struct reload *rl, const struct reload_request *rq)
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

static unsigned debts_of(struct reload *rl)
{
    struct proc *p = rl->p;
    unsigned debts = p->other->policy.wait_ready ? DEBT_WORD : 0;
    rl->servers_owed = p->run ? primary_listening_count(p->run) : 0;
    if (reload_probe_is_for(p->other))
        debts |= DEBT_PROBE;
    return rl->servers_owed > 0 ? debts | DEBT_SERVERS : debts;
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
    struct proc *o = other_new(p, conf);
    struct reload *rl = o ? reload_new(p) : NULL;
    if (!rl) {
        if (o)
            proc_discard(o);
        p->other = NULL;
        refuse(p, NULL, h, "out of memory");
        return;
    }
    pkgversion_find(json_get_str(conf, "pm_exec_path"), o->version, sizeof(o->version));
    rl->handler = *h;
    set_policy(rl, rq);
    feed(rl, RE_BEGIN, debts_of(rl));
}

void reload_begin(struct proc *p, const struct reload_request *rq, const struct reload_handler *h)
{
    struct reload *rl = p->reload;
    char text[96];
    if (p->removed || (rl && (rl->sm.state != RELOAD_PARKED || rl->has_next))) {
        snprintf(text, sizeof(text), "Reload already in progress for process id %d, retry later",
                 p->id);
        refuse(p, rq->take_conf, h, p->removed ? "the process has been deleted" : text);
        return;
    }
    if (!rl) {
        begin(p, rq, h);
        return;
    }
    rl->next = *rq;
    rl->next_handler = *h;
    rl->has_next = true;
    feed(rl, RE_BEGIN, 0);
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
    feed(p->reload, RE_ROLLBACK, 0);
    return 0;
}

bool reload_can(const struct proc *p, const char **ret_why)
{
    *ret_why = NULL;
    if (p->sm.state != PROC_ONLINE || !p->run)
        *ret_why = "it does not run";
    else if (!proc_is_cluster(p) && listen_count(p->conf) == 0)
        *ret_why = "it runs in fork mode and has no `listen`";
    return !*ret_why;
}

/* ---- from the executor ---- */

void reload_overtake(struct proc *p, enum order_kind kind)
{
    struct reload *rl = p->reload;
    bool is_restart_of_served =
        rl && kind == ORDER_RESTART && rl->sm.state != RELOAD_PROVING; /* the old one may drain */
    if (rl && kind != ORDER_START && !is_restart_of_served)
        feed(rl, RE_ABORT, 0);
}

void reload_state(struct proc *p)
{
    struct reload *rl = p->lead ? p->lead->reload : NULL;
    if (rl && p->sm.goal != GOAL_GONE &&
        (p->sm.state == PROC_STOPPED || p->sm.state == PROC_ERRORED))
        feed(rl, RE_ENDED, 0);
}

struct proc *reload_exiting(struct proc *p)
{
    struct reload *rl = p->reload;
    if (!rl || rl->sm.state != RELOAD_PROVING || p->sm.goal != GOAL_UP)
        return p;
    struct proc *o = p->other;
    log_warn("App [%s:%d] ended while its successor was being started: that takes its place",
             proc_name(p), p->id);
    feed(rl, RE_OLD_ENDED, 0);
    return o;
}

void reload_other_gone(struct proc *other)
{
    struct proc *p = other->lead;
    p->other = NULL;
    journal_state(p->env->journal, p);
    if (p->reload)
        feed(p->reload, RE_GONE, 0);
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

void reload_proven_by(struct proc *other, unsigned debts)
{
    struct reload *rl = other->lead ? other->lead->reload : NULL;
    if (rl)
        feed(rl, RE_PAID, debts);
}

void reload_word(struct proc *other)
{
    reload_proven_by(other, DEBT_WORD);
}

static void on_probed(void *ctx)
{
    struct reload *rl = OBJ(ctx, struct reload, RELOAD_MAGIC);
    rl->probe = NULL;
    feed(rl, RE_PAID, DEBT_PROBE);
}

void reload_listening(struct proc *other)
{
    struct reload *rl = other->lead ? other->lead->reload : NULL;
    if (!rl || !other->run || primary_listening_count(other->run) < rl->servers_owed)
        return;
    if ((rl->sm.debts & DEBT_PROBE) && !rl->probe && rl->sm.state == RELOAD_PROVING)
        rl->probe = reload_probe_start(other, on_probed, rl);
    feed(rl, RE_PAID, DEBT_SERVERS | (rl->servers_owed == 0 ? DEBT_AGE : 0));
}

/* ---- memory ---- */

bool reload_is_parked(const struct proc *p)
{
    return p->reload && p->reload->sm.state == RELOAD_PARKED;
}

struct proc *reload_recover_other(struct proc *p, bool has_one)
{
    if (!has_one)
        reload_discard(p);
    else if (!p->other)
        (void)other_new(p, json_incref(p->conf));
    return p->other;
}

void reload_recover_parked(struct proc *p, bool is_parked)
{
    p->other->was_parked = is_parked;
}

/* The one that the journal knows beside the process: it goes on with what it was at. */
void reload_coldplug(struct proc *p)
{
    static const struct reload_request unasked = {.force = false};
    struct proc *o = p->other;
    if (!o)
        return;
    struct reload *rl = reload_new(p);
    if (!rl) {
        log_error("App [%s:%d] out of memory: its other generation is ended", proc_name(p), p->id);
        proc_coldplug(o);
        proc_order(o, ORDER_DELETE, NULL, NULL);
        return;
    }
    set_policy(rl, &unasked);
    rl->sm.told = true; /* who asked has gone with the pm2d before */
    rl->sm.state = !o->is_old                ? RELOAD_UNDOING
                   : o->sm.goal == GOAL_GONE ? RELOAD_ENDING
                                             : RELOAD_PARKED;
    enum reload_state was = rl->sm.state;
    if (was == RELOAD_UNDOING)
        log_warn("App [%s:%d] was being reloaded when pm2d died: undone", proc_name(p), p->id);
    proc_coldplug(o);
    if (p->reload != rl || rl->sm.state != was)
        return; /* it was gone already */
    if (was == RELOAD_UNDOING)
        proc_order(o, ORDER_DELETE, NULL, NULL);
    else if (was == RELOAD_PARKED && o->was_parked && rl->policy.park_ms > 0)
        uv_timer_start(&rl->timer, on_reload_timer, (uint64_t)rl->policy.park_ms, 0);
    else if (was == RELOAD_PARKED)
        feed(rl, RE_TIMER, 0);
}
