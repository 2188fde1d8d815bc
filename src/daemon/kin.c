/* SPDX-License-Identifier: MIT
 * From a pid to an app. Runs in pm2d. */
#include "kin.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "notify_message.h"
#include "os/procfs.h"
#include "table.h"

#define NO_APP (-1)

static int app_of_cgroup(const struct proc_env *env, pid_t pid, unsigned *ret_slot)
{
    char path[64];
    char line[4096];
    const char *base = strrchr(env->cgroup_base, '/');
    int app = NO_APP;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    FILE *f = base ? fopen(path, "re") : NULL;
    while (f && app == NO_APP && fgets(line, sizeof(line), f))
        if (strncmp(line, "0::", 3) == 0)
            app = notify_cgroup_app(str_from(line), base + 1, ret_slot);
    if (f)
        (void)fclose(f);
    return app;
}

void kin_look(const struct proc_env *env, pid_t pid, uid_t uid, struct kin *ret)
{
    struct proc_stat st;
    *ret = (struct kin){.uid = uid, .app = NO_APP};
    ret->pids[ret->count++] = pid;
    ret->has_ended = procfs_stat(pid, &st) < 0;
    if (ret->has_ended)
        return;
    ret->app = app_of_cgroup(env, pid, &ret->slot);
    while (ret->count + 2 <= KIN_MAX) {
        ret->pids[ret->count++] = st.sid;
        if (st.ppid <= 1 || procfs_stat(st.ppid, &st) < 0)
            break;
        ret->pids[ret->count++] = st.pid;
    }
}

static bool is_of(const struct kin *k, const struct proc *p)
{
    pid_t root = proc_pid(p);
    for (int i = 0; i < k->count && root > 0; i++)
        if (k->pids[i] == root)
            return true;
    return root > 0 && k->app == p->id && k->slot == p->slot;
}

/* Whether `p` may be meant by one that has ended. */
static bool may_be_of(const struct kin *k, const struct proc *p)
{
    char path[64];
    struct stat st;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a table has no empty places */
    if (p->sm.state != PROC_STARTING || proc_pid(p) <= 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d", (int)proc_pid(p));
    return stat(path, &st) == 0 && st.st_uid == k->uid;
}

struct proc *kin_find(const struct table *t, const struct kin *k)
{
    struct proc *only = NULL;
    int count = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct proc *p = t->items[i];
        if (p->other && is_of(k, p->other))
            return p->other;
        if (is_of(k, p))
            return p;
        if (k->has_ended && may_be_of(k, p)) {
            only = p;
            count++;
        }
    }
    return count == 1 ? only : NULL;
}

bool kin_may_come(const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct proc *p = t->items[i];
        if (p->sm.state == PROC_SPAWNING || (p->other && p->other->sm.state == PROC_SPAWNING))
            return true;
    }
    return false;
}
