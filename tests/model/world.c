/* SPDX-License-Identifier: MIT
 * The world of the model test; world.h says what is in it. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64 */
static uint64_t random_bits(struct world *w)
{
    uint64_t z = w->rng += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t world_random(struct world *w, uint64_t n)
{
    return random_bits(w) % n;
}

static bool percent(struct world *w, unsigned p)
{
    return world_random(w, 100) < p;
}

static int64_t soon(struct world *w, int64_t within_ms)
{
    return w->now_ms + (int64_t)world_random(w, (uint64_t)within_ms + 1);
}

/* One of the numbers of an array. */
#define PICK(w, ...)                                                                               \
    (((const int64_t[]){                                                                           \
        __VA_ARGS__})[world_random(w, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))])

void world_new_policy(struct world *w)
{
    w->policy = (struct proc_policy){
        .autostart = true,
        .autorestart = percent(w, 90),
        .treekill = percent(w, 80),
        .wait_ready = percent(w, 40),
        .shutdown_with_message = percent(w, 30),
        .min_uptime_ms = PICK(w, 0, 1000, 1000),
        .max_restarts = PICK(w, 0, 1, 3, 16, 16, 1000),
        .restart_delay_ms = PICK(w, 0, 0, 500),
        .exp_backoff_ms = PICK(w, 0, 0, 100),
        .backoff_reset_ms = PICK(w, 1000, 30000),
        .kill_timeout_ms = PICK(w, 0, 100, 1600, 4000),
        .kill_retry_ms = PICK(w, 50, 100, 400),
        .listen_timeout_ms = PICK(w, 0, 1000, 3000),
        .stop_exit_codes = {(int)world_random(w, 3), 2},
        .stop_exit_code_count = percent(w, 30) ? 1 + world_random(w, 2) : 0,
    };
}

void world_begin(struct world *w)
{
    struct world fresh = {.seed = w->seed, .rng = w->rng, .steps = w->steps};
    memcpy(fresh.hits, w->hits, sizeof(fresh.hits));
    *w = fresh;
    w->timer_at_ms = w->tree_gone_at_ms = w->ready_at_ms = w->kill_due_ms = NEVER;
    w->first_kill_ms = NEVER;
    w->wish = GOAL_DOWN;
    proc_sm_init(&w->sm);
    world_new_policy(w);
}

void world_fail(const struct world *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nseed %llu, step %llu; what happened last:\n", (unsigned long long)w->seed,
            (unsigned long long)w->steps);
    uint64_t from = w->steps > TRACE_MAX ? w->steps - TRACE_MAX : 0;
    for (uint64_t i = from; i < w->steps; i++)
        fprintf(stderr, "  %s\n", w->trace[i % TRACE_MAX]);
    exit(1);
}

bool world_tree_lives(const struct world *w)
{
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (w->members[i].alive)
            return true;
    }
    return false;
}

/* ---- lives ---------------------------------------------------------------------------- */

static struct life new_life(struct world *w)
{
    struct life l = {.alive = true, .ends_at_ms = NEVER};
    if (!w->calm) {
        int64_t within_ms = PICK(w, 0, 50, 900, 3000, 60000, NEVER);
        l.ends_at_ms = within_ms == NEVER ? NEVER : soon(w, within_ms);
        l.stubborn = percent(w, 20);
        l.kill_proof_ms = percent(w, 10) ? soon(w, 20000) : 0;
    }
    return l;
}

static void fork_member(struct world *w)
{
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (!w->members[i].alive) {
            w->members[i] = new_life(w);
            return;
        }
    }
}

static void end_by(struct life *l, int64_t when_ms)
{
    l->told = true;
    if (when_ms < l->kill_proof_ms)
        when_ms = l->kill_proof_ms;
    if (when_ms < l->ends_at_ms)
        l->ends_at_ms = when_ms;
}

static void tell(struct world *w, struct life *l, bool with_sigkill)
{
    if (!l->alive)
        return;
    if (with_sigkill)
        end_by(l, soon(w, 30));
    else if (!l->stubborn)
        end_by(l, soon(w, percent(w, 70) ? 50 : 3000));
}

static void tell_tree(struct world *w, const struct proc_action *a, bool with_sigkill)
{
    w->whole = a->tree;
    tell(w, &w->root, with_sigkill);
    if (!a->tree || a->message)
        return; /* a message reaches the root only; the others are waited for */
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (w->members[i].alive && !with_sigkill && percent(w, 5))
            fork_member(w);
        tell(w, &w->members[i], with_sigkill);
    }
}

/* ---- the executor --------------------------------------------------------------------- */

static void carry_out(struct world *w, const struct proc_action *a)
{
    invariants_action(w, a);
    switch (a->type) {
    case ACT_DISARM: w->timer_at_ms = NEVER; break;
    case ACT_ARM: w->timer_at_ms = w->now_ms + a->ms; break;
    case ACT_SIGNAL:
        tell_tree(w, a, false);
        w->kill_due_ms = w->now_ms + w->policy.kill_timeout_ms;
        w->first_kill_ms = NEVER;
        break;
    case ACT_KILL:
        tell_tree(w, a, true);
        if (w->first_kill_ms == NEVER)
            w->first_kill_ms = w->now_ms;
        break;
    case ACT_SPAWN:
        w->spawning = true;
        w->spawn_works = percent(w, w->calm ? 100 : 85);
        w->spawn_at_ms = soon(w, PICK(w, 0, 10, 2000));
        break;
    case ACT_PUBLISH:
        w->exits_published += a->what == PUB_EXIT;
        w->online_published += a->what == PUB_ONLINE;
        break;
    case ACT_SETTLED: break;
    case ACT_REMOVE: w->removed = true; break;
    }
}

/* The executor looks whether anything is left, and says so: at once, or a little later. */
static void watch_tree(struct world *w)
{
    bool asked = w->sm.state == PROC_STOPPING || w->sm.stuck;
    if (!asked || w->root.alive || (w->whole && world_tree_lives(w)))
        w->tree_gone_at_ms = NEVER;
    else if (w->tree_gone_at_ms == NEVER)
        w->tree_gone_at_ms = soon(w, PICK(w, 0, 20));
}

static void step(struct world *w, const struct proc_event *ev)
{
    struct proc_sm before = w->sm;
    struct proc_actions actions;
    proc_sm_step(&w->sm, &w->policy, ev, &actions);
    snprintf(w->trace[w->steps % TRACE_MAX], sizeof(w->trace[0]), "%10lld %-8s %-12s -> %s%s",
             (long long)w->now_ms, proc_state_name(before.state), proc_event_name(ev->type),
             proc_state_name(w->sm.state), w->sm.stuck ? " (stuck)" : "");
    w->steps++;
    w->hits[before.state][ev->type]++;
    if (before.state == PROC_SPAWNING && ev->type == EV_SPAWNED)
        w->listens = w->policy.listen_timeout_ms > 0;
    for (size_t i = 0; i < actions.count; i++)
        carry_out(w, &actions.items[i]);
    invariants_step(w, &before, ev, &actions);
    watch_tree(w);
}

/* ---- what happens --------------------------------------------------------------------- */

static void spawn_answers(struct world *w)
{
    w->spawning = false;
    if (!w->spawn_works) {
        step(w, &(struct proc_event){.type = EV_SPAWN_FAILED, .is_passing = percent(w, 50)});
        return;
    }
    w->root = new_life(w);
    w->root_since_ms = w->now_ms;
    w->online_published = 0;
    w->ready_at_ms = w->calm || percent(w, 70) ? soon(w, 4000) : NEVER;
    for (uint64_t n = world_random(w, 3); n > 0; n--)
        fork_member(w);
    step(w, &(struct proc_event){.type = EV_SPAWNED});
}

static void root_ends(struct world *w)
{
    struct proc_event ev = {.type = EV_EXITED,
                            .by_signal = w->root.told || percent(w, 30),
                            .code = (int)world_random(w, 4),
                            .uptime_ms = w->now_ms - w->root_since_ms};
    w->root.alive = false;
    w->ready_at_ms = NEVER;
    w->roots_ended++;
    step(w, &ev);
}

static void root_says_ready(struct world *w)
{
    w->ready_at_ms = NEVER;
    step(w, &(struct proc_event){.type = EV_READY});
}

static void tree_is_gone(struct world *w)
{
    w->tree_gone_at_ms = NEVER;
    step(w, &(struct proc_event){.type = EV_TREE_GONE});
}

static void timer_fires(struct world *w)
{
    w->timer_at_ms = NEVER;
    step(w, &(struct proc_event){.type = EV_TIMER});
}

static void member_ends(struct world *w)
{
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (w->members[i].alive && w->members[i].ends_at_ms <= w->now_ms) {
            w->members[i].alive = false;
            break;
        }
    }
    watch_tree(w);
}

static int64_t next_member_end(const struct world *w)
{
    int64_t when_ms = NEVER;
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (w->members[i].alive && w->members[i].ends_at_ms < when_ms)
            when_ms = w->members[i].ends_at_ms;
    }
    return when_ms;
}

/* The earliest thing; of several at one instant, any. */
static int64_t next_thing(struct world *w, void (**ret_thing)(struct world *))
{
    const struct {
        int64_t at_ms;
        void (*thing)(struct world *);
    } list[] = {
        {w->spawning ? w->spawn_at_ms : NEVER, spawn_answers},
        {w->root.alive ? w->root.ends_at_ms : NEVER, root_ends},
        {w->ready_at_ms, root_says_ready},
        {w->tree_gone_at_ms, tree_is_gone},
        {w->timer_at_ms, timer_fires},
        {next_member_end(w), member_ends},
    };
    int64_t at_ms = NEVER;
    uint64_t ties = 0;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (list[i].at_ms == NEVER || list[i].at_ms > at_ms)
            continue;
        ties = list[i].at_ms < at_ms ? 1 : ties + 1;
        at_ms = list[i].at_ms;
        if (world_random(w, ties) == 0)
            *ret_thing = list[i].thing;
    }
    return at_ms;
}

bool world_happen(struct world *w)
{
    void (*thing)(struct world *) = NULL;
    int64_t at_ms = next_thing(w, &thing);
    if (at_ms == NEVER)
        return false;
    if (at_ms > w->now_ms)
        w->now_ms = at_ms;
    thing(w);
    return true;
}

/* A random part of the time until something happens passes. */
static void wait_a_moment(struct world *w)
{
    void (*thing)(struct world *) = NULL;
    int64_t at_ms = next_thing(w, &thing);
    if (at_ms != NEVER && at_ms > w->now_ms && percent(w, 70))
        w->now_ms = soon(w, at_ms - w->now_ms - 1);
}

void world_order(struct world *w, enum proc_event_type order)
{
    static const enum proc_goal goals[] = {[EV_START] = GOAL_UP,
                                           [EV_STOP] = GOAL_DOWN,
                                           [EV_RESTART] = GOAL_UP,
                                           [EV_DELETE] = GOAL_GONE};
    wait_a_moment(w);
    if (w->wish != GOAL_GONE || w->excused) {
        w->wish = goals[order];
        w->excused = false;
    }
    step(w, &(struct proc_event){.type = order});
}

void world_stray_ready(struct world *w)
{
    step(w, &(struct proc_event){.type = EV_READY});
}

static void calm(struct life *l)
{
    if (!l->told)
        l->ends_at_ms = NEVER;
}

void world_calm_down(struct world *w)
{
    w->calm = true;
    w->spawn_works = true;
    calm(&w->root);
    if (w->root.alive && w->ready_at_ms == NEVER)
        w->ready_at_ms = soon(w, 4000);
    for (size_t i = 0; i < MEMBERS_MAX; i++)
        calm(&w->members[i]);
}
