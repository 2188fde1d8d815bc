/* SPDX-License-Identifier: MIT
 * The reload of one process; reload_sm.h is its manual. One step function per cell, as in
 * proc_sm.c. Pure. */
#include "app/reload_sm.h"

#include <assert.h>

struct step {
    struct reload_sm *sm;
    const struct reload_policy *policy;
    const struct reload_event *ev;
    struct reload_actions *out;
};
typedef void step_fn(struct step *c);

static const char *const names[RELOAD_STATE_COUNT] = {
    [RELOAD_IDLE] = "IDLE",         [RELOAD_PROVING] = "PROVING", [RELOAD_PARKED] = "PARKED",
    [RELOAD_DRAINING] = "DRAINING", [RELOAD_ENDING] = "ENDING",   [RELOAD_UNDOING] = "UNDOING",
};

/* ---- building blocks ---- */

static struct reload_action *act(struct step *c, enum reload_action_type type)
{
    assert(c->out->count < RELOAD_ACTIONS_MAX);
    struct reload_action *a = &c->out->items[c->out->count++];
    *a = (struct reload_action){.type = type};
    return a;
}

static void tell(struct step *c, enum reload_verdict verdict)
{
    if (c->sm->told)
        return;
    c->sm->told = true;
    struct reload_action *a = act(c, RA_TOLD);
    a->verdict = verdict;
    a->debts = c->sm->debts;
}

static void arm(struct step *c, int64_t ms)
{
    act(c, RA_ARM)->ms = ms;
}

/* The old one shall go. */
static void end(struct step *c)
{
    act(c, RA_DISARM);
    c->sm->state = RELOAD_ENDING;
    act(c, RA_END);
}

static void drain(struct step *c)
{
    if (c->policy->drain_timeout_ms <= 0) {
        end(c);
        return;
    }
    c->sm->state = RELOAD_DRAINING;
    arm(c, c->policy->drain_timeout_ms);
    act(c, RA_DRAIN);
}

static void switch_over(struct step *c)
{
    act(c, RA_DISARM);
    act(c, RA_SWITCH);
    act(c, RA_PROVEN);
    c->sm->verdict = RELOAD_OK;
    if (c->policy->park_ms <= 0) {
        drain(c);
        return;
    }
    c->sm->state = RELOAD_PARKED;
    arm(c, c->policy->park_ms);
    tell(c, RELOAD_OK);
}

static void undo(struct step *c, enum reload_verdict verdict)
{
    act(c, RA_DISARM);
    c->sm->state = RELOAD_UNDOING;
    c->sm->verdict = verdict;
    act(c, RA_PROVEN)->verdict = verdict;
    act(c, RA_END);
}

/* ---- the cells ---- */

static void begin(struct step *c)
{
    c->sm->state = RELOAD_PROVING;
    c->sm->debts = c->ev->debts ? c->ev->debts : DEBT_AGE;
    c->sm->verdict = RELOAD_OK;
    c->sm->told = false;
    act(c, RA_SPAWN);
    if (c->policy->listen_timeout_ms > 0)
        arm(c, c->policy->listen_timeout_ms);
    else if (c->sm->debts == DEBT_AGE)
        switch_over(c);
}

static void paid(struct step *c)
{
    c->sm->debts &= ~c->ev->debts;
    if (c->sm->debts == 0)
        switch_over(c);
}

static void late(struct step *c)
{
    if (c->sm->debts == DEBT_AGE || !c->policy->verify)
        switch_over(c);
    else
        undo(c, RELOAD_LATE);
}

static void failed(struct step *c)
{
    undo(c, RELOAD_FAILED);
    if (!c->policy->verify) {
        c->sm->told = true; /* the restart tells */
        act(c, RA_RESTART);
    }
}

static void overtaken(struct step *c)
{
    undo(c, RELOAD_OVERTAKEN);
}

static void promoted(struct step *c)
{
    act(c, RA_DISARM);
    act(c, RA_SWITCH);
    act(c, RA_PROVEN)->verdict = RELOAD_UNPROVEN;
    c->sm->verdict = RELOAD_UNPROVEN;
    c->sm->state = RELOAD_ENDING;
    act(c, RA_END);
}

static void call_back(struct step *c)
{
    act(c, RA_DISARM);
    act(c, RA_SWITCH);
    drain(c);
}

static void over(struct step *c)
{
    c->sm->state = RELOAD_IDLE;
    act(c, RA_DISARM);
    tell(c, c->sm->verdict);
}

/* May come, and means nothing here. */
static void ignore(struct step *c)
{
    (void)c;
}

/* The executor does not send it; nothing is done. */
static void impossible(struct step *c)
{
    (void)c;
}

static step_fn *const steps[RELOAD_STATE_COUNT][RE_COUNT] = {
    [RELOAD_IDLE] =
        {
            [RE_BEGIN] = begin,
            [RE_PAID] = ignore,
            [RE_ENDED] = impossible,
            [RE_OLD_ENDED] = ignore,
            [RE_TIMER] = impossible,
            [RE_DRAINED] = impossible,
            [RE_ABORT] = ignore,
            [RE_ROLLBACK] = ignore,
            [RE_GONE] = impossible,
        },
    [RELOAD_PROVING] =
        {
            [RE_BEGIN] = ignore,
            [RE_PAID] = paid,
            [RE_ENDED] = failed,
            [RE_OLD_ENDED] = promoted,
            [RE_TIMER] = late,
            [RE_DRAINED] = impossible,
            [RE_ABORT] = overtaken,
            [RE_ROLLBACK] = overtaken,
            [RE_GONE] = impossible,
        },
    [RELOAD_PARKED] =
        {
            [RE_BEGIN] = drain,
            [RE_PAID] = ignore,
            [RE_ENDED] = end,
            [RE_OLD_ENDED] = ignore,
            [RE_TIMER] = drain,
            [RE_DRAINED] = end,
            [RE_ABORT] = end,
            [RE_ROLLBACK] = call_back,
            [RE_GONE] = over,
        },
    [RELOAD_DRAINING] =
        {
            [RE_BEGIN] = ignore,
            [RE_PAID] = ignore,
            [RE_ENDED] = end,
            [RE_OLD_ENDED] = ignore,
            [RE_TIMER] = end,
            [RE_DRAINED] = end,
            [RE_ABORT] = end,
            [RE_ROLLBACK] = ignore,
            [RE_GONE] = over,
        },
    [RELOAD_ENDING] =
        {
            [RE_BEGIN] = ignore,
            [RE_PAID] = ignore,
            [RE_ENDED] = ignore,
            [RE_OLD_ENDED] = ignore,
            [RE_TIMER] = impossible,
            [RE_DRAINED] = ignore,
            [RE_ABORT] = ignore,
            [RE_ROLLBACK] = ignore,
            [RE_GONE] = over,
        },
    [RELOAD_UNDOING] =
        {
            [RE_BEGIN] = ignore,
            [RE_PAID] = ignore,
            [RE_ENDED] = ignore,
            [RE_OLD_ENDED] = ignore,
            [RE_TIMER] = impossible,
            [RE_DRAINED] = ignore,
            [RE_ABORT] = ignore,
            [RE_ROLLBACK] = ignore,
            [RE_GONE] = over,
        },
};

void reload_sm_step(struct reload_sm *sm, const struct reload_policy *policy,
                    const struct reload_event *ev, struct reload_actions *ret)
{
    struct step c = {sm, policy, ev, ret};
    ret->count = 0;
    steps[sm->state][ev->type](&c);
}

const char *reload_state_name(enum reload_state s)
{
    return names[s];
}

bool reload_sm_has_cell(enum reload_state s, enum reload_event_type e)
{
    return steps[s][e] != NULL;
}
