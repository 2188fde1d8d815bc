/* SPDX-License-Identifier: MIT
 * How processes are found again: by a new pm2d, with the keeper that its predecessor had or without
 * one; and by a pm2d whose keeper has died. Two steps that are never mixed: data first, effects
 * then (proc_coldplug). Runs in pm2d. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "pidfile.h"
#include "proc_priv.h"
#include "run.h"
#include "tree.h"
#include "json/read.h"

static struct run *recovered_run(struct proc *p, const struct link_child *c, int *take_fds)
{
    struct run *r = calloc(1, sizeof(*r));
    if (!r) {
        for (int i = 0; i < LINK_FD_COUNT; i++)
            fd_close(&take_fds[i]);
        return NULL;
    }
    r->proc = p;
    r->handle = c->handle;
    list_init(&r->link);
    list_init(&r->conns);
    run_attach(r, c, take_fds);
    r->adopted = c->adopted;
    return r;
}

bool proc_has_acted_on(const struct proc *p, uint64_t handle)
{
    uint32_t counter = (uint32_t)handle;
    if (counter != p->run_count)
        return counter <= proc_lead((struct proc *)p)->run_top;
    return p->last_pid == 0 && p->sm.state != PROC_SPAWNING;
}

void proc_adopt_ended(struct proc *p, const struct link_child *c, int *take_fds)
{
    struct run *r = recovered_run(p, c, take_fds);
    if (!r)
        return;
    r->exited = true;
    list_add_tail(&p->old_runs, &r->link);
}

void proc_adopt_run(struct proc *p, const struct link_child *c, int *take_fds)
{
    struct run *r = recovered_run(p, c, take_fds);
    if (!r)
        return;
    p->run = r;
    p->last_pid = r->pid;
    p->last_ticks = r->start_ticks;
    uint32_t counter = (uint32_t)c->handle;
    if (counter > p->run_count) { /* the disk was full, and its start is not in the journal */
        p->run_count = counter;
        if (!p->lead && !p->other) {
            p->sm.state = PROC_SPAWNING;
            p->sm.goal = GOAL_UP;
        }
    }
    if (counter > proc_lead(p)->run_top)
        proc_lead(p)->run_top = counter;
}

static void hand_over(struct run *r)
{
    int rc = run_rehome(r);
    if (rc < 0)
        log_error("App [%s:%d] cannot be handed to the new keeper: %s", proc_name(r->proc),
                  r->proc->id, err_text(rc));
}

/* Its start was under way when both programs died: what came of it is known by its marks only. */
static void find_launched(struct proc *p)
{
    struct proc_stat st;
    if (p->sm.state != PROC_SPAWNING || p->last_pid > 0 || !tree_find_launched(p, &st))
        return;
    p->last_pid = st.pid;
    p->last_ticks = st.start_ticks;
}

static bool is_same_pipe(int a, int b)
{
    struct stat sa;
    struct stat sb;
    return a >= 0 && b >= 0 && fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_ino == sb.st_ino;
}

/* Its pipes have lasted, because it holds both ends of them; what it said meanwhile waits there. */
static void take_pipes_back(struct proc *p, int *fds)
{
    static const struct {
        enum link_fd kind;
        int flags;
    } pipes[] = {[STDIN_FILENO] = {LINK_FD_STDIN, O_WRONLY},
                 [STDOUT_FILENO] = {LINK_FD_STDOUT, O_RDONLY},
                 [STDERR_FILENO] = {LINK_FD_STDERR, O_RDONLY}};
    int rc = 0;
    for (int i = 0; i < (int)ARRAY_LEN(pipes); i++) {
        int fd = procfs_take_pipe(p->last_pid, i, pipes[i].flags);
        fds[pipes[i].kind] = fd < 0 ? -1 : fd;
        if (fd < 0 && fd != -ENOENT)
            rc = fd;
    }
    if (is_same_pipe(fds[LINK_FD_STDOUT], fds[LINK_FD_STDERR])) /* it has made one of both */
        fd_close(&fds[LINK_FD_STDERR]);
    if (rc < 0)
        log_warn("App [%s:%d] its output cannot be read any more (%s): a restart mends it",
                 proc_name(p), p->id, err_text(rc));
}

void proc_adopt_stray(struct proc *p)
{
    struct proc_stat st;
    if (p->run)
        return;
    find_launched(p);
    if (p->last_pid <= 0 || procfs_stat(p->last_pid, &st) < 0 || st.state == 'Z' ||
        st.start_ticks != p->last_ticks)
        return;
    int fds[LINK_FD_COUNT] = {pidfd_open_process(p->last_pid), -1, -1, -1, -1};
    if (fds[LINK_FD_PIDFD] < 0)
        return;
    take_pipes_back(p, fds);
    struct link_child c = {.handle = ((uint64_t)(uint32_t)p->id << 32) | p->run_count,
                           .pid = (uint32_t)p->last_pid,
                           .start_ticks = p->last_ticks,
                           .adopted = 1};
    proc_adopt_run(p, &c, fds);
    if (p->run)
        hand_over(p->run);
    p->env->orphan_reaper = st.ppid; /* where it has gone, what it forks will go */
    log_warn("App [%s:%d] pid %d lived on without a keeper: adopted", proc_name(p), p->id,
             (int)p->last_pid);
}

static void on_adopted_gone(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct run *r = h->data;
    uv_poll_stop(h);
    proc_on_exited(r->proc, r->handle, 0, clock_mono_ms());
}

/* It was asked for, and the keeper died before it said what became of it: perhaps there is a
 * process that nobody knows. It must not run beside the one that is asked for again. */
static void respawn_lost(struct proc *p)
{
    struct run *r = p->run;
    log_warn("App [%s:%d] was being started when the keeper died: asked for again", proc_name(p),
             p->id);
    p->run = NULL;
    run_close(r);
    tree_kill_strays(p);
    proc_launch(p);
}

static void watch_adopted(struct proc *p)
{
    if (run_watch_exit(p->run, on_adopted_gone) < 0)
        log_error("App [%s:%d] pid %d: its end will not be seen", proc_name(p), p->id,
                  (int)p->run->pid);
}

/* NOLINTNEXTLINE(misc-no-recursion): one level, an other generation has none */
void proc_rehome(struct proc *p)
{
    if (p->other)
        proc_rehome(p->other);
    list_for_each (it, &p->old_runs)
        hand_over(LIST_ENTRY(it, struct run, link));
    if (!p->run)
        return;
    if (p->run->fetch)
        return; /* the old one had not been asked yet */
    if (p->run->pid == 0) {
        respawn_lost(p);
        return;
    }
    bool watched = p->run->adopted;
    hand_over(p->run);
    if (!watched)
        watch_adopted(p);
}

/* Runs that ended before: move what they left; those that nobody can write for any more go. */
static void finish_old_runs(struct proc *p)
{
    struct list found; /* those that stay go back into old_runs */
    list_init(&found);
    list_for_each_safe (it, next, &p->old_runs) {
        list_del(it);
        list_add_tail(&found, it);
    }
    while (!list_empty(&found)) {
        struct run *r = LIST_ENTRY(found.next, struct run, link);
        list_del(&r->link);
        run_drain(r);
        run_retire(r);
    }
}

/* It had not said that it is ready; what it said meanwhile is still to be read. Its time begins
 * anew. */
static bool still_starts(const struct proc *p)
{
    bool was_starting = p->sm.state == PROC_SPAWNING || p->sm.state == PROC_STARTING;
    return was_starting && p->sm.goal == GOAL_UP && proc_awaits_word(p);
}

static void coldplug_running(struct proc *p)
{
    enum proc_goal goal = p->sm.goal;
    bool was_stopping = p->sm.state == PROC_STOPPING;
    p->sm.has_pid = true;
    p->sm.state = still_starts(p) ? PROC_STARTING : PROC_ONLINE;
    p->sm.goal = GOAL_UP;
    if (p->sm.state == PROC_STARTING && p->policy.listen_timeout_ms > 0 && !p->lead)
        proc_arm(p, p->policy.listen_timeout_ms);
    if (!p->lead)
        pidfile_write(json_get_str(p->conf, "pm_pid_path"), p->run->pid);
    if (p->run->adopted)
        watch_adopted(p);
    agent_greet(p);
    if (goal != GOAL_UP) {
        proc_order(p, goal == GOAL_GONE ? ORDER_DELETE : ORDER_STOP, NULL, NULL);
    } else if (was_stopping) {
        proc_sm_set_restarts(&p->sm, p->sm.restart_time - 1); /* counted when it was ordered */
        proc_order(p, ORDER_RESTART, NULL, NULL);
    }
    if (p->run && p->run->has_lost_status)
        proc_on_exited(p, p->run->handle, p->run->lost_status, p->run->lost_ms);
}

/* It ran when the journal was written, and no keeper knows of it any more. */
static void coldplug_ended(struct proc *p)
{
    struct proc_event ev = {.type = EV_EXITED, .uptime_ms = procfs_age_ms(p->last_ticks)};
    p->sm.has_pid = true;
    p->sm.state = PROC_ONLINE;
    if (!p->lead)
        pidfile_remove(json_get_str(p->conf, "pm_pid_path"));
    proc_note_unknown_exit(p, &ev);
    proc_step(p, &ev);
}

static void coldplug_idle(struct proc *p)
{
    enum proc_goal goal = p->sm.goal;
    enum proc_state before = p->sm.state;
    p->sm.has_pid = false;
    bool is_at_rest = before == PROC_ERRORED || (before == PROC_STOPPED && goal == GOAL_DOWN);
    if (is_at_rest && goal != GOAL_GONE)
        return;
    if (before == PROC_BACKOFF && goal == GOAL_UP) { /* the wait begins anew */
        int64_t delay_ms =
            p->policy.exp_backoff_ms > 0 ? p->sm.prev_delay_ms : p->policy.restart_delay_ms;
        proc_arm(p, delay_ms);
        return;
    }
    bool has_ended = p->last_pid > 0;
    p->last_pid = 0;
    if ((before == PROC_STARTING || before == PROC_ONLINE) && goal == GOAL_UP && has_ended) {
        coldplug_ended(p);
        return;
    }
    p->sm.state = PROC_STOPPED;
    p->sm.goal = GOAL_DOWN;
    if (goal == GOAL_GONE) {
        proc_order(p, ORDER_DELETE, NULL, NULL);
        return;
    }
    if (before == PROC_STOPPING) /* the root is gone; of its tree something may be left */
        proc_order(p, ORDER_STOP, NULL, NULL);
    if (goal == GOAL_UP && !p->lead)
        proc_order(p, ORDER_START, NULL, NULL);
}

/* Where the recovered state machine stands is set by the journal (sm.goal, counters); here it
 * meets what really runs. Two paths never mix: data was read before, effects start now. */
void proc_coldplug(struct proc *p)
{
    finish_old_runs(p);
    if (p->run)
        coldplug_running(p);
    else
        coldplug_idle(p);
}
