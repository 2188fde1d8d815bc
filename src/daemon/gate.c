/* SPDX-License-Identifier: MIT
 * Gates: the sockets of cluster apps, and the name under which the keeper holds each. Runs in pm2d.
 *
 * Name: "cluster" and an object: {"key":K,"udp":B,"shared":B,"app":A,"path":P,"dev":N,"ino":N,
 * "data":D}. It says all that cannot be asked of the socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"
#include "primary_priv.h"
#include "json/read.h"
#include "json/write.h"

#define STORED_PREFIX "cluster"

struct gate *gate_find(struct primary *pr, const char *key)
{
    list_for_each (it, &pr->gates) {
        struct gate *g = LIST_ENTRY(it, struct gate, link);
        if (strcmp(g->key, key) == 0)
            return g;
    }
    return NULL;
}

static void gate_free(struct gate *g)
{
    json_decref(g->data);
    free(g->claims);
    free(g->stored_as);
    free(g->key);
    free(g->app);
    free(g);
}

static void on_gate_closed(uv_handle_t *h)
{
    gate_free(OBJ(h->data, struct gate, GATE_MAGIC));
}

/* On the loop with it. On failure everything is the caller's still. */
static struct gate *gate_new(struct primary *pr, const char *key, const char *app,
                             const struct listener *socket)
{
    struct gate *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->magic = GATE_MAGIC;
    g->owner = pr;
    g->key = strdup(key);
    g->app = strdup(app);
    g->socket = *socket;
    list_init(&g->link);
    list_init(&g->waiting);
    list_init(&g->flying);
    if (!g->key || !g->app || uv_poll_init(pr->env->loop, &g->poll, socket->fd) < 0) {
        gate_free(g);
        return NULL;
    }
    g->poll.data = g;
    list_add_tail(&pr->gates, &g->link);
    pr->gate_count++;
    return g;
}

/* ---- in the keeper ---- */

static void write_name(const struct gate *g, bool with_data, struct buf *out)
{
    buf_add_c(out, STORED_PREFIX);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "key", g->key);
    jw_kbool(&w, "udp", g->socket.is_udp);
    jw_kbool(&w, "shared", g->socket.is_shared);
    jw_kstr(&w, "app", g->app);
    if (g->socket.path) {
        jw_kstr(&w, "path", g->socket.path);
        jw_kint(&w, "dev", (int64_t)g->socket.own.device);
        jw_kint(&w, "ino", (int64_t)g->socket.own.inode);
    }
    if (g->data && with_data)
        jw_kdom(&w, "data", g->data);
    jw_obj_end(&w);
}

static void unstore(struct gate *g)
{
    if (g->stored_as)
        link_unstore(g->owner->env->link, g->stored_as);
    free(g->stored_as);
    g->stored_as = NULL;
}

void gate_store(struct gate *g)
{
    AUTO(buf) name = BUF_INIT;
    write_name(g, true, &name);
    if (name.len > LIMIT_LINK_NOTE_BYTES) {
        buf_clear(&name);
        write_name(g, false, &name);
    }
    int rc = buf_oom(&name) ? -ENOMEM : link_store(g->owner->env->link, name.data, g->socket.fd);
    if (rc < 0) {
        log_error("the keeper does not hold %s: %s", g->key, err_text(rc));
        return;
    }
    if (g->stored_as && strcmp(g->stored_as, name.data) != 0)
        unstore(g);
    free(g->stored_as);
    g->stored_as = buf_detach(&name);
}

static void read_path(struct listener *l, const json_t *about)
{
    int64_t number;
    const char *path = json_get_str(about, "path");
    if (!path)
        return;
    l->path = strdup(path);
    if (json_get_int(about, "dev", &number))
        l->own.device = (dev_t)number;
    if (json_get_int(about, "ino", &number))
        l->own.inode = (ino_t)number;
}

bool gate_adopt(struct primary *pr, struct str name, int take_fd)
{
    struct str rest = name;
    if (!str_starts(name, STR(STORED_PREFIX "{")))
        return false;
    rest.p += sizeof(STORED_PREFIX) - 1;
    rest.n -= sizeof(STORED_PREFIX) - 1;
    AUTO_JSON about = json_read(rest, NULL);
    const char *key = json_get_str(about, "key");
    const char *app = json_get_str(about, "app");
    struct listener l = {.fd = take_fd, .is_udp = json_get_bool(about, "udp", false)};
    read_path(&l, about);
    struct gate *g = key && app && !gate_find(pr, key) ? gate_new(pr, key, app, &l) : NULL;
    if (!g) {
        log_error("what the keeper holds as %.*s cannot be used", STR_ARG(name));
        listener_release(&l);
        return true;
    }
    g->socket.is_shared = json_get_bool(about, "shared", false);
    g->data = json_incref(json_object_get(about, "data"));
    g->stored_as = strndup(name.p, name.n);
    return true;
}

/* ---- life ---- */

/* What the app wants, as Node's own primary would read it. */
static bool wants_shared(const struct cluster_query *q, const struct proc *p)
{
    const json_t *env = json_object_get(p->conf, "env");
    const char *policy = json_get_str(env, "NODE_CLUSTER_SCHED_POLICY");
    return q->type == CLUSTER_UDP4 || q->type == CLUSTER_UDP6 || q->shared_only ||
           (policy && strcmp(policy, "none") == 0);
}

struct gate *gate_open(struct primary *pr, const char *key, const struct cluster_query *q,
                       const struct proc *for_whom, int *ret_code)
{
    struct listener l;
    uint32_t app_umask;
    uint64_t unused;
    *ret_code = -EMFILE;
    if (pr->gate_count >= LIMIT_GATES)
        return NULL;
    link_app_world(pr->env->link, &app_umask, &unused);
    *ret_code = listener_open(q, (mode_t)app_umask, &l);
    if (*ret_code < 0)
        return NULL;
    struct gate *g = gate_new(pr, key, proc_name(for_whom), &l);
    if (!g) {
        listener_close(&l);
        *ret_code = -ENOMEM;
        return NULL;
    }
    g->socket.is_shared = wants_shared(q, for_whom);
    g->data = json_incref((json_t *)q->data);
    gate_store(g);
    return g;
}

/* A socket that is shared is not ended by us, and its port is free only when the keeper and all
 * workers have closed their copies. For a worker that closes and listens again it is kept. */
void gate_unclaimed(struct gate *g, bool may_return)
{
    if (!may_return || !g->socket.is_shared) {
        gate_close(g, true);
        return;
    }
    g->idle_since_ms = clock_mono_ms();
    primary_sweep_later(g->owner);
}

void gate_close(struct gate *g, bool for_good)
{
    list_del(&g->link);
    g->owner->gate_count--;
    handout_forget(g);
    uv_close((uv_handle_t *)&g->poll, on_gate_closed);
    /* At once, not when the handle is closed: the app may ask for the same port again. */
    if (!for_good) {
        listener_release(&g->socket);
        return;
    }
    unstore(g);
    listener_close(&g->socket);
}
