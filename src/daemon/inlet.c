/* SPDX-License-Identifier: MIT
 * The sockets of one address of an app: opened, kept in the kernel's order, steered, closed. Runs
 * in pm2d. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "link.h"
#include "os/fd.h"
#include "os/steer.h"
#include "sockets_priv.h"
#include "table.h"
#include "wire/cluster.h"

static bool is_unix(const struct inlet *in)
{
    return in->at.kind == LISTEN_UNIX;
}

/* ---- inlets ---- */

struct inlet *inlet_find(const struct sockets *ss, const char *text)
{
    list_for_each (it, &ss->inlets) {
        struct inlet *in = LIST_ENTRY(it, struct inlet, link);
        if (strcmp(in->text, text) == 0)
            return in;
    }
    return NULL;
}

void inlet_free(struct inlet *in)
{
    list_del(&in->link);
    free(in->app);
    free(in->ns);
    free(in->text);
    free(in->seats);
    free(in);
}

struct inlet *inlet_new(struct sockets *ss, const char *app, const char *ns, const char *text)
{
    struct inlet *in = calloc(1, sizeof(*in));
    if (!in)
        return NULL;
    in->owner = ss;
    in->app = strdup(app);
    in->ns = strdup(ns);
    in->text = strdup(text);
    list_add_tail(&ss->inlets, &in->link);
    if (in->app && in->ns && in->text && listen_parse(in->text, &in->at, NULL) == 0)
        return in;
    inlet_free(in);
    return NULL;
}

int inlet_rename(struct inlet *in, const char *app, const char *ns)
{
    char *new_app = strdup(app);
    char *new_ns = strdup(ns);
    if (!new_app || !new_ns) {
        free(new_app);
        free(new_ns);
        return -ENOMEM;
    }
    free(in->app);
    free(in->ns);
    in->app = new_app;
    in->ns = new_ns;
    for (size_t i = 0; i < in->count; i++)
        seat_store(in->seats[i]);
    return 0;
}

/* ---- order and direction ---- */

static void listen_at_end(struct inlet *in, size_t at)
{
    struct seat *s = in->seats[at];
    in->seats[at] = in->seats[in->count - 1]; /* as the kernel did when it ended */
    in->seats[in->count - 1] = s;
    if (listen(s->socket.fd, SOMAXCONN) < 0)
        log_error("%s: cannot listen again: %s", in->text, err_text(errno));
}

static bool is_dead(const struct seat *s)
{
    return !steer_is_listening(s->socket.fd);
}

/* The one that lives, if any, is the first of the group; the others follow as they listen again. */
static void listen_behind(struct inlet *in)
{
    for (size_t i = 1; i < in->count; i++) {
        if (is_dead(in->seats[i]))
            continue;
        struct seat *s = in->seats[i];
        in->seats[i] = in->seats[0];
        in->seats[0] = s;
    }
    for (size_t i = 0; i < in->count; i++)
        if (is_dead(in->seats[i]))
            (void)listen(in->seats[i]->socket.fd, SOMAXCONN);
    in->is_unordered = false;
}

void inlet_mend(struct inlet *in)
{
    size_t dead = 0;
    for (size_t i = 0; !is_unix(in) && i < in->count; i++)
        dead += is_dead(in->seats[i]);
    if (dead == 0)
        return;
    log_info("%s: app \"%s\" has shut a socket down: it listens again", in->text, in->app);
    if (in->count - dead <= 1) {
        listen_behind(in);
    } else {
        in->is_unordered = in->is_unordered || dead > 1; /* which one was the first to end? */
        for (size_t i = in->count; i-- > 0;)
            if (is_dead(in->seats[i]))
                listen_at_end(in, i);
    }
    for (size_t i = 0; i < in->count; i++)
        seat_store(in->seats[i]);
}

static bool is_current(const struct seat *s)
{
    return s->proc && s->side == s->proc->slot;
}

bool seat_is_up(const struct seat *s)
{
    return is_current(s) && s->run && !s->is_leaving && s->proc->sm.state == PROC_ONLINE;
}

static size_t list_active(const struct inlet *in, bool (*is_active)(const struct seat *s),
                          unsigned *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < in->count && n < LIMIT_STEER_SOCKETS; i++)
        if (is_active(in->seats[i]))
            ret[n++] = (unsigned)i;
    return n;
}

static void direct(const struct inlet *in, const unsigned *active, size_t n)
{
    int rc = steer_set(in->seats[0]->socket.fd, active, n);
    if (rc < 0)
        log_error("%s: new connections cannot be directed: %s", in->text, err_text(rc));
}

/* With `may_spread`, when all are active, the kernel's hash does it; else one that begins to listen
 * now gets nothing before the next call. */
static void steer(struct inlet *in, bool may_spread)
{
    unsigned active[LIMIT_STEER_SOCKETS];
    if (is_unix(in) || in->count == 0)
        return;
    inlet_mend(in);
    size_t n = list_active(in, seat_is_up, active);
    if (n == 0)
        n = list_active(in, is_current, active);
    if ((n == in->count && may_spread) || in->is_unordered)
        n = 0;
    direct(in, active, n);
}

/* The socket at this place will end, and the last one be there instead. Until we can say so, new
 * connections go to others, whose places stay what they are. */
static void steer_around(struct inlet *in, size_t at)
{
    unsigned active[LIMIT_STEER_SOCKETS];
    size_t kept = 0;
    if (is_unix(in) || in->is_unordered)
        return;
    size_t n = list_active(in, seat_is_up, active);
    for (size_t i = 0; i < n; i++)
        if (active[i] != at && active[i] != in->count - 1)
            active[kept++] = active[i];
    if (kept > 0)
        direct(in, active, kept);
}

void inlet_steer(struct inlet *in)
{
    steer(in, true);
}

/* ---- opening ---- */

/* As a worker of Node's would ask for it. */
static struct cluster_query query_of(const struct listen_address *at, const char *path)
{
    static const enum cluster_type types[] = {
        [LISTEN_ANY] = CLUSTER_TCP4, /* any address: of both families */
        [LISTEN_V4] = CLUSTER_TCP4,
        [LISTEN_V6] = CLUSTER_TCP6,
        [LISTEN_UNIX] = CLUSTER_UNIX,
    };
    struct cluster_query q = {.type = types[at->kind], .port = at->port, .fd = -1};
    q.address = path ? path : at->kind == LISTEN_ANY ? NULL : at->host;
    return q;
}

static int open_alone(struct sockets *ss, const struct listen_address *at, const char *path,
                      struct listener *ret)
{
    const struct cluster_query q = query_of(at, path);
    uint32_t app_umask;
    uint64_t unused;
    link_app_world(ss->env->link, &app_umask, &unused);
    return listener_open(&q, (mode_t)app_umask, ret);
}

int inlet_probe(struct sockets *ss, const struct listen_address *at, struct listener *ret,
                struct err *e)
{
    int rc = open_alone(ss, at, at->path, ret);
    return rc < 0 ? sockets_explain(ss, at, rc, e) : 0;
}

bool inlet_has_stray(const struct sockets *ss, const char *app, const char *ns)
{
    const struct table *t = ss->table;
    for (size_t i = 0; i < t->count; i++) {
        const struct proc *p = t->items[i];
        if (p->run && p->run->adopted && strcmp(proc_name(p), app) == 0 &&
            strcmp(proc_namespace(p), ns) == 0)
            return true;
    }
    return false;
}

static int open_tcp(struct inlet *in, struct listener *ret)
{
    const struct cluster_query q = query_of(&in->at, NULL);
    if (in->count > 0)
        return listener_open_beside(&in->seats[0]->socket, 0, ret);
    int rc = listener_open_first(&q, ret);
    if (rc != -EADDRINUSE || !inlet_has_stray(in->owner, in->app, in->ns))
        return rc;
    in->is_unordered = true;
    return listener_open_anyway(&q, ret);
}

/* Another name for the same socket. */
static int share(const struct seat *of, struct listener *ret)
{
    *ret = of->socket;
    ret->path = of->socket.path ? strdup(of->socket.path) : NULL;
    ret->fd = fcntl(of->socket.fd, F_DUPFD_CLOEXEC, 0);
    if (ret->fd >= 0 && (ret->path || !of->socket.path))
        return 0;
    int rc = ret->fd < 0 ? -errno : -ENOMEM;
    listener_release(ret);
    return rc;
}

/* Of another process, which goes on with it; or of this one, which is about to replace it. */
static struct seat *unix_seat(const struct inlet *in, const struct proc *p, bool of_others)
{
    for (size_t i = 0; i < in->count; i++) {
        struct seat *s = in->seats[i];
        bool counts = !s->proc || s->side == s->proc->slot;
        if ((s->proc != p) == of_others && counts && !seat_is_broken(s))
            return s;
    }
    return NULL;
}

static int open_unix(struct inlet *in, const struct proc *p, struct listener *ret)
{
    char beside[LIMIT_SOCKET_PATH + 1];
    const struct seat *other = unix_seat(in, p, true);
    const struct seat *own = unix_seat(in, p, false);
    if (other)
        return share(other, ret);
    if (!own)
        return open_alone(in->owner, &in->at, in->at.path, ret);
    if (snprintf(beside, sizeof(beside), "%s.%d", in->at.path, p->id) >= (int)sizeof(beside))
        return share(own, ret);
    return open_alone(in->owner, &in->at, beside, ret);
}

/* ---- seats ---- */

struct seat *seat_find(const struct inlet *in, const struct proc *p, unsigned side)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->seats[i]->proc == p && in->seats[i]->side == side)
            return in->seats[i];
    return NULL;
}

static bool make_room(struct inlet *in)
{
    if (in->count < in->cap)
        return true;
    size_t cap = in->cap ? in->cap * 2 : 4;
    struct seat **seats = realloc(in->seats, cap * sizeof(struct seat *));
    if (!seats)
        return false;
    in->seats = seats;
    in->cap = cap;
    return true;
}

struct seat *seat_add(struct inlet *in, int pm_id, unsigned side, struct listener *take_socket)
{
    struct seat *s = make_room(in) ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        listener_release(take_socket);
        return NULL;
    }
    s->inlet = in;
    s->pm_id = pm_id;
    s->side = side;
    s->socket = *take_socket;
    in->seats[in->count++] = s;
    in->owner->seat_count++;
    return s;
}

struct seat *seat_open(struct inlet *in, struct proc *p, unsigned side, struct err *e)
{
    struct listener socket = {.fd = -1};
    int rc = -EMFILE;
    steer(in, false);
    if (in->owner->seat_count < LIMIT_SEATS)
        rc = is_unix(in) ? open_unix(in, p, &socket) : open_tcp(in, &socket);
    if (rc < 0) {
        sockets_explain(in->owner, &in->at, rc, e);
        return NULL;
    }
    struct seat *s = seat_add(in, p->id, side, &socket);
    if (!s) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    s->proc = p;
    seat_store(s);
    return s;
}

static bool is_same_socket(const struct seat *a, const struct seat *b)
{
    struct stat sa, sb;
    return fstat(a->socket.fd, &sa) == 0 && fstat(b->socket.fd, &sb) == 0 && sa.st_ino == sb.st_ino;
}

bool seat_is_shared(const struct seat *s)
{
    const struct inlet *in = s->inlet;
    for (size_t i = 0; is_unix(in) && i < in->count; i++)
        if (in->seats[i] != s && is_same_socket(s, in->seats[i]))
            return true;
    return false;
}

static size_t place_of(const struct seat *s)
{
    size_t at = 0;
    while (s->inlet->seats[at] != s)
        at++;
    return at;
}

/* As the kernel does with the group when one of it ends. */
void seat_close(struct seat *s, bool for_good)
{
    struct inlet *in = s->inlet;
    size_t at = place_of(s);
    if (for_good)
        steer_around(in, at);
    if (for_good && !seat_is_shared(s))
        listener_close(&s->socket);
    else
        listener_release(&s->socket);
    struct seat *last = in->seats[--in->count];
    in->seats[at] = last;
    in->owner->seat_count--;
    if (for_good) {
        inlet_steer(in);
        seat_unstore(s);
    }
    if (for_good && last != s)
        seat_store(last);
    free(s->stored_as);
    free(s);
}

/* The end of a UNIX socket cannot be undone, and its file may have been removed by anybody. */
bool seat_is_broken(const struct seat *s)
{
    struct pollfd p = {.fd = s->socket.fd, .events = POLLRDHUP};
    if (!is_unix(s->inlet))
        return false;
    if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLRDHUP)))
        return true;
    struct file_id now = file_id_at(s->socket.path);
    return now.inode != s->socket.own.inode || now.device != s->socket.own.device;
}

void seat_unpark(struct seat *s)
{
    const char *path = s->inlet->at.path;
    if (!is_unix(s->inlet) || strcmp(s->socket.path, path) == 0)
        return;
    char *copy = strdup(path);
    if (!copy || rename(s->socket.path, path) < 0) {
        log_error("%s cannot become %s: %s", s->socket.path, path,
                  copy ? err_text(errno) : "out of memory");
        free(copy);
        return;
    }
    free(s->socket.path);
    s->socket.path = copy;
    seat_store(s);
}
