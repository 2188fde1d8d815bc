/* SPDX-License-Identifier: MIT
 * Two struct procs of one process. Runs in pm2d. */
#include "generation.h"

#include "base/failpoint.h"
#include "extras.h"
#include "journal.h"
#include "os/clock.h"
#include "pidfile.h"
#include "primary.h"
#include "proc_priv.h"
#include "secret_store.h"
#include "json/read.h"

struct proc *generation_new(struct proc *p, json_t *take_conf)
{
    secret_seal(p->env, take_conf);
    struct proc *o = proc_new(p->env, p->id, take_conf);
    if (!o)
        return NULL;
    o->lead = p;
    o->instance = p->instance;
    o->created_at = clock_wall_ms();
    o->monitored = p->monitored;
    o->slot = 1 - p->slot;
    proc_sm_set_restarts(&o->sm, p->sm.restart_time + 1);
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
    SWAP(agent_actions);
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

void generation_switch(struct proc *p, bool is_proven)
{
    struct proc *o = p->other;
    bool has_new_conf = p->conf != o->conf;
    int64_t restarts =
        p->sm.restart_time > o->sm.restart_time ? p->sm.restart_time : o->sm.restart_time - 1;
    if (o->sm.state == PROC_STARTING && (is_proven || (o->run && o->run->has_said_ready)))
        proc_step(o, &(struct proc_event){.type = EV_READY});
    exchange(p, o);
    o->is_old = true;
    proc_sm_set_restarts(&p->sm, restarts + 1);
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
