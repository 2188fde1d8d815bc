/* SPDX-License-Identifier: MIT
 * The state machine of one process; proc_sm.h is its manual. One step function per cell of the
 * matrix state x event, so that a case that nobody thought of is an empty cell and not a surprise.
 * Pure: runs in pm2d, and in the model test without any world. */
#include "app/proc_sm.h"

#include <assert.h>
#include <string.h>

#include "base/attr.h"

#define BACKOFF_MAX_MS 15000

struct step {
    struct proc_sm *sm;
    const struct proc_policy *policy;
    const struct proc_event *ev;
    struct proc_actions *out;
};
typedef void step_fn(struct step *c);

/* Everything that is true of a state by itself. */
static const struct {
    const char *name, *public_word;
    bool timer;   /* may have one: it is dropped on the way to a state that has none */
    bool settled; /* no order is under way */
} states[PROC_STATE_COUNT] = {
    [PROC_STOPPED] = {"STOPPED", "stopped", false, true},
    [PROC_SPAWNING] = {"SPAWNING", "launching", false, false},
    [PROC_STARTING] = {"STARTING", "launching", true, false},
    [PROC_ONLINE] = {"ONLINE", "online", false, true},
    [PROC_STOPPING] = {"STOPPING", "stopping", true, false},
    [PROC_BACKOFF] = {"BACKOFF", "waiting restart", true, true},
    [PROC_ERRORED] = {"ERRORED", "errored", false, true},
};

/* What an event says about the goal; GOAL_COUNT: nothing. */
static const struct {
    const char *name;
    enum proc_goal goal;
} events[EV_COUNT] = {
    [EV_START] = {"START", GOAL_UP},
    [EV_STOP] = {"STOP", GOAL_DOWN},
    [EV_RESTART] = {"RESTART", GOAL_UP},
    [EV_DELETE] = {"DELETE", GOAL_GONE},
    [EV_SPAWNED] = {"SPAWNED", GOAL_COUNT},
    [EV_SPAWN_FAILED] = {"SPAWN_FAILED", GOAL_COUNT},
    [EV_READY] = {"READY", GOAL_COUNT},
    [EV_EXITED] = {"EXITED", GOAL_COUNT},
    [EV_TREE_GONE] = {"TREE_GONE", GOAL_COUNT},
    [EV_TIMER] = {"TIMER", GOAL_COUNT},
};

/* ---- building blocks ---- */

static struct proc_action *act(struct step *c, enum proc_action_type type)
{
    assert(c->out->count < PROC_ACTIONS_MAX);
    struct proc_action *a = &c->out->items[c->out->count++];
    *a = (struct proc_action){.type = type};
    return a;
}

static void arm(struct step *c, int64_t ms)
{
    act(c, ACT_ARM)->ms = ms;
}

static void publish(struct step *c, enum proc_publish what)
{
    struct proc_action *a = act(c, ACT_PUBLISH);
    a->what = what;
    a->restart_time = c->sm->run_restart_time;
    a->unstable_restarts = c->sm->unstable_restarts;
}

/* The only writer of `state`. What the new state must not have is dropped first; the words that
 * explain ERRORED are set after it is entered. */
static void enter(struct step *c, enum proc_state to)
{
    struct proc_sm *sm = c->sm;
    if (states[sm->state].timer && !states[to].timer)
        act(c, ACT_DISARM);
    sm->stale = sm->stuck = sm->cannot_start = sm->over_limit = false;
    sm->state = to;
}

static void launch(struct step *c)
{
    enter(c, PROC_SPAWNING);
    c->sm->run_restart_time = c->sm->restart_time;
    act(c, ACT_SPAWN);
}

/* An order that brings the process up starts a new count of failures. */
static void forget_failures(struct proc_sm *sm)
{
    sm->unstable_restarts = 0;
    sm->prev_delay_ms = 0;
}

/* ---- orders; the goal has been set ---- */

static void wanted(struct step *c)
{
    (void)c; /* the goal is all that changes */
}

static void wanted_up(struct step *c)
{
    forget_failures(c->sm);
}

static void start(struct step *c)
{
    forget_failures(c->sm);
    launch(c);
}

static void stop(struct step *c)
{
    struct proc_sm *sm = c->sm;
    /* After `stuck` the end of the root may have been recorded but not published yet. */
    sm->was_running = sm->was_running || sm->has_pid;
    sm->kills = 0;
    sm->kill_spent_ms = 0;
    enter(c, PROC_STOPPING);
    struct proc_action *a = act(c, ACT_SIGNAL);
    a->tree = c->policy->treekill;
    a->message = sm->has_pid && c->policy->shutdown_with_message;
    arm(c, c->policy->kill_timeout_ms);
}

static void restart(struct step *c)
{
    forget_failures(c->sm);
    c->sm->restart_time++;
    stop(c);
}

static void respawn_later(struct step *c)
{
    forget_failures(c->sm);
    if (!c->sm->stale)
        c->sm->restart_time++;
    c->sm->stale = true;
}

static void revive(struct step *c)
{
    if (c->sm->stuck) {
        forget_failures(c->sm);
        stop(c);
    } else {
        start(c);
    }
}

/* ---- answers of the world ---- */

static void online(struct step *c)
{
    enter(c, PROC_ONLINE);
    publish(c, PUB_ONLINE);
}

static void spawned(struct step *c)
{
    struct proc_sm *sm = c->sm;
    sm->has_pid = true;
    if (sm->goal != GOAL_UP || sm->stale) {
        stop(c);
    } else if (c->policy->wait_ready) {
        enter(c, PROC_STARTING);
        if (c->policy->listen_timeout_ms > 0)
            arm(c, c->policy->listen_timeout_ms);
    } else {
        online(c);
    }
}

static void spawn_failed(struct step *c)
{
    struct proc_sm *sm = c->sm;
    if (sm->goal != GOAL_UP) {
        stop(c);
    } else if (sm->stale) {
        launch(c);
    } else if (c->ev->is_passing && c->policy->autorestart) {
        enter(c, PROC_BACKOFF);
        sm->cannot_start = true;
        arm(c, c->policy->restart_delay_ms > PROC_AGAIN_MS ? c->policy->restart_delay_ms
                                                           : PROC_AGAIN_MS);
    } else {
        enter(c, PROC_ERRORED);
        sm->cannot_start = true;
    }
}

static bool may_restart(const struct proc_policy *policy, const struct proc_event *ev)
{
    if (!policy->autorestart)
        return false;
    for (size_t i = 0; !ev->by_signal && i < policy->stop_exit_code_count; i++) {
        if (policy->stop_exit_codes[i] == ev->code)
            return false;
    }
    return true;
}

static int64_t next_delay(struct proc_sm *sm, const struct proc_policy *policy, int64_t uptime_ms)
{
    if (policy->exp_backoff_ms <= 0)
        return policy->restart_delay_ms;
    int64_t prev = uptime_ms >= policy->backoff_reset_ms ? 0 : sm->prev_delay_ms;
    int64_t next = prev + prev / 2; /* floor(prev * 1.5) */
    if (prev <= 0)
        next = policy->exp_backoff_ms;
    else if (next > BACKOFF_MAX_MS)
        next = BACKOFF_MAX_MS;
    sm->prev_delay_ms = next;
    return next;
}

static void again(struct step *c)
{
    if (!c->sm->cannot_start) /* else it has been counted */
        c->sm->restart_time++;
    launch(c);
}

static void ended(struct step *c)
{
    struct proc_sm *sm = c->sm;
    const struct proc_policy *policy = c->policy;
    sm->has_pid = false;
    if (!may_restart(policy, c->ev)) {
        publish(c, PUB_EXIT);
        sm->goal = GOAL_DOWN;
        enter(c, PROC_STOPPED);
        return;
    }
    bool unstable = c->ev->uptime_ms < policy->min_uptime_ms;
    sm->unstable_restarts = unstable ? sm->unstable_restarts + 1 : 0;
    if (sm->unstable_restarts >= policy->max_restarts) {
        enter(c, PROC_ERRORED);
        sm->over_limit = true;
        publish(c, PUB_OVERLIMIT); /* in this order, and with the count, as PM2 does */
        sm->unstable_restarts = 0;
        publish(c, PUB_EXIT);
        return;
    }
    publish(c, PUB_EXIT);
    int64_t delay_ms = next_delay(sm, policy, c->ev->uptime_ms);
    if (delay_ms > 0) {
        enter(c, PROC_BACKOFF);
        arm(c, delay_ms);
    } else {
        again(c);
    }
}

static void root_gone(struct step *c)
{
    c->sm->has_pid = false;
}

static void all_gone(struct step *c)
{
    struct proc_sm *sm = c->sm;
    if (sm->has_pid || (sm->state == PROC_ERRORED && !sm->stuck))
        return;
    if (sm->was_running)
        publish(c, PUB_EXIT);
    publish(c, PUB_STOPPED);
    sm->was_running = false;
    if (sm->goal == GOAL_UP) {
        launch(c);
        return;
    }
    enter(c, PROC_STOPPED);
    if (sm->goal == GOAL_GONE)
        act(c, ACT_REMOVE);
}

/* First SIGKILL at kill_timeout, then one each kill_retry until the same time has passed again. The
 * time is counted when it is armed: the policy can change while it runs. */
static void escalate(struct step *c)
{
    struct proc_sm *sm = c->sm;
    int64_t patience_ms = c->policy->kill_timeout_ms;
    if (patience_ms < PROC_STUCK_MIN_MS)
        patience_ms = PROC_STUCK_MIN_MS;
    if (sm->kill_spent_ms >= patience_ms) {
        sm->goal = GOAL_DOWN;
        enter(c, PROC_ERRORED);
        sm->stuck = true;
        return;
    }
    sm->kills++;
    sm->kill_spent_ms += c->policy->kill_retry_ms;
    act(c, ACT_KILL)->tree = c->policy->treekill;
    arm(c, c->policy->kill_retry_ms);
}

/* May come, and means nothing here. */
static void ignore(struct step *c)
{
    (void)c;
}

/* The executor promises that it does not come; the model test holds it to that. Nothing is done. */
static void impossible(struct step *c)
{
    (void)c;
}

/* ---- the matrix ---- */

static step_fn *const steps[PROC_STATE_COUNT][EV_COUNT] = {
    [PROC_STOPPED] =
        {
            [EV_START] = start,
            [EV_STOP] = stop,
            [EV_RESTART] = start,
            [EV_DELETE] = stop,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = ignore,
            [EV_EXITED] = impossible,
            [EV_TREE_GONE] = impossible,
            [EV_TIMER] = impossible,
        },
    [PROC_SPAWNING] =
        {
            [EV_START] = wanted,
            [EV_STOP] = wanted,
            [EV_RESTART] = respawn_later,
            [EV_DELETE] = wanted,
            [EV_SPAWNED] = spawned,
            [EV_SPAWN_FAILED] = spawn_failed,
            [EV_READY] = ignore,
            [EV_EXITED] = impossible,
            [EV_TREE_GONE] = impossible,
            [EV_TIMER] = impossible,
        },
    [PROC_STARTING] =
        {
            [EV_START] = wanted,
            [EV_STOP] = stop,
            [EV_RESTART] = restart,
            [EV_DELETE] = stop,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = online,
            [EV_EXITED] = ended,
            [EV_TREE_GONE] = impossible,
            [EV_TIMER] = online,
        },
    [PROC_ONLINE] =
        {
            [EV_START] = wanted,
            [EV_STOP] = stop,
            [EV_RESTART] = restart,
            [EV_DELETE] = stop,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = ignore,
            [EV_EXITED] = ended,
            [EV_TREE_GONE] = impossible,
            [EV_TIMER] = impossible,
        },
    [PROC_STOPPING] =
        {
            [EV_START] = wanted_up,
            [EV_STOP] = wanted,
            [EV_RESTART] = wanted_up,
            [EV_DELETE] = wanted,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = ignore,
            [EV_EXITED] = root_gone,
            [EV_TREE_GONE] = all_gone,
            [EV_TIMER] = escalate,
        },
    [PROC_BACKOFF] =
        {
            [EV_START] = start,
            [EV_STOP] = stop,
            [EV_RESTART] = start,
            [EV_DELETE] = stop,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = ignore,
            [EV_EXITED] = impossible,
            [EV_TREE_GONE] = impossible,
            [EV_TIMER] = again,
        },
    [PROC_ERRORED] =
        {
            [EV_START] = revive,
            [EV_STOP] = stop,
            [EV_RESTART] = revive,
            [EV_DELETE] = stop,
            [EV_SPAWNED] = impossible,
            [EV_SPAWN_FAILED] = impossible,
            [EV_READY] = ignore,
            [EV_EXITED] = root_gone,
            [EV_TREE_GONE] = all_gone,
            [EV_TIMER] = impossible,
        },
};

/* The step functions in words, for the chart. */
static const struct {
    step_fn *fn;
    struct proc_cell cell;
} cells[] = {
    {wanted, {"wanted", "only the goal changes"}},
    {wanted_up, {"wanted up", "only the goal changes; the count of failures begins anew"}},
    {start, {"start", "spawn now; the count of failures begins anew"}},
    {stop, {"stop", "signal to all of it, kill_timeout runs"}},
    {restart, {"restart", "counted, then like *stop*; the goal brings it up again"}},
    {respawn_later, {"respawn later", "counted once; stopped as soon as it is there"}},
    {revive, {"revive", "like *start*; if something survived SIGKILL, like *stop*"}},
    {spawned, {"spawned", "online, or wait for `ready`, or like *stop* if no longer wanted"}},
    {spawn_failed,
     {"spawn failed", "give up; spawn again after a restart order; else like *stop*"}},
    {online, {"online", "the launch is concluded; listen_timeout counts as ready"}},
    {ended, {"ended", "nobody ordered it: restart, wait, give up or stay stopped, by policy"}},
    {root_gone, {"root gone", "recorded; others of the tree may live"}},
    {all_gone, {"all gone", "the stop is concluded: stay, spawn again or remove, by goal"}},
    {escalate, {"escalate", "SIGKILL; again each kill_retry; give up after a second kill_timeout"}},
    {again, {"again", "counted; spawn"}},
    {ignore, {"ignore", "may come, means nothing"}},
    {impossible, {"impossible", "the executor promises that it does not come"}},
};

/* ---- outside ---- */

void proc_sm_init(struct proc_sm *sm)
{
    memset(sm, 0, sizeof(*sm));
}

void proc_sm_set_restarts(struct proc_sm *sm, int64_t restart_time)
{
    sm->restart_time = sm->run_restart_time = restart_time;
}

void proc_sm_step(struct proc_sm *sm, const struct proc_policy *policy, const struct proc_event *ev,
                  struct proc_actions *ret)
{
    struct step c = {sm, policy, ev, ret};
    ret->count = 0;
    enum proc_state before = sm->state;
    bool is_order = events[ev->type].goal != GOAL_COUNT;
    if (is_order) {
        if (sm->goal == GOAL_GONE)
            return; /* DELETE wins over everything that comes later */
        sm->goal = events[ev->type].goal;
    }
    steps[before][ev->type](&c);
    if ((is_order || sm->state != before) && proc_sm_settled(sm) && sm->goal != GOAL_GONE)
        act(&c, ACT_SETTLED);
}

bool proc_sm_settled(const struct proc_sm *sm)
{
    return states[sm->state].settled;
}

const char *proc_sm_public(const struct proc_sm *sm)
{
    return states[sm->state].public_word;
}

const char *proc_state_name(enum proc_state s)
{
    return states[s].name;
}

const char *proc_event_name(enum proc_event_type e)
{
    return events[e].name;
}

bool proc_sm_has_cell(enum proc_state s, enum proc_event_type e)
{
    return proc_sm_cell(s, e) != NULL;
}

const struct proc_cell *proc_sm_cell(enum proc_state s, enum proc_event_type e)
{
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        if (steps[s][e] && cells[i].fn == steps[s][e])
            return &cells[i].cell;
    }
    return NULL;
}

bool proc_sm_is_impossible(enum proc_state s, enum proc_event_type e)
{
    return steps[s][e] == impossible;
}
