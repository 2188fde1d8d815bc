/* SPDX-License-Identifier: MIT
 * sd_notify: what becomes of a message. Runs in pm2d. */
#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "door.h"
#include "kin.h"
#include "notify_message.h"
#include "notify_receive.h"
#include "os/clock.h"
#include "table.h"

#define NOTIFY_MAGIC  OBJ_MAGIC('N', 'O', 'T', 'I')
#define EARLY_KEPT_MS 10000 /* a pid may be somebody else's by then */

/* What came from a process whose pid nobody has told us yet: the keeper's word and the app's come
 * by different ways. */
struct early {
    struct kin from;
    int64_t at_ms;
    bool is_ready;
    char *status; /* NULL = none */
};

struct notify {
    uint32_t magic;
    const struct table *table;
    struct proc_env *env;
    struct door *door;
    struct early early[LIMIT_NOTIFY_EARLY]; /* oldest first */
    size_t early_count;
};

/* ---- messages ---- */

static void act(struct proc *p, bool is_ready, const char *status)
{
    if (status) {
        char *copy = strdup(status);
        if (copy) {
            free(p->notify_status);
            p->notify_status = copy;
        }
    }
    if (is_ready)
        proc_ready(p);
}

static void drop_early(struct notify *n, size_t at)
{
    free(n->early[at].status);
    n->early_count--;
    memmove(&n->early[at], &n->early[at + 1], (n->early_count - at) * sizeof(n->early[0]));
}

static void keep_for_later(struct notify *n, const struct kin *s, bool is_ready, const char *status)
{
    if (n->early_count == LIMIT_NOTIFY_EARLY)
        drop_early(n, 0);
    n->early[n->early_count++] = (struct early){
        .from = *s,
        .at_ms = clock_mono_ms(),
        .is_ready = is_ready,
        .status = status ? strdup(status) : NULL,
    };
}

static void take_message(struct notify *n, struct str text, pid_t pid, uid_t uid)
{
    struct notify_message m;
    struct kin s;
    notify_message_read(text, &m);
    if (!m.is_ready && !m.has_status)
        return;
    AUTO(buf) status = BUF_INIT;
    if (m.has_status)
        notify_add_shown(&status, m.status, LIMIT_NOTIFY_STATUS_BYTES);
    const char *shown = m.has_status ? status.data : NULL;
    kin_look(n->env, pid, uid, &s);
    struct proc *p = kin_find(n->table, &s);
    if (p)
        act(p, m.is_ready, shown);
    else if (kin_may_come(n->table))
        keep_for_later(n, &s, m.is_ready, shown);
    else
        log_debug("sd_notify: pid %d belongs to no app", (int)pid);
}

/* The pid of an app has become known. */
static void look_at_early(struct notify *n)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < n->early_count;) {
        struct early *e = &n->early[i];
        struct proc *p = kin_find(n->table, &e->from);
        bool is_old = now_ms - e->at_ms > EARLY_KEPT_MS;
        if (!p && !is_old) {
            i++;
            continue;
        }
        struct early taken = *e;
        e->status = NULL;
        drop_early(n, i);
        if (p && !is_old)
            act(p, taken.is_ready, taken.status);
        free(taken.status);
    }
}

/* ---- sockets ---- */

static void on_notify_readable(void *ctx, int fd)
{
    struct notify *n = OBJ(ctx, struct notify, NOTIFY_MAGIC);
    char bytes[LIMIT_NOTIFY_BYTES];
    pid_t pid;
    uid_t uid;
    for (int i = 0; i < LIMIT_NOTIFY_PER_TURN; i++) {
        ssize_t got = notify_receive(fd, bytes, sizeof(bytes), &pid, &uid);
        if (got == -EAGAIN)
            return;
        if (got >= 0)
            take_message(n, (struct str){bytes, (size_t)got}, pid, uid);
        else
            log_debug("sd_notify: a message is ignored: %s", err_text((int)got));
    }
}

static void on_notify_closed(void *ctx)
{
    struct notify *n = OBJ(ctx, struct notify, NOTIFY_MAGIC);
    while (n->early_count > 0)
        drop_early(n, 0);
    free(n);
}

static const struct door_kind notify_door = {
    .name = "notify",
    .file = "notify.sock",
    .variable = "NOTIFY_SOCKET",
    .type = SOCK_DGRAM,
    .readable = on_notify_readable,
    .closed = on_notify_closed,
};

struct notify *notify_new(const struct table *table, struct proc_env *env)
{
    struct notify *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->magic = NOTIFY_MAGIC;
    n->table = table;
    n->env = env;
    n->door = door_new(&notify_door, env, n);
    if (!n->door) {
        free(n);
        return NULL;
    }
    return n;
}

bool notify_take_stored(struct notify *n, struct str name, int take_fd)
{
    return door_take_stored(n->door, name, take_fd);
}

void notify_rehome(struct notify *n)
{
    door_rehome(n->door);
}

void notify_close(struct notify *n, bool for_good)
{
    if (n)
        door_close(n->door, for_good);
}

/* ---- for processes ---- */

int notify_set_variable(struct proc *p, json_t *env)
{
    struct door *d = p->env->notify->door;
    return door_set_variable(d, env, p->policy.wait_ready ? door_address(d, p) : NULL);
}

void notify_added(struct proc *p)
{
    /* Recovered, by a pm2d that got no socket from its keeper: it knows our address. */
    if (p->run && p->policy.wait_ready)
        (void)door_address(p->env->notify->door, p);
}

void notify_state(struct proc *p)
{
    struct notify *n = p->env->notify;
    if (p->sm.state == PROC_SPAWNING) {
        free(p->notify_status);
        p->notify_status = NULL;
    } else if (n->early_count > 0 && proc_pid(p) > 0) {
        look_at_early(n);
    }
}

void notify_removed(struct proc *p)
{
    free(p->notify_status);
    p->notify_status = NULL;
}
