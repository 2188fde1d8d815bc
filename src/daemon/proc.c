/* SPDX-License-Identifier: MIT
 * The executor: feeds the state machine of one process and carries out what it says. Runs in pm2d.
 */
#include "proc.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/listen.h"
#include "apptell.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/obj.h"
#include "events.h"
#include "extras.h"
#include "history.h"
#include "journal.h"
#include "nodeversion.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/pidfd.h"
#include "pidfile.h"
#include "primary.h"
#include "proc_priv.h"
#include "reload.h"
#include "resources.h"
#include "run.h"
#include "sockets.h"
#include "tree.h"
#include "json/read.h"

#define PROC_MAGIC     OBJ_MAGIC('P', 'R', 'O', 'C')
#define KEEPER_LOOK_MS 100 /* pace of looking whether the keeper has told of an end */

struct order {
    struct list link;
    enum order_kind kind;
    order_done_fn *done;
    void *ctx;
};

const char *proc_name(const struct proc *p)
{
    const char *name = json_get_str(p->conf, "name");
    return name ? name : "";
}

const char *proc_namespace(const struct proc *p)
{
    const char *ns = json_get_str(p->conf, "namespace");
    return ns ? ns : "default";
}

bool proc_is_cluster(const struct proc *p)
{
    const char *mode = json_get_str(p->conf, "exec_mode");
    return mode && strcmp(mode, "cluster_mode") == 0 && listen_count(p->conf) == 0;
}

bool proc_cgroup(const struct proc *p, char *ret, size_t size)
{
    if (!p->env->cgroup_base[0])
        return false;
    snprintf(ret, size, p->slot ? "%s/app-%d.%u" : "%s/app-%d", p->env->cgroup_base, p->id,
             p->slot);
    return true;
}

struct proc *proc_by_handle(struct proc *p, uint64_t handle)
{
    struct proc *o = p->other;
    return o && o->run_count == (uint32_t)handle ? o : p;
}

pid_t proc_pid(const struct proc *p)
{
    return p->run && !p->run->exited ? p->run->pid : 0;
}

int64_t proc_uptime_ms(const struct proc *p)
{
    return proc_pid(p) > 0 ? clock_mono_ms() - p->run->spawned_mono_ms : 0;
}

void proc_set_reason(struct proc *p, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    free(p->reason);
    p->reason = strdup(text);
    p->reason_at = clock_wall_ms();
}

static void clear_reason(struct proc *p)
{
    free(p->reason);
    p->reason = NULL;
    p->reason_at = 0;
}

/* It has ended, as ordered, and only the keeper's word is missing: no time to kill anything. */
static bool awaits_keeper(const struct proc *p)
{
    return p->sm.state == PROC_STOPPING && proc_pid(p) > 0 && !p->run->adopted &&
           pidfd_has_ended(p->run->pidfd) && !tree_has_members(p);
}

static void on_proc_timer(uv_timer_t *t)
{
    struct proc *p = OBJ(t->data, struct proc, PROC_MAGIC);
    if (awaits_keeper(p)) {
        if (!p->run->is_unheard)
            log_warn("App [%s:%d] has ended, and the keeper (pid %d) does not say so", proc_name(p),
                     p->id, (int)link_keeper_pid(p->env->link));
        p->run->is_unheard = true;
        proc_arm(p, KEEPER_LOOK_MS);
        return;
    }
    if (p->sm.state == PROC_STARTING)
        history_late(p);
    proc_step(p, &(struct proc_event){.type = EV_TIMER});
}

void proc_arm(struct proc *p, int64_t ms)
{
    uv_timer_start(&p->timer, on_proc_timer, (uint64_t)ms, 0);
}

static void on_proc_closed(uv_handle_t *h)
{
    struct proc *p = OBJ(h->data, struct proc, PROC_MAGIC);
    json_decref(p->conf);
    json_decref(p->axm_actions);
    json_decref(p->axm_monitor);
    json_decref(p->axm_options);
    json_decref(p->agent_actions);
    json_decref(p->claims);
    free(p->reason);
    free(p);
}

struct proc *proc_new(struct proc_env *env, int id, json_t *take_conf)
{
    struct proc *p = calloc(1, sizeof(*p));
    if (!p) {
        json_decref(take_conf);
        return NULL;
    }
    p->magic = PROC_MAGIC;
    p->env = env;
    p->id = id;
    p->conf = take_conf;
    p->instance = -1;
    p->monitored = -1;
    list_init(&p->old_runs);
    list_init(&p->orders);
    list_init(&p->triggers);
    proc_sm_init(&p->sm);
    proc_policy_refresh(p);
    uv_timer_init(env->loop, &p->timer);
    p->timer.data = p;
    return p;
}

void proc_policy_refresh(struct proc *p)
{
    policy_from_conf(p->conf, &p->env->defaults, &p->policy);
}

void proc_discard(struct proc *p)
{
    p->removed = true;
    reload_discard(p);
    extras_removed(p);
    tree_forget(p);
    if (p->run)
        run_close(p->run);
    list_for_each_safe (it, next, &p->old_runs)
        run_close(LIST_ENTRY(it, struct run, link));
    uv_close((uv_handle_t *)&p->timer, on_proc_closed);
}

/* ---- orders ---- */

/* Why an order of this kind did not reach what it wanted; NULL when it did. */
static const char *order_error(const struct proc *p, enum order_kind kind)
{
    if (p->sm.stuck)
        return "the process is still there after SIGKILL";
    if ((kind == ORDER_START || kind == ORDER_RESTART) && p->sm.cannot_start)
        return p->reason ? p->reason : "it cannot be started";
    if (kind == ORDER_DELETE && !p->removed)
        return "the process could not be removed";
    return NULL;
}

/* Answer the orders; `only` restricts it to one kind. */
static void settle(struct proc *p, int only)
{
    struct list ready;
    list_init(&ready);
    list_for_each_safe (it, next, &p->orders) {
        struct order *o = LIST_ENTRY(it, struct order, link);
        if (only >= 0 && o->kind != (enum order_kind)only)
            continue;
        list_del(&o->link);
        list_add_tail(&ready, &o->link);
    }
    while (!list_empty(&ready)) {
        struct order *o = LIST_ENTRY(ready.next, struct order, link);
        list_del(&o->link);
        if (o->done)
            o->done(o->ctx, p, only >= 0 ? NULL : order_error(p, o->kind));
        free(o);
    }
}

static void forget_run(struct proc *p)
{
    struct run *r = p->run;
    p->run = NULL;
    run_close(r);
}

/* A run that no keeper knows. */
static void drop_run(struct proc *p)
{
    forget_run(p);
    proc_step(p, &(struct proc_event){.type = EV_SPAWN_FAILED});
}

/* Nothing has been started yet: who does not want it any more does not wait for it. */
static void stop_fetching(struct proc *p)
{
    if (p->run && p->run->fetch && (p->sm.goal != GOAL_UP || p->sm.stale))
        drop_run(p);
}

void proc_order(struct proc *p, enum order_kind kind, order_done_fn *done, void *ctx)
{
    static const enum proc_event_type event_of[] = {[ORDER_START] = EV_START,
                                                    [ORDER_STOP] = EV_STOP,
                                                    [ORDER_RESTART] = EV_RESTART,
                                                    [ORDER_DELETE] = EV_DELETE};
    struct order *o = calloc(1, sizeof(*o));
    if (!o || p->removed) {
        free(o);
        if (done)
            done(ctx, p, p->removed ? "the process has been deleted" : "out of memory");
        return;
    }
    o->kind = kind;
    o->done = done;
    o->ctx = ctx;
    list_add_tail(&p->orders, &o->link);
    p->orders_given++;
    history_ordered(p, kind);
    reload_overtake(p, kind);
    if (kind == ORDER_STOP || kind == ORDER_DELETE || kind == ORDER_RESTART)
        if (proc_pid(p) > 0)
            log_info("Stopping app:%s id:%s%d", proc_name(p), p->is_old ? "_old_" : "", p->id);
    if (kind == ORDER_RESTART)
        p->created_at = clock_wall_ms();
    FAILPOINT("order.accepted");
    proc_step(p, &(struct proc_event){.type = event_of[kind]});
    FAILPOINT("order.journalled");
    stop_fetching(p);
}

/* ---- actions ---- */

/* What lacked may be there soon: who else would start the app then? Not of a successor, whose
 * reload fails now. */
static bool is_passing(const struct proc *p, int code)
{
    static const int codes[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, ETXTBSY};
    for (size_t i = 0; i < ARRAY_LEN(codes) && !p->lead; i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* With a reason set. One that goes on failing is told of once. */
static void spawn_failed(struct proc *p, int code)
{
    struct proc_event ev = {.type = EV_SPAWN_FAILED, .is_passing = is_passing(p, code)};
    if (code != p->told_failure) {
        log_error("App [%s:%d] %s%s", proc_name(p), p->id, p->reason ? p->reason : "out of memory",
                  ev.is_passing && p->policy.autorestart ? "; tried again until it works" : "");
        history_cannot(p);
    }
    p->told_failure = code;
    proc_step(p, &ev);
}

/* What the run before has said it offers, and how it was. */
static void forget_offers(struct proc *p)
{
    json_decref(p->axm_actions);
    json_decref(p->axm_monitor);
    json_decref(p->agent_actions);
    p->axm_actions = p->axm_monitor = p->agent_actions = NULL;
}

void proc_launch(struct proc *p)
{
    struct err e = {0};
    const char *mode = json_get_str(p->conf, "exec_mode");
    if (p->told_failure == 0)
        log_info("App [%s:%d] starting in -%s mode-", proc_name(p), p->id,
                 mode && strcmp(mode, "cluster_mode") == 0 ? "cluster" : "fork");
    p->pm_uptime = clock_wall_ms();
    if (p->lead && p->pm_uptime <= p->lead->pm_uptime)
        p->pm_uptime = p->lead->pm_uptime + 1; /* it tells the generations apart: tree.c */
    if (p->created_at == 0)
        p->created_at = p->pm_uptime;
    forget_offers(p);
    json_decref(p->axm_options);
    p->axm_options = NULL;
    clear_reason(p);
    p->run = run_spawn(p, &e);
    if (!p->run) {
        proc_set_reason(p, "%s", e.msg);
        spawn_failed(p, -e.code);
    }
}

static void signal_now(struct proc *p, const struct proc_action *a)
{
    if (a->message && apptell_can(p) && apptell_send(p, STR("\"shutdown\""), NULL) == 0) {
        tree_signal(p, 0, a->tree); /* only to watch the members */
        return;
    }
    tree_signal(p, p->env->kill_signal, a->tree);
}

static void on_left(struct run *r)
{
    signal_now(r->proc, &r->late_signal);
}

static void send_signal(struct proc *p, const struct proc_action *a)
{
    bool is_for_good = p->sm.goal != GOAL_UP;
    if (p->run) {
        primary_retire(p->run, is_for_good);
        sockets_retire(p->run);
        p->run->late_signal = *a;
    }
    if (p->run && is_for_good && sockets_leave(p->run, on_left))
        tree_signal(p, 0, a->tree); /* only to watch the members */
    else
        signal_now(p, a);
}

static void publish(struct proc *p, const struct proc_action *a)
{
    switch (a->what) {
    case PUB_ONLINE:
        event_process(p, "online", false);
        log_info("App [%s:%d] online", proc_name(p), p->id);
        break;
    case PUB_EXIT: event_exit(p, a); break;
    case PUB_OVERLIMIT:
        log_info("Script %s had too many unstable restarts (%lld). Stopped. \"errored\"",
                 json_get_str(p->conf, "pm_exec_path"), (long long)p->policy.max_restarts);
        proc_set_reason(p, "it ended %lld times within %lld ms of its start; last %s %d",
                        (long long)p->policy.max_restarts, (long long)p->policy.min_uptime_ms,
                        p->exit_signal ? "signal" : "exit code",
                        p->exit_signal ? p->exit_signal : p->exit_code);
        history_gave_up(p);
        event_over_limit(p, a);
        break;
    case PUB_STOPPED: settle(p, ORDER_STOP); break;
    }
}

static void remove_for_good(struct proc *p)
{
    char cgroup[CGROUP_PATH_MAX];
    if (proc_cgroup(p, cgroup, sizeof(cgroup)))
        (void)cgroup_remove(cgroup);
    p->removed = true;
    if (p->lead) {
        reload_other_gone(p);
    } else {
        journal_del(p->env->journal, p->id);
        FAILPOINT("removed");
        p->env->removed(p->env->removed_ctx, p);
    }
    settle(p, -1);
    proc_discard(p);
}

static void execute(struct proc *p, const struct proc_action *a)
{
    switch (a->type) {
    case ACT_DISARM: uv_timer_stop(&p->timer); break;
    case ACT_ARM:
        if (p->sm.state == PROC_BACKOFF)
            log_info("App [%s:%d] will restart in %lldms", proc_name(p), p->id, (long long)a->ms);
        proc_arm(p, a->ms);
        break;
    case ACT_SIGNAL:
        /* Whoever recovers must know that this end was ordered. */
        journal_state(p->env->journal, p);
        FAILPOINT("goal.journalled");
        send_signal(p, a);
        FAILPOINT("signal.sent");
        break;
    case ACT_KILL:
        log_warn("pid=%d still alive after %lldms, sending SIGKILL", (int)proc_pid(p),
                 (long long)p->policy.kill_timeout_ms);
        history_killed(p);
        tree_signal(p, SIGKILL, a->tree);
        break;
    case ACT_SPAWN: proc_launch(p); break;
    case ACT_PUBLISH: publish(p, a); break;
    case ACT_SETTLED: break; /* seen at the end of the step */
    case ACT_REMOVE: remove_for_good(p); break;
    }
}

/* A worker of a cluster says `online` when Node has started: its start concludes with that. */
bool proc_awaits_word(const struct proc *p)
{
    return p->policy.wait_ready || proc_is_cluster(p) || p->lead;
}

static void step_one(struct proc *p, const struct proc_event *ev)
{
    struct proc_policy policy = p->policy;
    struct proc_actions actions;
    if (p->env->hold_until_ms > clock_mono_ms())
        policy.autorestart = false;
    policy.wait_ready = proc_awaits_word(p);
    if (p->lead) { /* its course is the reload's business */
        policy.autorestart = false;
        policy.listen_timeout_ms = 0;
    }
    enum proc_state before = p->sm.state;
    proc_sm_step(&p->sm, &policy, ev, &actions);
    log_debug("process %d: %s + %s -> %s", p->id, proc_state_name(before),
              proc_event_name(ev->type), proc_state_name(p->sm.state));
    for (size_t i = 0; i < actions.count && !p->removed; i++)
        execute(p, &actions.items[i]);
}

/* The end of the whole tree is news in this state. */
static bool awaits_tree(const struct proc *p)
{
    return p->sm.state == PROC_STOPPING || (p->sm.state == PROC_ERRORED && p->sm.stuck);
}

/* A stop takes the other generation along. */
static bool is_all_gone(struct proc *p)
{
    return awaits_tree(p) && tree_is_gone(p) && (!p->other || p->sm.goal == GOAL_UP);
}

/* Events that arise while actions run wait their turn: a step is never nested in itself. */
void proc_step(struct proc *p, const struct proc_event *ev)
{
    if (p->removed)
        return;
    if (p->stepping) {
        if (p->queued < ARRAY_LEN(p->queue))
            p->queue[p->queued++] = *ev;
        else
            log_error("process %d: event %s lost", p->id, proc_event_name(ev->type));
        return;
    }
    p->stepping = true;
    step_one(p, ev);
    while (p->queued > 0 && !p->removed) {
        struct proc_event next = p->queue[0];
        memmove(p->queue, p->queue + 1, --p->queued * sizeof(p->queue[0]));
        step_one(p, &next);
    }
    p->stepping = false;
    if (p->removed)
        return;
    /* The stop may be over already: nothing of the tree was there. */
    if (is_all_gone(p)) {
        proc_step(p, &(struct proc_event){.type = EV_TREE_GONE});
        return;
    }
    journal_state(p->env->journal, p);
    extras_state(p);
    reload_state(p);
    if (proc_sm_settled(&p->sm))
        settle(p, -1);
}

/* ---- what happens to it ---- */

void proc_tree_changed(struct proc *p)
{
    if (!p->stepping && is_all_gone(p))
        proc_step(p, &(struct proc_event){.type = EV_TREE_GONE});
}

void proc_ready(struct proc *p)
{
    if (p->lead) {
        if (p->run)
            p->run->has_said_ready = true;
        reload_word(p);
    } else {
        proc_step(p, &(struct proc_event){.type = EV_READY});
    }
}

int proc_signal(struct proc *p, int signo)
{
    if (proc_pid(p) <= 0)
        return -ESRCH;
    return pidfd_signal(p->run->pidfd, signo);
}

void proc_on_spawned(struct proc *p, const struct link_child *c, int *take_fds)
{
    FAILPOINT("spawned.received");
    run_attach(p->run, c, take_fds);
    p->last_pid = p->run->pid;
    p->last_ticks = p->run->start_ticks;
    if (!p->lead)
        pidfile_write(json_get_str(p->conf, "pm_pid_path"), p->run->pid);
    nodeversion_find(p->run->pid, p->node_version, sizeof(p->node_version));
    history_started(p);
    p->told_failure = 0;
    proc_step(p, &(struct proc_event){.type = EV_SPAWNED});
    FAILPOINT("spawned.journalled");
}

static void explain_spawn_failure(struct proc *p, int code, enum link_stage stage)
{
    if (resources_explain(p, code, stage))
        return;
    const char *subject = json_get_str(p->conf, "pm_exec_path");
    struct app_command cmd = {0};
    if (stage == LINK_STAGE_EXEC && app_command_from_conf(p->conf, &cmd, NULL) == 0)
        subject = cmd.file;
    else if (stage == LINK_STAGE_CWD)
        subject = json_get_str(p->conf, "pm_cwd");
    proc_set_reason(p, "%s: cannot %s: %s (%s)", subject ? subject : proc_name(p),
                    link_stage_text(stage), err_text(code), err_name(code));
    app_command_fini(&cmd);
}

void proc_on_spawn_failed(struct proc *p, uint64_t handle, int code, enum link_stage stage)
{
    if (!p->run || p->run->handle != handle)
        return;
    forget_run(p);
    explain_spawn_failure(p, code, stage);
    spawn_failed(p, code);
}

void proc_on_run_failed(struct proc *p, const struct err *why)
{
    forget_run(p);
    proc_set_reason(p, "%s", why->msg);
    if (why->code == -ENOKEY)
        p->told_failure = 0; /* another secret may be meant than the last time */
    spawn_failed(p, -why->code);
}

static void note_exit(struct proc *p, int wait_status, struct proc_event *ev)
{
    ev->by_signal = WIFSIGNALED(wait_status);
    ev->code = ev->by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    p->has_exit = true;
    p->exit_unknown = false;
    p->exit_signal = ev->by_signal ? ev->code : 0;
    p->exit_code = ev->by_signal ? 128 + ev->code : ev->code;
    const char *sig = ev->by_signal ? sigabbrev_np(ev->code) : NULL;
    log_info("App [%s:%s%d] exited with code [%d] via signal [%s%s]", proc_name(p),
             p->is_old ? "_old_" : "", p->id, p->exit_code, ev->by_signal ? "SIG" : "none",
             sig ? sig : "");
}

/* Not our keeper's child: the kernel tells nobody here how it ended. */
void proc_note_unknown_exit(struct proc *p, struct proc_event *ev)
{
    ev->by_signal = true; /* so that it matches none of stop_exit_codes */
    p->has_exit = false;
    p->exit_unknown = true;
    p->exit_signal = 0;
    log_info("App [%s:%d] exited, code unknown (it was adopted)", proc_name(p), p->id);
}

/* Until it ended, which is not now when this program was dead then, or stood still. A keeper of
 * link version 4 tells the time of another clock, which lies ahead. */
static int64_t lived_ms(const struct run *r, int64_t exit_ms)
{
    int64_t now_ms = clock_mono_ms();
    int64_t end_ms = exit_ms > 0 && exit_ms < now_ms ? exit_ms : now_ms;
    return end_ms > r->spawned_mono_ms ? end_ms - r->spawned_mono_ms : 0;
}

void proc_on_exited(struct proc *p, uint64_t handle, int wait_status, int64_t exit_ms)
{
    struct run *r = p->run;
    if (!r || r->handle != handle || r->exited)
        return;
    p = reload_exiting(p);
    run_drain(r);
    r->exited = true;
    FAILPOINT("exited.received");
    p->run = NULL;
    p->last_pid = 0;
    forget_offers(p);
    if (!p->lead)
        pidfile_remove(json_get_str(p->conf, "pm_pid_path"));
    struct proc_event ev = {.type = EV_EXITED, .uptime_ms = lived_ms(r, exit_ms)};
    if (r->adopted)
        proc_note_unknown_exit(p, &ev);
    else
        note_exit(p, wait_status, &ev);
    history_ended(p, r->adopted ? -1 : wait_status, ev.uptime_ms, resources_ended(p));
    proc_step(p, &ev); /* the journal has it before the keeper forgets it */
    FAILPOINT("exited.journalled");
    if (p->removed)
        run_close(r);
    else
        run_retire(r);
}
