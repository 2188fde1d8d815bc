/* SPDX-License-Identifier: MIT
 * What workers say, and what they are answered. Runs in pm2d. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "journal.h"
#include "os/fd.h"
#include "places.h"
#include "primary_priv.h"
#include "reload.h"
#include "json/read.h"

#define GRANT_MAGIC OBJ_MAGIC('G', 'R', 'N', 'T')
#define GRANT_TRIES 4 /* as often as Node sends one */

/* A shared socket on its way to a worker. Its descriptor is our own copy: the gate may be closed
 * meanwhile. */
struct grant {
    uint32_t magic;
    struct chan *chan;
    struct buf line;
    int fd;
    int tries;
};

static enum cluster_dialect dialect_of(const struct worker *w)
{
    return w->is_bun ? CLUSTER_BUN : CLUSTER_NODE;
}

static void report_send(const struct worker *w, int rc)
{
    if (rc < 0)
        log_error("App [%s:%d] cannot be answered on its channel: %s", proc_name(w->run->proc),
                  w->run->proc->id, err_text(rc));
}

/* ---- answers ---- */

static void grant_free(struct grant *g)
{
    fd_close(&g->fd);
    buf_fini(&g->line);
    free(g);
}

static void on_grant_sent(void *ctx, int code)
{
    struct grant *g = OBJ(ctx, struct grant, GRANT_MAGIC);
    if (code == -EMFILE && ++g->tries < GRANT_TRIES &&
        chan_send_handle(g->chan, buf_str(&g->line), g->fd, on_grant_sent, g) == 0)
        return;
    if (code == -EMFILE)
        log_error("a worker has no descriptor left for the socket on which it listens");
    grant_free(g);
}

static int send_grant(struct worker *w, struct buf *line, int fd)
{
    struct grant *g = calloc(1, sizeof(*g));
    if (!g)
        return -ENOMEM;
    g->magic = GRANT_MAGIC;
    g->chan = w->run->chan;
    g->line = *line;
    *line = (struct buf)BUF_INIT;
    g->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int rc =
        g->fd < 0 ? -errno : chan_send_handle(g->chan, buf_str(&g->line), g->fd, on_grant_sent, g);
    if (rc < 0)
        grant_free(g);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): on_grant_sent() frees it */
    return rc;
}

/* `c` NULL: it failed with `code`. */
static void answer_query(struct worker *w, const struct cluster_msg *m, const char *key,
                         const struct claim *c, int code)
{
    AUTO(buf) line = BUF_INIT;
    struct listener_name name = {0};
    const struct gate *g = c ? c->gate : NULL;
    const struct slot *s = g ? c->slot ? c->slot : g->slots[0] : NULL;
    bool with_handle = c && s && c->takes_itself;
    if (s && !with_handle)
        (void)listener_name(&s->socket, &name);
    struct cluster_answer a = {
        .ack = m->seq,
        .key = key,
        .code = code,
        .data = g && g->data ? g->data : m->query.data, /* TLS servers fail without it */
        .with_handle = with_handle,
        .is_udp = s && s->socket.is_udp,
        .address = name.family ? name.address : NULL,
        .family = name.family,
        .port = name.port,
    };
    cluster_write_answer(&line, dialect_of(w), &a, primary_seq(w->owner));
    if (buf_oom(&line))
        report_send(w, -ENOMEM);
    else if (with_handle)
        report_send(w, send_grant(w, &line, s->socket.fd));
    else
        report_send(w, chan_send(w->run->chan, buf_str(&line)));
}

/* ---- listen() ---- */

static void warn_of_strangers(const struct gate *g, const struct proc *p)
{
    const struct proc *other = places_stranger(g, p, false);
    if (other)
        log_warn("App [%s:%d] listens where app %s does (%s): each gets a part of the connections",
                 proc_name(p), p->id, proc_name(other), g->key);
}

/* Whoever does not want to share the place; NULL = nobody. */
static const struct proc *owner_of(const struct gate *g, const struct proc *p)
{
    return places_stranger(g, p, places_may_share(p));
}

/* Open it, or take part in one that is there. NULL with *ret_code. */
static struct gate *gate_of_query(struct worker *w, const struct cluster_query *q, const char *key,
                                  int *ret_code)
{
    const struct proc *p = w->run->proc;
    struct gate *g = gate_find(w->owner, key);
    *ret_code = -EADDRINUSE;
    if (g && (claim_of(g, w) || owner_of(g, p)))
        return NULL;
    if (!g)
        return gate_open(w->owner, key, q, p, ret_code);
    warn_of_strangers(g, p);
    gate_follow(g, p, gate_wish(q, p));
    return g;
}

static struct claim *claim_gate(struct worker *w, const struct cluster_query *q, const char *key,
                                int *ret_code)
{
    struct gate *g = gate_of_query(w, q, key, ret_code);
    if (!g)
        return NULL;
    struct claim *c = claim_add(g, w, ret_code);
    if (!c) {
        if (g->claim_count == 0)
            gate_unclaimed(g, false);
        return NULL;
    }
    enum balance_mode wish = gate_wish(q, w->run->proc);
    c->takes_itself = g->is_group || wish == BALANCE_SHARED || wish == BALANCE_REUSEPORT;
    if (c->takes_itself && !g->slots[0]->socket.is_shared) {
        g->slots[0]->socket.is_shared = true;
        gate_store(g);
    }
    if (!g->data && q->data) {
        g->data = json_incref((json_t *)q->data);
        gate_store(g);
    }
    *ret_code = 0;
    return c;
}

static void report_refusal(const struct worker *w, const struct cluster_query *q, const char *key,
                           int code)
{
    const struct gate *g = gate_find(w->owner, key);
    const struct proc *owner = g && !claim_of(g, w) ? owner_of(g, w->run->proc) : NULL;
    places_refused(w->run->proc, q, owner, code);
}

static void take_query(struct worker *w, const struct cluster_msg *m)
{
    AUTO(buf) key = BUF_INIT;
    struct proc *p = w->run->proc;
    int code;
    if (w->is_leaving) /* Node does not answer either */
        return;
    cluster_key(&m->query, &key);
    struct claim *c = claim_gate(w, &m->query, key.data, &code);
    if (!c)
        report_refusal(w, &m->query, key.data, code);
    journal_state(p->env->journal, p); /* before the answer: the worker will not ask again */
    answer_query(w, m, key.data, c, code);
    if (c)
        handout_serve(c->gate);
}

/* ---- the rest ---- */

static void take_online(struct worker *w, const struct cluster_msg *m)
{
    (void)m;
    if (!w->run->proc->policy.wait_ready)
        proc_ready(w->run->proc);
}

static void take_listening(struct worker *w, const struct cluster_msg *m)
{
    (void)m;
    w->listening++;
    journal_state(w->run->proc->env->journal, w->run->proc);
    reload_listening(w->run->proc);
}

static void take_close(struct worker *w, const struct cluster_msg *m)
{
    struct gate *g = m->key ? gate_find(w->owner, m->key) : NULL;
    struct claim *c = g ? claim_of(g, w) : NULL;
    if (!c || w->is_leaving)
        return;
    if (w->listening > 0)
        w->listening--;
    claim_drop(c, true);
}

static void take_leaving(struct worker *w, const struct cluster_msg *m)
{
    AUTO(buf) line = BUF_INIT;
    w->is_leaving = true;
    cluster_write_left(&line, dialect_of(w), m->seq, primary_seq(w->owner));
    report_send(w, buf_oom(&line) ? -ENOMEM : chan_send(w->run->chan, buf_str(&line)));
}

static void take_reply(struct worker *w, const struct cluster_msg *m)
{
    handout_answer(w, m->ack, m->accepted);
}

typedef void take_fn(struct worker *w, const struct cluster_msg *m);

static take_fn *const takers[] = {
    [CLUSTER_ONLINE] = take_online, [CLUSTER_QUERY] = take_query,
    [CLUSTER_CLOSE] = take_close,   [CLUSTER_LISTENING] = take_listening,
    [CLUSTER_REPLY] = take_reply,   [CLUSTER_LEAVING] = take_leaving,
};

/* listen() would never end without an answer. */
static void refuse(struct worker *w, const json_t *value)
{
    struct cluster_msg m = {0};
    const char *act = json_get_str(value, "act");
    if (!w->has_warned)
        log_warn("App [%s:%d] says what a worker of a cluster does not say; it is ignored",
                 proc_name(w->run->proc), w->run->proc->id);
    w->has_warned = true;
    if (act && strcmp(act, "queryServer") == 0 && json_get_int(value, "seq", &m.seq))
        answer_query(w, &m, "", NULL, -EINVAL);
}

void primary_message(struct run *r, const json_t *value, bool is_bun)
{
    struct cluster_msg m;
    struct worker *w = r->worker;
    if (!w || r->exited)
        return;
    if (is_bun && !w->is_bun) {
        w->is_bun = true;
        journal_state(r->proc->env->journal, r->proc);
    }
    if (!cluster_parse(value, &m))
        refuse(w, value);
    else if ((size_t)m.act < ARRAY_LEN(takers) && takers[m.act])
        takers[m.act](w, &m);
}
