/* SPDX-License-Identifier: MIT
 * max_memory_restart. Runs in pm2d. */
#include "memguard.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "events.h"
#include "history.h"
#include "os/memory.h"
#include "os/proctree.h"
#include "proc.h"
#include "reload.h"
#include "json/read.h"

#define TICK_MS        1000
#define TICKS_PER_LOOK 5 /* without cgroups: one reading of /proc for all apps */

struct memguard {
    struct list link; /* in memguards.guarded */
    struct proc *p;
    int64_t limit_bytes;
    struct mem_probe probe;
    int64_t forked_bytes; /* without a cgroup: from the last look at all processes */
    bool restarting;
};

struct memguards {
    struct list guarded;
    uv_timer_t timer;
    unsigned tick;
};

static void on_restarted(void *ctx, struct proc *p, const char *error)
{
    (void)ctx;
    (void)error;
    if (p->memguard)
        p->memguard->restarting = false;
}

static void restart(struct memguard *g, int64_t bytes)
{
    struct proc *p = g->p;
    const char *why;
    const struct reload_request unchanged = {.force = false};
    const struct reload_handler handler = {.done = on_restarted};
    log_warn("App [%s:%d] uses %lld bytes of memory, its limit is %lld: restarting it",
             proc_name(p), p->id, (long long)bytes, (long long)g->limit_bytes);
    g->restarting = true;
    history_caused(p, "restart", "it used more memory than max_memory_restart");
    if (reload_can(p, &why)) /* as PM2: the workers of a cluster make room for their successors */
        reload_begin(p, &unchanged, &handler);
    else
        proc_order(p, ORDER_RESTART, on_restarted, NULL);
}

/* Shares of what was forked, exactly; what nobody tells counts as its upper bound. */
static int64_t exact_others(const pid_t *pids, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        int64_t share = mem_share(pids[i]);
        sum += share >= 0 ? share : mem_private_most(pids[i]);
    }
    return sum;
}

static int64_t bounds_of(const pid_t *pids, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += mem_private_most(pids[i]);
    return sum;
}

/* Of all descendants in a snapshot; the root itself is the last of them. */
static int descendants(struct proctree *tree, const struct memguard *g, pid_t *ret, int room)
{
    struct proc_stat *members = NULL;
    const struct proctree_query q = {.root = g->probe.pid, .root_lives = true};
    int n = tree ? proctree_members(tree, &q, &members) : 0;
    int count = 0;
    for (int i = 0; i < n && count < room; i++)
        if (members[i].pid != g->probe.pid)
            ret[count++] = members[i].pid;
    free(members);
    return count;
}

static void look(struct memguard *g, struct proctree *tree)
{
    pid_t others[LIMIT_TREE_PIDS];
    int64_t root = mem_probe_root(&g->probe);
    if (root < 0)
        return;
    bool grouped = g->probe.group_fd >= 0;
    int n = 0;
    if (grouped)
        n = mem_probe_others(&g->probe, others, LIMIT_TREE_PIDS);
    else if (tree)
        n = descendants(tree, g, others, LIMIT_TREE_PIDS);
    if (grouped || tree)
        g->forked_bytes = bounds_of(others, n);
    if (root <= g->limit_bytes && root + g->forked_bytes <= g->limit_bytes)
        return;
    if (root <= g->limit_bytes && n > 0)
        g->forked_bytes = exact_others(others, n);
    if (root + g->forked_bytes > g->limit_bytes)
        restart(g, root + g->forked_bytes);
}

/* The run that the probe looks at is the current one. */
static bool follow_run(struct memguard *g)
{
    char cgroup[CGROUP_PATH_MAX];
    pid_t pid = proc_pid(g->p);
    if (pid <= 0 || g->restarting) {
        mem_probe_close(&g->probe);
        return false;
    }
    if (g->probe.pid == pid)
        return true;
    g->forked_bytes = 0;
    bool grouped = proc_cgroup(g->p, cgroup, sizeof(cgroup));
    return mem_probe_open(&g->probe, pid, grouped ? cgroup : NULL) == 0;
}

static void on_tick(uv_timer_t *t)
{
    struct memguards *all = t->data;
    struct proctree *tree = NULL;
    bool wide = ++all->tick % TICKS_PER_LOOK == 0;
    list_for_each_safe (it, next, &all->guarded) {
        struct memguard *g = LIST_ENTRY(it, struct memguard, link);
        if (!follow_run(g))
            continue;
        if (wide && !tree && g->probe.group_fd < 0)
            tree = proctree_take();
        look(g, tree);
    }
    proctree_free(tree);
}

static int64_t limit_of(const struct proc *p)
{
    int64_t limit = 0;
    return json_get_int(p->conf, "max_memory_restart", &limit) && limit > 0 ? limit : 0;
}

static void begin(struct proc *p, int64_t limit)
{
    struct memguard *g = calloc(1, sizeof(*g));
    if (!g) {
        log_error("App [%s:%d]: no memory for its memory limit", proc_name(p), p->id);
        return;
    }
    *g = (struct memguard){.p = p, .limit_bytes = limit};
    mem_probe_init(&g->probe);
    p->memguard = g;
    struct memguards *all = p->env->memguards;
    if (list_empty(&all->guarded))
        uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS);
    list_add_tail(&all->guarded, &g->link);
}

void memguard_changed(struct proc *p)
{
    int64_t limit = limit_of(p);
    if (limit == 0)
        memguard_removed(p);
    else if (p->memguard)
        p->memguard->limit_bytes = limit;
    else
        begin(p, limit);
}

void memguard_removed(struct proc *p)
{
    struct memguards *all = p->env->memguards;
    struct memguard *g = p->memguard;
    if (!g)
        return;
    p->memguard = NULL;
    mem_probe_close(&g->probe);
    list_del(&g->link);
    free(g);
    if (list_empty(&all->guarded))
        uv_timer_stop(&all->timer);
}

struct memguards *memguards_new(uv_loop_t *loop)
{
    struct memguards *all = calloc(1, sizeof(*all));
    if (!all)
        return NULL;
    list_init(&all->guarded);
    uv_timer_init(loop, &all->timer);
    all->timer.data = all;
    return all;
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void memguards_close(struct memguards *all)
{
    if (all)
        uv_close((uv_handle_t *)&all->timer, on_closed);
}
