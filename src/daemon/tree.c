/* SPDX-License-Identifier: MIT
 * Ending process trees. Runs in pm2d. The keeper is the subreaper of everything that apps fork, so
 * a double-forked daemon is still below it and is found by its environment. */
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/obj.h"
#include "os/cgroup.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/proctree.h"
#include "proc.h"

#define MEMBER_MAGIC OBJ_MAGIC('M', 'E', 'M', 'B')
#define TREES_MAGIC  OBJ_MAGIC('T', 'R', 'E', 'E')

struct trees {
    uint32_t magic;
    uv_prepare_t prepare; /* runs before the loop would sleep: the looks that are due */
    struct list due;      /* tree_wait.due */
    struct proctree *now; /* of this turn of the loop */
    uint64_t now_at;
    pid_t keeper_pid;
    const char *pid_file; /* borrowed; names the home's keeper on its command line */
};

struct member {
    uint32_t magic;
    struct list link;
    struct proc *proc;
    pid_t pid;
    uint64_t start_ticks;
    int pidfd;
    uv_poll_t poll;
};

struct tree_wait {
    struct proc *proc;
    struct list members; /* told to end, still there; never the root */
    struct list due;
    pid_t root; /* pid and session of the run that is being ended, or of the last one */
    int signo;
    bool whole;
    bool was_adopted; /* the run that is being ended was no child of our keeper */
    bool gone;        /* a look after the end found nothing */
};

/* ---- members ---- */

static void on_member_closed(uv_handle_t *h)
{
    struct member *m = OBJ(h->data, struct member, MEMBER_MAGIC);
    fd_close(&m->pidfd);
    free(m);
}

static void member_close(struct member *m)
{
    list_del(&m->link);
    uv_close((uv_handle_t *)&m->poll, on_member_closed);
}

static void on_member_gone(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct member *m = OBJ(h->data, struct member, MEMBER_MAGIC);
    struct proc *p = m->proc;
    member_close(m);
    if (list_empty(&p->tree->members))
        proc_tree_changed(p);
}

static struct member *member_find(const struct tree_wait *w, const struct proc_stat *st)
{
    list_for_each (it, &w->members) {
        struct member *m = LIST_ENTRY(it, struct member, link);
        if (m->pid == st->pid && m->start_ticks == st->start_ticks)
            return m;
    }
    return NULL;
}

/* A new member: hold it by pidfd, make sure it is still the one we saw, watch its end. */
static struct member *member_add(struct tree_wait *w, const struct proc_stat *st)
{
    struct proc_stat now;
    int pidfd = pidfd_open_process(st->pid);
    if (pidfd < 0)
        return NULL;
    struct member *m = NULL;
    if (procfs_stat(st->pid, &now) == 0 && now.start_ticks == st->start_ticks)
        m = calloc(1, sizeof(*m));
    if (!m || uv_poll_init(w->proc->env->loop, &m->poll, pidfd) < 0) {
        free(m);
        fd_close(&pidfd);
        return NULL;
    }
    m->magic = MEMBER_MAGIC;
    m->proc = w->proc;
    m->pid = st->pid;
    m->start_ticks = st->start_ticks;
    m->pidfd = pidfd;
    m->poll.data = m;
    list_add_tail(&w->members, &m->link);
    uv_poll_start(&m->poll, UV_READABLE, on_member_gone);
    return m;
}

/* ---- looking ---- */

static void refresh(struct trees *t)
{
    proctree_free(t->now);
    t->now = proctree_take();
    t->now_at = uv_now(t->prepare.loop);
    if (!t->now)
        log_error("cannot read /proc: what apps have forked may survive them");
}

/* One that stands still (SIGSTOP, ^Z) gets no signal but SIGKILL before it goes on. */
static void wake(int pidfd, const struct proc_stat *st, int signo)
{
    if (st->state == 'T' && signo != SIGKILL)
        (void)pidfd_signal(pidfd, SIGCONT);
}

/* The live process `pid` as a member, unless it is the root. Returns whether it is one. */
static bool tell(struct tree_wait *w, const struct proc_stat *st, int signo, bool again)
{
    if (st->pid == proc_pid(w->proc) || st->state == 'Z')
        return false;
    struct member *m = member_find(w, st);
    bool fresh = !m;
    if (fresh)
        m = member_add(w, st);
    if (!m)
        return false; /* it ended meanwhile */
    if (signo && (fresh || again)) {
        (void)pidfd_signal(m->pidfd, signo);
        wake(m->pidfd, st, signo);
    }
    return true;
}

/* What is in the app's cgroup, where it has one: nothing that it forked can be missing here. */
static int signal_group(struct tree_wait *w, int signo, bool again)
{
    char path[CGROUP_PATH_MAX];
    pid_t *pids = NULL;
    int others = 0;
    if (!proc_cgroup(w->proc, path, sizeof(path)))
        return 0;
    int n = cgroup_members(path, &pids);
    for (int i = 0; i < n; i++) {
        struct proc_stat st;
        if (procfs_stat(pids[i], &st) == 0 && tell(w, &st, signo, again))
            others++;
    }
    free(pids);
    if (signo == SIGKILL && cgroup_kill(path) == 0)
        w->proc->cgroup_spent = true;
    return others;
}

/* What the environment of all that came of p's last launch says. Ids and times of other homes may
 * be the same. */
struct launch_marks {
    char id[32], time[48], home[4200];
};

static void launch_marks(const struct proc *p, struct launch_marks *ret)
{
    snprintf(ret->id, sizeof(ret->id), "pm_id=%d", p->id);
    snprintf(ret->time, sizeof(ret->time), "pm_uptime=%lld", (long long)p->pm_uptime);
    snprintf(ret->home, sizeof(ret->home), "PM2_HOME=%s", p->env->paths.home);
}

/* Whom to look for. */
static void query_of(const struct proc *p, struct launch_marks *marks, struct proctree_query *ret)
{
    bool is_shared_id = p->lead || p->other; /* its other generation has nothing to do with it */
    launch_marks(p, marks);
    *ret = (struct proctree_query){.reaper = p->env->trees->keeper_pid,
                                   .root_lives = proc_pid(p) > 0,
                                   .marks = {marks->id, marks->home,
                                             is_shared_id ? marks->time : NULL}};
}

/* Signal every member in the snapshot; those that were told before only when `again`. Returns how
 * many live. */
static int signal_members(struct tree_wait *w, int signo, bool again)
{
    struct proc *p = w->proc;
    struct trees *t = p->env->trees;
    struct launch_marks marks;
    struct proctree_query q;
    query_of(p, &marks, &q);
    q.root = w->root;
    if (p->run ? p->run->adopted : w->was_adopted) {
        /* No descendant of our keeper. Once the root is gone its number may be anybody's. */
        w->was_adopted = true;
        q.reaper = p->env->orphan_reaper;
        q.root = q.root_lives ? q.root : 0;
    }
    struct proc_stat *list = NULL;
    int n = t->now ? proctree_members(t->now, &q, &list) : 0;
    int others = 0;
    for (int i = 0; i < n; i++)
        if (tell(w, &list[i], signo, again))
            others++;
    free(list);
    return others + signal_group(w, signo, false);
}

/* The look after the end: was anything forked after the last one? */
static void look(struct tree_wait *w)
{
    list_del(&w->due);
    w->gone = signal_members(w, w->signo, false) == 0;
    if (w->gone)
        proc_tree_changed(w->proc);
}

static void on_trees_prepare(uv_prepare_t *h)
{
    struct trees *t = OBJ(h->data, struct trees, TREES_MAGIC);
    if (list_empty(&t->due)) {
        proctree_free(t->now); /* nobody needs it: do not keep the memory */
        t->now = NULL;
        uv_prepare_stop(h);
        return;
    }
    refresh(t);
    while (!list_empty(&t->due))
        look(LIST_ENTRY(t->due.next, struct tree_wait, due));
}

static void arm(struct trees *t)
{
    uv_prepare_start(&t->prepare, on_trees_prepare);
}

/* ---- the calls ---- */

struct trees *trees_new(uv_loop_t *loop, pid_t keeper_pid, const char *pid_file)
{
    struct trees *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->magic = TREES_MAGIC;
    t->keeper_pid = keeper_pid;
    t->pid_file = pid_file;
    list_init(&t->due);
    uv_prepare_init(loop, &t->prepare);
    t->prepare.data = t;
    return t;
}

static void on_trees_closed(uv_handle_t *h)
{
    struct trees *t = OBJ(h->data, struct trees, TREES_MAGIC);
    proctree_free(t->now);
    free(t);
}

void trees_close(struct trees *t)
{
    if (t && !uv_is_closing((uv_handle_t *)&t->prepare))
        uv_close((uv_handle_t *)&t->prepare, on_trees_closed);
}

static struct tree_wait *wait_of(struct proc *p)
{
    struct tree_wait *w = p->tree;
    if (w)
        return w;
    w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->proc = p;
    list_init(&w->members);
    list_init(&w->due);
    p->tree = w;
    return w;
}

void tree_signal(struct proc *p, int signo, bool whole)
{
    struct trees *t = p->env->trees;
    struct tree_wait *w = wait_of(p);
    if (w) {
        w->signo = signo;
        w->whole = whole && p->run_count > 0;
        w->gone = false;
        if (p->run)
            w->root = p->run->pid;
    }
    if (w && w->whole) {
        /* A reading of this turn is good enough: what it misses, the look after the end finds. */
        if (!t->now || t->now_at != uv_now(t->prepare.loop) || signo == SIGKILL)
            refresh(t);
        arm(t);
        signal_members(w, signo, true);
    }
    if (signo)
        (void)proc_signal(p, signo);
    struct proc_stat root;
    if (p->run && proc_pid(p) > 0 && procfs_stat(proc_pid(p), &root) == 0)
        wake(p->run->pidfd, &root, signo);
}

bool tree_has_members(const struct proc *p)
{
    return p->tree && !list_empty(&p->tree->members);
}

/* SIGKILL, unless the pid is somebody else's by now. */
static void kill_seen(const struct proc_stat *st)
{
    struct proc_stat now;
    int pidfd = pidfd_open_process(st->pid);
    if (procfs_stat(st->pid, &now) == 0 && now.start_ticks == st->start_ticks)
        (void)pidfd_signal(pidfd, SIGKILL);
    fd_close(&pidfd);
}

void trees_kill_unborn(struct trees *t, const char *home, pid_t reaper, pid_t successor)
{
    struct proc_stat *list = NULL;
    refresh(t);
    arm(t);
    int n = t->now ? proctree_children(t->now, reaper, &list) : 0;
    for (int i = 0; i < n; i++) {
        if (list[i].pid == successor || !procfs_has_arguments(list[i].pid, "--home", home) ||
            !procfs_has_arguments(list[i].pid, "--pid-file", t->pid_file))
            continue; /* only a keeper has both */
        kill_seen(&list[i]);
    }
    free(list);
}

void tree_kill_strays(struct proc *p)
{
    struct trees *t = p->env->trees;
    struct proc_stat *list = NULL;
    struct launch_marks marks;
    launch_marks(p, &marks);
    struct proctree_query q = {.reaper = p->env->orphan_reaper,
                               .marks = {marks.id, marks.time, marks.home}};
    refresh(t);
    arm(t);
    int n = t->now ? proctree_members(t->now, &q, &list) : 0;
    for (int i = 0; i < n; i++)
        kill_seen(&list[i]);
    free(list);
}

bool tree_find_launched(struct proc *p, struct proc_stat *ret)
{
    struct trees *t = p->env->trees;
    struct launch_marks marks;
    launch_marks(p, &marks);
    if (!t->now || t->now_at != uv_now(t->prepare.loop))
        refresh(t);
    arm(t);
    const char *all[PROCTREE_MARKS] = {marks.id, marks.time, marks.home};
    return t->now && proctree_find_leader(t->now, all, ret);
}

int tree_pids(struct proc *p, pid_t *ret, int max)
{
    struct trees *t = p->env->trees;
    struct launch_marks marks;
    struct proctree_query q;
    struct proc_stat *list = NULL;
    query_of(p, &marks, &q);
    q.root = proc_pid(p);
    if (p->run && p->run->adopted)
        q.reaper = p->env->orphan_reaper;
    if (!t->now || t->now_at != uv_now(t->prepare.loop))
        refresh(t);
    arm(t);
    int n = t->now && q.root > 0 ? proctree_members(t->now, &q, &list) : 0;
    int count = 0;
    for (; count < n && count < max; count++)
        ret[count] = list[count].pid;
    free(list);
    return count;
}

void trees_set_keeper(struct trees *t, pid_t keeper_pid)
{
    t->keeper_pid = keeper_pid;
}

bool tree_is_gone(struct proc *p)
{
    struct tree_wait *w = p->tree;
    if (proc_pid(p) > 0)
        return false;
    if (w && !list_empty(&w->members))
        return false;
    if (w && w->whole && !w->gone) {
        if (list_empty(&w->due))
            list_add_tail(&p->env->trees->due, &w->due);
        arm(p->env->trees);
        return false;
    }
    tree_forget(p);
    return true;
}

void tree_forget(struct proc *p)
{
    struct tree_wait *w = p->tree;
    if (!w)
        return;
    p->tree = NULL;
    list_del(&w->due);
    list_for_each_safe (it, next, &w->members)
        member_close(LIST_ENTRY(it, struct member, link));
    free(w);
}
