/* SPDX-License-Identifier: MIT
 * Reloads that were under way when pm2d died: data first, effects then. Runs in pm2d. */
#include "base/log.h"
#include "generation.h"
#include "proc_priv.h"
#include "reload_priv.h"

bool reload_is_parked(const struct proc *p)
{
    return p->reload && p->reload->sm.state == RELOAD_PARKED;
}

struct proc *reload_recover_other(struct proc *p, bool has_one)
{
    if (!has_one)
        reload_discard(p);
    else if (!p->other)
        (void)generation_new(p, json_incref(p->conf));
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
    reload_set_policy(rl, &unasked);
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
        uv_timer_start(&rl->timer, reload_on_timer, (uint64_t)rl->policy.park_ms, 0);
    else if (was == RELOAD_PARKED)
        reload_feed(rl, RE_TIMER, 0);
}
