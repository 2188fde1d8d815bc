/* SPDX-License-Identifier: MIT
 * What must hold after every step, whatever happened: the invariants of the essay in
 * app/proc_sm.h, looked at from the world's side. */
#include "world.h"

static bool is_order(enum proc_event_type type)
{
    return type == EV_START || type == EV_STOP || type == EV_RESTART || type == EV_DELETE;
}

void invariants_action(const struct world *w, const struct proc_action *a)
{
    CHECK(w, !w->removed); /* ACT_REMOVE is the last action of a life */
    switch (a->type) {
    case ACT_SPAWN:
        CHECK(w, !w->root.alive); /* never two live pids */
        CHECK(w, !w->spawning);
        CHECK(w, w->sm.state == PROC_SPAWNING);
        break;
    case ACT_ARM: CHECK(w, a->ms >= 0); break;
    case ACT_SIGNAL:
        CHECK(w, w->sm.state == PROC_STOPPING);
        CHECK(w, a->tree == w->policy.treekill);
        CHECK(w, a->message == (w->policy.shutdown_with_message && w->root.alive));
        break;
    case ACT_KILL:
        CHECK(w, w->sm.state == PROC_STOPPING);
        CHECK(w, w->now_ms >= w->kill_due_ms); /* kill_timeout is kept */
        break;
    case ACT_REMOVE: CHECK(w, w->sm.goal == GOAL_GONE && w->sm.state == PROC_STOPPED); break;
    case ACT_PUBLISH:
        CHECK(w, a->what != PUB_ONLINE || (w->root.alive && w->online_published == 0));
        break;
    case ACT_DISARM:
    case ACT_SETTLED: break;
    }
}

static void check_process(const struct world *w)
{
    const struct proc_sm *sm = &w->sm;
    CHECK(w, sm->has_pid == w->root.alive);
    CHECK(w, w->spawning == (sm->state == PROC_SPAWNING));
    switch (sm->state) {
    case PROC_STOPPED:
    case PROC_SPAWNING:
    case PROC_BACKOFF: CHECK(w, !w->root.alive); break;
    case PROC_STARTING: CHECK(w, w->root.alive && w->online_published == 0); break;
    case PROC_ONLINE: CHECK(w, w->root.alive && w->online_published == 1); break;
    case PROC_ERRORED: CHECK(w, !w->root.alive || sm->stuck); break;
    case PROC_STOPPING:
    case PROC_STATE_COUNT: break;
    }
}

static void check_timer(const struct world *w)
{
    enum proc_state s = w->sm.state;
    bool wanted = s == PROC_STOPPING || s == PROC_BACKOFF || (s == PROC_STARTING && w->listens);
    CHECK(w, (w->timer_at_ms != NEVER) == wanted);
}

/* The flags mean something in one state each; the goal decides which states are passing. */
static void check_words(const struct world *w)
{
    const struct proc_sm *sm = &w->sm;
    bool errored = sm->state == PROC_ERRORED;
    if (sm->state == PROC_BACKOFF)
        CHECK(w, !sm->stuck && !sm->over_limit);
    else
        CHECK(w, sm->stuck + sm->cannot_start + sm->over_limit == (errored ? 1 : 0));
    CHECK(w, !sm->stale || sm->state == PROC_SPAWNING);
    CHECK(w, !sm->was_running || sm->state == PROC_STOPPING || sm->stuck);
    if (sm->state == PROC_STARTING || sm->state == PROC_ONLINE || sm->state == PROC_BACKOFF)
        CHECK(w, sm->goal == GOAL_UP);
    if (errored)
        CHECK(w, sm->goal != GOAL_GONE);
    if (sm->state == PROC_STOPPED)
        CHECK(w, sm->goal == GOAL_DOWN || w->removed);
}

/* Each end of a root is published once, at the latest when its state is left. */
static void check_exits(const struct world *w)
{
    CHECK(w, w->exits_published <= w->roots_ended);
    if (w->sm.state != PROC_STOPPING && !w->sm.stuck)
        CHECK(w, w->exits_published == w->roots_ended);
}

static void check_actions(const struct world *w, const struct proc_sm *before,
                          const struct proc_event *ev, const struct proc_actions *actions)
{
    size_t settled = 0;
    CHECK(w, actions->count <= PROC_ACTIONS_MAX);
    for (size_t i = 0; i < actions->count; i++) {
        enum proc_action_type type = actions->items[i].type;
        settled += type == ACT_SETTLED;
        CHECK(w, type != ACT_REMOVE || i + 1 == actions->count);
    }
    bool ends = (is_order(ev->type) || w->sm.state != before->state) && proc_sm_settled(&w->sm) &&
                !w->removed;
    CHECK(w, settled == (ends ? 1 : 0)); /* nobody waits for an answer that never comes */
}

static void check_counts(const struct world *w, const struct proc_sm *before,
                         const struct proc_event *ev)
{
    const struct proc_sm *sm = &w->sm;
    int64_t more = sm->restart_time - before->restart_time;
    CHECK(w, more == 0 || more == 1);
    CHECK(w, sm->unstable_restarts >= 0 && sm->unstable_restarts <= before->unstable_restarts + 1);
    if (ev->type == EV_RESTART && before->goal != GOAL_GONE)
        CHECK(w, sm->unstable_restarts == 0 && sm->prev_delay_ms == 0);
    if (more == 1)
        CHECK(w, ev->type == EV_RESTART || sm->state == PROC_SPAWNING);
}

/* What the users want, and the only reasons for which they do not get it. */
static void check_goal(struct world *w, const struct proc_sm *before, const struct proc_event *ev)
{
    if (before->goal == GOAL_GONE && is_order(ev->type))
        CHECK(w, w->sm.goal == GOAL_GONE && w->sm.state == before->state);
    if (w->sm.stuck && !before->stuck) {
        CHECK(w, w->now_ms - w->first_kill_ms >= PROC_STUCK_MIN_MS);
        CHECK(w, w->root.alive || (w->whole && world_tree_lives(w)) || w->tree_gone_at_ms != NEVER);
        w->excused = true;
    }
    if (ev->type == EV_EXITED && before->state != PROC_STOPPING && w->sm.state == PROC_STOPPED) {
        CHECK(w, !w->policy.autorestart || (!ev->by_signal && w->policy.stop_exit_code_count > 0));
        w->excused = true;
    }
    CHECK(w, w->sm.goal == w->wish || (w->excused && w->sm.goal == GOAL_DOWN));
}

void invariants_step(struct world *w, const struct proc_sm *before, const struct proc_event *ev,
                     const struct proc_actions *actions)
{
    CHECK(w, !proc_sm_is_impossible(before->state, ev->type));
    if (before->state == PROC_STOPPING && w->sm.state != PROC_STOPPING && !w->sm.stuck)
        CHECK(w, !w->whole || !world_tree_lives(w)); /* root AND tree are gone */
    check_process(w);
    check_timer(w);
    check_words(w);
    check_exits(w);
    check_actions(w, before, ev, actions);
    check_counts(w, before, ev);
    check_goal(w, before, ev);
}

void invariants_end(const struct world *w)
{
    const struct proc_sm *sm = &w->sm;
    CHECK(w, w->timer_at_ms == NEVER && !w->spawning && w->tree_gone_at_ms == NEVER);
    CHECK(w, proc_sm_settled(sm) && !sm->stuck);
    switch (sm->goal) {
    case GOAL_DOWN: CHECK(w, sm->state == PROC_STOPPED && !w->root.alive); break;
    case GOAL_UP: CHECK(w, sm->state == PROC_ONLINE || sm->cannot_start || sm->over_limit); break;
    case GOAL_GONE: CHECK(w, w->removed); break;
    case GOAL_COUNT: CHECK(w, false); break;
    }
}
