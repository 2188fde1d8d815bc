/* SPDX-License-Identifier: MIT
 * When a process is watched. Runs in pm2d. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "journal.h"
#include "proc.h"
#include "watch_group.h"
#include "json/read.h"

/* Object {value, by}: not a scalar, so that it does not become a variable of the app. */
#define KEPT "watch_kept"

static bool wants_watch(const struct proc *p)
{
    return json_truthy(json_object_get(p->conf, "watch"));
}

static struct watch_member *member_of(struct proc *p)
{
    if (p->watch)
        return p->watch;
    struct watch_member *m = calloc(1, sizeof(*m));
    if (!m) {
        log_error("[Watch] %s is not watched: out of memory", proc_name(p));
        return NULL;
    }
    m->proc = p;
    m->last_state = p->sm.state;
    list_init(&m->link);
    p->watch = m;
    return m;
}

/* ---- on and off ---- */

static void leave(struct watch_member *m)
{
    if (m->group)
        log_info("[Watch] Stop watching %s", proc_name(m->proc));
    watch_group_leave(m);
}

/* Be in the group that the configuration asks for, or in none. */
static void settle(struct watch_member *m)
{
    bool on = m->up && wants_watch(m->proc);
    if (m->group && !(on && watch_group_fits(m)))
        leave(m);
    if (on && !m->group && watch_group_join(m))
        log_info("[Watch] Start watching %s", proc_name(m->proc));
}

/* watch := false, its value is kept. */
static void put_away(struct proc *p, const char *by)
{
    json_t *kept = json_object();
    if (!kept || json_object_set(kept, "value", json_object_get(p->conf, "watch")) < 0 ||
        json_object_set_new(kept, "by", json_string(by)) < 0) {
        json_decref(kept);
        return;
    }
    if (json_object_set_new(p->conf, KEPT, kept) == 0)
        (void)json_object_set_new(p->conf, "watch", json_false());
    journal_app(p->env->journal, p);
}

static void take_back(struct proc *p)
{
    json_t *value = json_object_get(json_object_get(p->conf, KEPT), "value");
    (void)json_object_set(p->conf, "watch", json_truthy(value) ? value : json_true());
    (void)json_object_del(p->conf, KEPT);
    journal_app(p->env->journal, p);
}

static bool is_put_away_by(const struct proc *p, const char *by)
{
    const char *who = json_get_str(json_object_get(p->conf, KEPT), "by");
    return who && strcmp(who, by) == 0;
}

bool watch_start(struct proc *p)
{
    struct watch_member *m = member_of(p);
    if (!m || m->group)
        return false;
    m->up = true;
    if (!wants_watch(p))
        take_back(p);
    settle(m);
    return true;
}

static void end(struct proc *p, const char *by)
{
    if (wants_watch(p))
        put_away(p, by);
    if (p->watch)
        settle(p->watch);
}

void watch_stop(struct proc *p)
{
    end(p, "stop");
}

void watch_toggle(struct proc *p)
{
    if (wants_watch(p))
        end(p, "toggle");
    else
        (void)watch_start(p);
}

void watch_option(struct proc *p, json_t *value)
{
    if (!json_is_string(value) && json_array_size(value) == 0) {
        watch_toggle(p);
        return;
    }
    struct watch_member *m = member_of(p);
    if (!m)
        return;
    (void)json_object_set(p->conf, "watch", value);
    (void)json_object_del(p->conf, KEPT);
    m->up = true;
    settle(m);
    journal_app(p->env->journal, p);
}

/* ---- hooks ---- */

void watch_added(struct proc *p)
{
    if (!wants_watch(p) && !json_has(p->conf, KEPT))
        return;
    struct watch_member *m = member_of(p);
    if (!m)
        return;
    m->up = wants_watch(p) && (p->sm.goal == GOAL_UP || p->pm_uptime > 0);
    settle(m);
}

void watch_changed(struct proc *p)
{
    if (!p->watch && wants_watch(p) && member_of(p))
        p->watch->up = p->sm.goal == GOAL_UP;
    if (!p->watch)
        return;
    if (!p->watch->up && wants_watch(p) && p->pm_uptime > 0)
        put_away(p, "stop");
    settle(p->watch);
}

/* Down by order, not by itself. A step that ends in STOPPED comes from a running state when it
 * ended by itself; with an order it has been seen on its way, or nothing was running. */
static bool is_stopped_by_user(const struct watch_member *m)
{
    const struct proc_sm *sm = &m->proc->sm;
    if (sm->goal == GOAL_UP || sm->state == PROC_ERRORED)
        return false;
    bool ran = m->last_state == PROC_STARTING || m->last_state == PROC_ONLINE;
    return sm->state != PROC_STOPPED || !ran;
}

void watch_state(struct proc *p)
{
    struct watch_member *m = p->watch;
    if (!m)
        return;
    if (p->sm.goal == GOAL_UP && !m->up) {
        m->up = true;
        if (is_put_away_by(p, "stop"))
            take_back(p);
        settle(m);
    } else if (p->sm.goal == GOAL_GONE) {
        m->up = false;
        settle(m);
    } else if (m->up && is_stopped_by_user(m)) {
        m->up = false;
        end(p, "stop");
    }
    m->last_state = p->sm.state;
    if (m->restarting && proc_sm_settled(&p->sm))
        watch_group_settled(m);
}

void watch_removed(struct proc *p)
{
    if (!p->watch)
        return;
    leave(p->watch);
    free(p->watch);
    p->watch = NULL;
}
