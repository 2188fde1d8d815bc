/* SPDX-License-Identifier: MIT
 * Which process has which sockets, and from when to when. Runs in pm2d. */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/sockowner.h"
#include "os/steer.h"
#include "os/users.h"
#include "primary.h"
#include "sockets_priv.h"
#include "table.h"
#include "json/read.h"

#define LISTEN_FDS_START 3

static bool is_of(const struct inlet *in, const struct proc *p)
{
    return strcmp(in->app, proc_name(p)) == 0 && strcmp(in->ns, proc_namespace(p)) == 0;
}

/* ---- what is said when an address cannot be had ---- */

static const struct proc *proc_of_pid(const struct table *t, pid_t pid)
{
    for (size_t i = 0; i < t->count; i++)
        if (proc_pid(t->items[i]) == pid)
            return t->items[i];
    return NULL;
}

/* An app of ours that has the port, in whatever way. */
static const char *app_on_port(const struct sockets *ss, int port)
{
    list_for_each (it, &ss->inlets) {
        const struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        if (in->at.port == port && in->count > 0)
            return in->app;
    }
    return primary_app_on_port(ss->env->primary, port);
}

static int explain_in_use(const struct sockets *ss, const struct listen_address *at,
                          const char *text, struct err *e)
{
    struct sockowner o;
    char user[64];
    const char *app = at->port ? app_on_port(ss, at->port) : NULL;
    bool found = !app && sockowner_find((uint16_t)at->port, at->path, &o);
    const struct proc *p = found ? proc_of_pid(ss->table, o.pid) : NULL;
    if (app || p)
        return err_set(e, -EADDRINUSE, "listen %s: in use by app \"%s\"", text,
                       app ? app : proc_name(p));
    if (found) {
        users_name(o.uid, user, sizeof(user));
        return err_set(e, -EADDRINUSE, "listen %s: in use by process %d (%s) of user %s", text,
                       (int)o.pid, o.command, user);
    }
    if (at->path)
        return err_set(e, -EADDRINUSE,
                       "listen %s: something is there that is no socket of a dead process", text);
    return err_set(e, -EADDRINUSE,
                   "listen %s: in use by a process that this user must not look into", text);
}

int sockets_explain(const struct sockets *ss, const struct listen_address *at, int code,
                    struct err *e)
{
    AUTO(buf) plain = BUF_INIT;
    listen_write(at, &plain);
    const char *text = buf_oom(&plain) ? "" : plain.data;
    if (code == -EADDRINUSE)
        return explain_in_use(ss, at, text, e);
    if (code == -EACCES && at->port)
        return err_set(e, code,
                       "listen %s: ports below net.ipv4.ip_unprivileged_port_start (1024) are for "
                       "root, or need CAP_NET_BIND_SERVICE for pm2",
                       text);
    if (code == -EADDRNOTAVAIL)
        return err_set(e, code, "listen %s: this machine does not have the address", text);
    if (code == -EMFILE)
        return err_set(e, code, "listen %s: no more descriptors (the limit of apps is %d sockets)",
                       text, LIMIT_SEATS);
    return err_set(e, code, "listen %s: %s", text, err_text(code));
}

/* ---- whose an address is ---- */

static int refuse_owned(const struct inlet *in, struct err *e)
{
    return err_set(e, -EADDRINUSE, "listen %s: in use by app \"%s\"", in->text, in->app);
}

static bool has_part(const struct inlet *in, const struct proc *p)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->seats[i]->proc == p)
            return true;
    return false;
}

/* All processes that have a part in it are called otherwise now. */
static bool was_renamed(const struct inlet *in, const struct proc *p)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct proc *owner = in->seats[i]->proc;
        if (!owner || strcmp(proc_name(owner), proc_name(p)) != 0 ||
            strcmp(proc_namespace(owner), proc_namespace(p)) != 0)
            return false;
    }
    return in->count > 0;
}

/* The inlet for one address of a process: there already, or new and without seats. */
static struct inlet *inlet_for(struct sockets *ss, const struct proc *p, const char *text,
                               struct err *e)
{
    struct inlet *in = inlet_find(ss, text);
    if (!in) {
        in = inlet_new(ss, proc_name(p), proc_namespace(p), text);
    } else if (!is_of(in, p) && was_renamed(in, p)) {
        if (inlet_rename(in, proc_name(p), proc_namespace(p)) < 0)
            in = NULL;
    } else if (!is_of(in, p) && !has_part(in, p->lead ? p->lead : p)) {
        refuse_owned(in, e);
        return NULL;
    }
    if (!in)
        err_set(e, -ENOMEM, "out of memory");
    return in;
}

static int check_one(struct sockets *ss, const char *text, const char *app, const char *ns,
                     struct listener *ret, struct err *e)
{
    struct listen_address at;
    const struct inlet *in = inlet_find(ss, text);
    if (in)
        return strcmp(in->app, app) == 0 && strcmp(in->ns, ns) == 0 ? 0 : refuse_owned(in, e);
    int rc = listen_parse(text, &at, e);
    if (rc == 0)
        rc = inlet_probe(ss, &at, ret, e);
    return rc == -EADDRINUSE && inlet_has_stray(ss, app, ns) ? 0 : rc;
}

int sockets_check(struct sockets *ss, const json_t *conf, const struct proc *p, struct err *e)
{
    struct listener probes[LIMIT_LISTEN];
    size_t n = listen_count(conf);
    const char *app = json_get_str(conf, "name");
    const char *ns = json_get_str(conf, "namespace");
    int rc = 0;
    if (!ss || n == 0)
        return 0;
    if (n > LIMIT_LISTEN)
        return err_set(e, -EINVAL, "\"listen\" has more than %d addresses", LIMIT_LISTEN);
    for (size_t i = 0; i < n; i++)
        probes[i] = (struct listener){.fd = -1};
    /* All at once: two of them may exclude each other. */
    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *text = listen_text(conf, i);
        const struct inlet *in = p ? inlet_find(ss, text) : NULL;
        if (!in || !has_part(in, p))
            rc = check_one(ss, text, app ? app : "", ns ? ns : "default", &probes[i], e);
    }
    for (size_t i = 0; i < n; i++)
        listener_close(&probes[i]);
    return rc;
}

/* ---- what is to be there ---- */

static bool lists(const struct proc *p, const char *text)
{
    for (size_t i = 0; i < listen_count(p->conf); i++)
        if (strcmp(listen_text(p->conf, i), text) == 0)
            return true;
    return false;
}

static bool is_needed(const struct seat *s)
{
    const struct proc *p = s->proc;
    if (s->run)
        return true;
    return p && s->side == p->slot && p->sm.goal == GOAL_UP && p->sm.state != PROC_STOPPED &&
           p->sm.state != PROC_ERRORED && lists(p, s->inlet->text);
}

/* Close what nobody needs. True when the inlet is gone. */
static bool tidy(struct inlet *in)
{
    bool had_some = in->count > 0;
    for (size_t i = in->count; i-- > 0;)
        if (!is_needed(in->seats[i]))
            seat_close(in->seats[i], true);
    if (in->count > 0)
        return false;
    if (had_some)
        log_info("app \"%s\" does not listen on %s any more", in->app, in->text);
    inlet_free(in);
    return true;
}

/* After anything that happened to a process, a switch of its generations among it. */
static void settle(struct sockets *ss, const struct proc *p)
{
    list_for_each_safe (it, next, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        if ((!has_part(in, p) && in->count > 0) || tidy(in))
            continue;
        for (size_t i = 0; i < in->count; i++)
            if (in->seats[i]->proc == p && in->seats[i]->side == p->slot)
                seat_unpark(in->seats[i]);
        inlet_steer(in);
    }
}

/* ---- runs ---- */

static struct seat *seat_of(const struct inlet *in, const struct run *r)
{
    return seat_find(in, proc_lead(r->proc), r->proc->slot);
}

static struct seat *take_seat(struct inlet *in, struct run *r, struct err *e)
{
    struct seat *s = seat_of(in, r);
    if (s && seat_is_broken(s)) {
        seat_close(s, true);
        s = NULL;
    }
    if (!s)
        s = seat_open(in, proc_lead(r->proc), r->proc->slot, e);
    if (!s)
        return NULL;
    s->run = r;
    s->is_leaving = false;
    if (in->at.kind != LISTEN_UNIX || in->count == 1) /* else others may rely on what is set */
        (void)fd_set_nonblock(s->socket.fd, false);
    return s;
}

int sockets_for_spawn(struct run *r, int *ret, struct err *e)
{
    struct proc *p = r->proc;
    struct sockets *ss = p->env->sockets;
    size_t n = listen_count(p->conf);
    if (!ss || n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct inlet *in = inlet_for(ss, p, listen_text(p->conf, i), e);
        struct seat *s = in ? take_seat(in, r, e) : NULL;
        if (!s)
            return e->code < 0 ? e->code : -EINVAL;
        inlet_mend(in);
        ret[i] = s->socket.fd;
    }
    return (int)n;
}

void sockets_gone(struct run *r)
{
    struct sockets *ss = r->proc->env->sockets;
    bool had_some = false;
    leave_cancel(r);
    if (!ss)
        return;
    list_for_each (it, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        for (size_t i = 0; i < in->count; i++) {
            if (in->seats[i]->run != r)
                continue;
            in->seats[i]->run = NULL;
            in->seats[i]->is_leaving = false;
            had_some = true;
        }
    }
    if (had_some)
        settle(ss, proc_lead(r->proc));
}

void sockets_retire(struct run *r)
{
    struct sockets *ss = r->proc->env->sockets;
    if (!ss)
        return;
    list_for_each (it, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        struct seat *s = seat_of(in, r);
        if (!s || s->run != r || s->is_leaving)
            continue;
        s->is_leaving = true;
        inlet_steer(in);
    }
}

bool sockets_has_any(const struct run *r)
{
    const struct sockets *ss = r->proc->env->sockets;
    if (!ss)
        return false;
    list_for_each (it, &ss->inlets) {
        const struct seat *s = seat_of(LIST_ENTRY(it, struct inlet, link), r);
        if (s && s->run == r)
            return true;
    }
    return false;
}

bool sockets_has_relief(const struct run *r)
{
    const struct sockets *ss = r->proc->env->sockets;
    if (!ss)
        return false;
    list_for_each (it, &ss->inlets) {
        const struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        const struct seat *s = seat_of(in, r);
        bool has_one = !s || in->at.kind == LISTEN_UNIX;
        for (size_t i = 0; i < in->count; i++)
            has_one = has_one || seat_is_up(in->seats[i]);
        if (!has_one)
            return false;
    }
    return true;
}

/* One that others have, too, does not count: they accept what waits there. */
bool sockets_has_waiting(const struct run *r)
{
    const struct sockets *ss = r->proc->env->sockets;
    if (!ss)
        return false;
    list_for_each (it, &ss->inlets) {
        const struct seat *s = seat_of(LIST_ENTRY(it, struct inlet, link), r);
        bool counts = s && s->run == r && !seat_is_shared(s);
        struct pollfd p = {.fd = counts ? s->socket.fd : -1, .events = POLLIN};
        if (counts && poll(&p, 1, 0) == 1 && (p.revents & POLLIN))
            return true;
    }
    return false;
}

/* ---- processes ---- */

void sockets_state(struct proc *p)
{
    if (p->env->sockets && !list_empty(&p->env->sockets->inlets))
        settle(p->env->sockets, proc_lead(p));
}

void sockets_removed(struct proc *p)
{
    struct sockets *ss = p->env->sockets;
    if (!ss || p->lead) /* an other generation has what its run has */
        return;
    list_for_each_safe (it, next, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        bool had_some = has_part(in, p);
        for (size_t i = in->count; i-- > 0;)
            if (in->seats[i]->proc == p)
                seat_close(in->seats[i], true);
        if (had_some && !tidy(in))
            inlet_steer(in);
    }
}

/* ---- the whole ---- */

struct sockets *sockets_new(struct proc_env *env, const struct table *table)
{
    struct sockets *ss = calloc(1, sizeof(*ss));
    if (!ss)
        return NULL;
    ss->env = env;
    ss->table = table;
    list_init(&ss->inlets);
    return ss;
}

bool sockets_take_stored(struct sockets *ss, struct str name, int take_fd)
{
    return inlet_adopt(ss, name, take_fd);
}

static void find_owners(struct inlet *in)
{
    for (size_t i = 0; i < in->count; i++) {
        struct seat *s = in->seats[i];
        struct proc *p = table_find(in->owner->table, s->pm_id);
        s->proc = p && lists(p, in->text) ? p : NULL;
    }
}

static int port_of(int fd)
{
    struct sockaddr_storage any = {0};
    socklen_t size = sizeof(any);
    if (getsockname(fd, (struct sockaddr *)&any, &size) < 0)
        return -1;
    if (any.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&any)->sin_port);
    return any.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&any)->sin6_port) : 0;
}

/* Nobody but the process itself has its sockets any more: pm2d and its keeper both died. In which
 * order they are in their group cannot be known. */
static void take_back(struct sockets *ss, struct run *r, size_t i)
{
    struct proc *p = proc_lead(r->proc);
    const char *text = listen_text(r->proc->conf, i);
    struct inlet *in = inlet_find(ss, text);
    if (in && (!is_of(in, p) || seat_of(in, r)))
        return;
    struct listener l = {.fd = pidfd_take_fd(r->pidfd, LISTEN_FDS_START + (int)i)};
    struct listen_address at;
    if (l.fd < 0 || listen_parse(text, &at, NULL) < 0 || !steer_is_listening(l.fd) ||
        port_of(l.fd) != at.port) {
        fd_close(&l.fd);
        log_warn("App [%s:%d] its socket on %s is its own from here on, until it is restarted",
                 proc_name(p), p->id, text);
        return;
    }
    if (at.path) {
        l.path = strdup(at.path);
        l.own = file_id_at(at.path);
    }
    if (!in)
        in = inlet_new(ss, proc_name(p), proc_namespace(p), text);
    struct seat *s = in ? seat_add(in, p->id, r->proc->slot, &l) : NULL;
    if (!s) {
        listener_release(&l);
        return;
    }
    s->proc = p;
    in->is_unordered = true;
    seat_store(s);
}

/* A run that was found again. */
static void attach(struct sockets *ss, struct run *r)
{
    for (size_t i = 0; r && r->adopted && i < listen_count(r->proc->conf); i++)
        take_back(ss, r, i);
    for (struct list *it = ss->inlets.next; r && it != &ss->inlets; it = it->next) {
        struct seat *s = seat_of(LIST_ENTRY(it, struct inlet, link), r);
        if (s)
            s->run = r;
    }
}

void sockets_recover(struct sockets *ss)
{
    list_for_each (it, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        inlet_sort(in);
        find_owners(in);
    }
    for (size_t i = 0; i < ss->table->count; i++) {
        const struct proc *p = ss->table->items[i];
        attach(ss, p->run);
        if (p->other)
            attach(ss, p->other->run);
    }
    list_for_each_safe (it, next, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        if (!tidy(in))
            inlet_steer(in);
    }
}

void sockets_rehome(struct sockets *ss)
{
    list_for_each (it, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        for (size_t i = 0; i < in->count; i++)
            seat_store(in->seats[i]);
    }
}

void sockets_close(struct sockets *ss, bool for_good)
{
    if (!ss)
        return;
    ss->env->sockets = NULL;
    list_for_each_safe (it, next, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        while (in->count > 0)
            seat_close(in->seats[in->count - 1], for_good);
        inlet_free(in);
    }
    free(ss);
}
