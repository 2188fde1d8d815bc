/* SPDX-License-Identifier: MIT
 * Conditions of depends_on, looked at. Runs in pm2d. */
#include "depend_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "os/port.h"

static bool has_completed(const struct proc *p)
{
    return p->sm.state == PROC_STOPPED && p->has_exit && p->exit_code == 0;
}

static bool is_at_rest(const struct proc *p)
{
    return p->sm.state == PROC_STOPPED || p->sm.state == PROC_ERRORED;
}

static bool holds(const struct proc *p, enum depend_condition condition)
{
    switch (condition) {
    case DEPEND_STARTED: return proc_pid(p) > 0 || has_completed(p);
    case DEPEND_READY: return (p->sm.state == PROC_ONLINE && health_ok(p)) || has_completed(p);
    case DEPEND_COMPLETED: return has_completed(p);
    case DEPEND_PORT: return true; /* asked for once, not of each process */
    }
    return false;
}

/* The processes of an app of this namespace; when it has none, those of this name anywhere. */
static int find_app(const struct table *t, const char *name, const char *ns, int **ret_ids)
{
    int n = table_app_ids(t, name, ns, ret_ids);
    for (size_t i = 0; i < t->count && n == 0; i++) {
        const struct proc *p = t->items[i];
        if (strcmp(proc_name(p), name) != 0)
            continue;
        free(*ret_ids);
        n = table_app_ids(t, name, proc_namespace(p), ret_ids);
    }
    return n;
}

enum depend_answer depend_look(const struct table *t, const char *ns, const struct depend *d)
{
    int *ids = NULL;
    int n = find_app(t, d->name, ns, &ids);
    if (n == -ENOMEM)
        return DEPEND_LATER;
    enum depend_answer answer = n == 0 ? DEPEND_NEVER : DEPEND_NOW;
    for (int i = 0; i < n; i++) {
        const struct proc *p = table_find(t, ids[i]);
        if (!holds(p, d->condition))
            answer = is_at_rest(p) ? DEPEND_NEVER : DEPEND_LATER;
        if (answer == DEPEND_NEVER)
            break;
    }
    free(ids);
    if (answer == DEPEND_NOW && d->condition == DEPEND_PORT && !port_accepts(d->port))
        answer = DEPEND_LATER;
    return answer;
}
