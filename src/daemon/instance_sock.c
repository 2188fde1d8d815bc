/* SPDX-License-Identifier: MIT
 * The instance socket: who is connected, and for whom each connection speaks. Runs in pm2d. */
#include "instance_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "door.h"
#include "instance_priv.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/local_socket.h"
#include "table.h"

#define SOCK_MAGIC     OBJ_MAGIC('I', 'S', 'C', 'K')
#define CONN_PREFIX    "instance.conn." /* in the keeper's store: handle of the run, number */
#define STRANGE_FOR_MS 10000            /* a pid may be somebody else's by then */

struct instance_sock {
    uint32_t magic;
    const struct table *table;
    struct proc_env *env;
    struct door *door;
    struct list strangers; /* the oldest first */
    unsigned stranger_count;
    unsigned conn_count;
    unsigned last_number;
    int spare_fd;    /* given up for a moment to turn a connection away when there are no others */
    bool has_warned; /* that there are none, and there has not been one since */
};

uv_loop_t *instance_sock_loop(const struct instance_sock *s)
{
    return s->env->loop;
}

/* ---- the keeper's copies ---- */

static void stored_name(const struct instance_conn *c, char *ret, size_t size)
{
    snprintf(ret, size, CONN_PREFIX "%llx.%u", (unsigned long long)c->handle, c->number);
}

static void hold(const struct instance_conn *c)
{
    char name[64];
    stored_name(c, name, sizeof(name));
    int rc = link_store(c->owner->env->link, name, chan_channel_fd(c->chan));
    if (rc < 0)
        log_error("the keeper does not hold a connection of an app: %s", err_text(rc));
}

static void hold_all(struct run *r)
{
    if (!r)
        return;
    list_for_each (it, &r->conns)
        hold(LIST_ENTRY(it, struct instance_conn, link));
}

void instance_sock_rehome(struct instance_sock *s)
{
    door_rehome(s->door);
    for (size_t i = 0; i < s->table->count; i++) {
        hold_all(s->table->items[i]->run);
        if (s->table->items[i]->other)
            hold_all(s->table->items[i]->other->run);
    }
}

void instance_sock_forget(struct instance_conn *c)
{
    char name[64];
    c->owner->conn_count--;
    if (!c->run) {
        if (!list_empty(&c->link))
            c->owner->stranger_count--;
        return;
    }
    stored_name(c, name, sizeof(name));
    link_unstore(c->owner->env->link, name);
}

/* ---- for whom it speaks ---- */

static unsigned count_of(const struct list *l)
{
    unsigned n = 0;
    list_for_each (it, l)
        n++;
    return n;
}

/* It is one of the run's from now on. */
static void join(struct instance_conn *c, struct run *r)
{
    struct proc *p = r->proc;
    if (count_of(&r->conns) >= LIMIT_INSTANCE_CONNS) {
        instance_conn_refuse(c, "%s has %d connections already", proc_name(p),
                             LIMIT_INSTANCE_CONNS);
        return;
    }
    if (!list_empty(&c->link)) {
        list_del(&c->link);
        c->owner->stranger_count--;
    }
    list_add_tail(&r->conns, &c->link);
    c->run = r;
    c->handle = r->handle;
    if (instance_conn_open(c) < 0)
        instance_conn_close(c);
    else
        hold(c);
}

static bool is_trusted(const struct instance_conn *c)
{
    return c->kin.uid == geteuid() || c->kin.uid == 0;
}

/* It may still turn out whose it is. Keep it, in the place of the oldest if need be. */
static void wait_for_word(struct instance_conn *c)
{
    struct instance_sock *s = c->owner;
    if (s->stranger_count >= LIMIT_INSTANCE_STRANGERS)
        instance_conn_refuse(LIST_ENTRY(s->strangers.next, struct instance_conn, link),
                             "too many others have not said whose process they are");
    list_add_tail(&s->strangers, &c->link);
    s->stranger_count++;
}

/* Its app may be one whose pid nobody has told us yet. */
static bool may_be_known_soon(const struct instance_conn *c)
{
    return kin_may_come(c->owner->table) && clock_mono_ms() - c->at_ms <= STRANGE_FOR_MS;
}

/* Nobody knows it: one that we trust may say itself whose it is. */
static void ask_or_refuse(struct instance_conn *c)
{
    if (!is_trusted(c))
        instance_conn_refuse(c, "process %d belongs to no app of this pm2", (int)c->kin.pids[0]);
    else if (instance_conn_open(c) < 0)
        instance_conn_close(c);
}

static void look_at(struct instance_conn *c)
{
    struct proc *p = kin_find(c->owner->table, &c->kin);
    if (p)
        join(c, p->run);
    else if (!may_be_known_soon(c))
        ask_or_refuse(c);
}

void instance_sock_introduce(struct instance_conn *c, int id)
{
    struct proc *p = id < 0 ? NULL : table_find((struct table *)c->owner->table, id);
    if (c->run && c->run->proc->id == id)
        return;
    if (c->run)
        instance_conn_refuse(c, "this is a process of %s, %d", proc_name(c->run->proc),
                             c->run->proc->id);
    else if (!p || proc_pid(p) <= 0)
        instance_conn_refuse(c, "process %d %s", id, p ? "is not running" : "is not in the list");
    else
        join(c, p->run);
}

/* ---- connections ---- */

static void take_connection(struct instance_sock *s, int take_fd, pid_t pid, uid_t uid)
{
    struct instance_conn *c = instance_conn_new(s, take_fd);
    if (!c)
        return;
    s->conn_count++;
    c->at_ms = clock_mono_ms();
    c->number = ++s->last_number;
    if (s->conn_count > LIMIT_INSTANCE_ALL) {
        instance_conn_refuse(c, "there are %d connections already", LIMIT_INSTANCE_ALL);
        return;
    }
    kin_look(s->env, pid, uid, &c->kin);
    wait_for_word(c);
    look_at(c);
}

/* Without a descriptor for the next connection it would be there for ever, and so would we. False:
 * there is none (the kernel says EMFILE before it looks). */
static bool turn_away(struct instance_sock *s, int fd)
{
    fd_close(&s->spare_fd);
    int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    bool was_there = conn >= 0;
    fd_close(&conn);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (was_there && !s->has_warned)
        log_error("no descriptor is left for connections of apps: they are turned away");
    s->has_warned = s->has_warned || was_there;
    return was_there;
}

/* False: there is no other one now. */
static bool accept_next(struct instance_sock *s, int fd)
{
    pid_t pid;
    uid_t uid;
    int conn = local_socket_accept(fd, &pid, &uid);
    if (conn == -EMFILE || conn == -ENFILE)
        return turn_away(s, fd);
    if (conn < 0)
        return conn == -ECONNABORTED || conn == -EINTR;
    s->has_warned = false;
    take_connection(s, conn, pid, uid);
    return true;
}

static void on_sock_readable(void *ctx, int fd)
{
    struct instance_sock *s = OBJ(ctx, struct instance_sock, SOCK_MAGIC);
    for (int i = 0; i < LIMIT_INSTANCE_PER_TURN && accept_next(s, fd); i++)
        continue;
}

/* ---- life ---- */

static void on_sock_closed(void *ctx)
{
    struct instance_sock *s = OBJ(ctx, struct instance_sock, SOCK_MAGIC);
    fd_close(&s->spare_fd);
    free(s);
}

static const struct door_kind instance_door = {
    .name = "instance",
    .file = "instance.sock",
    .variable = "PM2_INSTANCE_SOCK",
    .type = SOCK_STREAM,
    .readable = on_sock_readable,
    .closed = on_sock_closed,
};

struct instance_sock *instance_sock_new(const struct table *table, struct proc_env *env)
{
    struct instance_sock *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = SOCK_MAGIC;
    s->table = table;
    s->env = env;
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    list_init(&s->strangers);
    s->door = door_new(&instance_door, env, s);
    if (s->door)
        return s;
    on_sock_closed(s);
    return NULL;
}

void instance_sock_close(struct instance_sock *s, bool for_good)
{
    if (!s)
        return;
    list_for_each_safe (it, next, &s->strangers)
        instance_conn_close(LIST_ENTRY(it, struct instance_conn, link));
    door_close(s->door, for_good);
}

/* ---- recovery ---- */

static bool read_stored_name(struct str name, struct instance_conn *c)
{
    char text[64];
    unsigned long long handle;
    struct str prefix = STR(CONN_PREFIX);
    if (!str_starts(name, prefix) || name.n - prefix.n >= sizeof(text))
        return false;
    memcpy(text, name.p + prefix.n, name.n - prefix.n);
    text[name.n - prefix.n] = '\0';
    if (sscanf(text, "%llx.%u", &handle, &c->number) != 2) /* NOLINT(cert-err34-c): our own text */
        return false;
    c->handle = handle;
    return true;
}

bool instance_sock_take_stored(struct instance_sock *s, struct str name, int take_fd)
{
    struct instance_conn read = {0};
    if (door_take_stored(s->door, name, take_fd))
        return true;
    if (!read_stored_name(name, &read))
        return false;
    struct instance_conn *c = instance_conn_new(s, take_fd);
    if (!c)
        return true;
    c->number = read.number;
    c->handle = read.handle;
    c->is_cut = true;
    s->conn_count++;
    s->stranger_count++;
    list_add_tail(&s->strangers, &c->link);
    if (c->number > s->last_number)
        s->last_number = c->number;
    return true;
}

void instance_sock_recover(struct instance_sock *s)
{
    list_for_each_safe (it, next, &s->strangers) {
        struct instance_conn *c = LIST_ENTRY(it, struct instance_conn, link);
        struct proc *p = table_by_handle(s->table, c->handle);
        if (p && p->run && p->run->handle == c->handle) {
            join(c, p->run);
            continue;
        }
        char name[64];
        stored_name(c, name, sizeof(name));
        link_unstore(s->env->link, name);
        instance_conn_close(c);
    }
}

/* ---- for processes ---- */

int instance_sock_set_variable(struct proc *p, json_t *env)
{
    struct door *d = p->env->instance_sock->door;
    return door_set_variable(d, env, door_address(d, p));
}

void instance_sock_drain(struct run *r)
{
    door_look(r->proc->env->instance_sock->door); /* it may have connected just before its end */
    list_for_each_safe (it, next, &r->conns)
        chan_drain(LIST_ENTRY(it, struct instance_conn, link)->chan);
}

void instance_sock_leave(struct run *r)
{
    list_for_each_safe (it, next, &r->conns)
        instance_conn_close(LIST_ENTRY(it, struct instance_conn, link));
}

static bool has_action(const struct instance_conn *c, const char *action)
{
    return !action || json_object_get(c->actions, action);
}

static bool is_any_with(const struct run *r, const char *action)
{
    list_for_each (it, &r->conns)
        if (has_action(LIST_ENTRY(it, struct instance_conn, link), action))
            return true;
    return false;
}

unsigned instance_sock_send(struct run *r, struct str line, const char *action, int *ret_why)
{
    unsigned sent = 0;
    const char *wanted = is_any_with(r, action) ? action : NULL;
    *ret_why = -ENOTCONN;
    list_for_each (it, &r->conns) {
        struct instance_conn *c = LIST_ENTRY(it, struct instance_conn, link);
        int rc = has_action(c, wanted) ? instance_conn_send(c, line) : 0;
        if (rc < 0)
            *ret_why = rc;
        else
            sent += has_action(c, wanted);
    }
    return sent;
}

void instance_sock_added(struct proc *p)
{
    /* Recovered, by a pm2d that got no socket from its keeper: it knows our address. */
    if (p->run)
        (void)door_address(p->env->instance_sock->door, p);
}

void instance_sock_state(struct proc *p)
{
    struct instance_sock *s = p->env->instance_sock;
    if (s->stranger_count == 0)
        return;
    list_for_each_safe (it, next, &s->strangers) {
        struct instance_conn *c = LIST_ENTRY(it, struct instance_conn, link);
        if (!c->chan)
            look_at(c);
    }
}
