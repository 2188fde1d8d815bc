/* SPDX-License-Identifier: MIT
 * Probe: a place accepts a connection. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>

#include "base/obj.h"
#include "probe.h"
#include "probe_dial.h"
#include "proc.h"

#define TCP_MAGIC OBJ_MAGIC('P', 'T', 'C', 'P')

struct tcp_probe {
    uint32_t magic;
    struct probe base;
    struct dial dial;
    probe_done_fn *done;
    void *ctx;
};

static void on_tcp_closed(void *ctx)
{
    free(OBJ(ctx, struct tcp_probe, TCP_MAGIC));
}

static void on_tcp_done(void *ctx, const char *error)
{
    struct tcp_probe *t = OBJ(ctx, struct tcp_probe, TCP_MAGIC);
    t->done(t->ctx, error);
    dial_close(&t->dial);
}

static void cancel(struct probe *pr)
{
    struct tcp_probe *t = CONTAINER_OF(pr, struct tcp_probe, base);
    dial_close(&t->dial);
}

struct probe *probe_tcp_start(struct proc *p, const json_t *what, probe_done_fn *done, void *ctx,
                              struct err *e)
{
    char host[DIAL_HOST_MAX];
    unsigned port;
    struct str place = str_from(json_string_value(what));
    if (dial_split(place, 0, host, &port) < 0) {
        err_set(e, -EINVAL, "\"%.*s\" is no host:port", STR_ARG(place));
        return NULL;
    }
    struct tcp_probe *t = calloc(1, sizeof(*t));
    if (!t) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    t->magic = TCP_MAGIC;
    t->base.cancel = cancel;
    t->done = done;
    t->ctx = ctx;
    t->dial = (struct dial){.ctx = t, .done = on_tcp_done, .closed = on_tcp_closed};
    if (dial_start(&t->dial, p->env->loop, host, port, e) < 0) {
        free(t);
        return NULL;
    }
    return &t->base;
}
