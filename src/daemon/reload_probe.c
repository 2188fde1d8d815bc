/* SPDX-License-Identifier: MIT
 * Asking a successor how it is. Runs in pm2d. */
#include "reload_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "base/err.h"
#include "base/obj.h"
#include "os/fd.h"
#include "primary.h"
#include "probe.h"
#include "probe_http_text.h"
#include "proc.h"
#include "json/read.h"

#define PROBE_MAGIC OBJ_MAGIC('R', 'P', 'R', 'B')
#define AGAIN_MS    200
#define TIMEOUT_MS  5000

struct reload_probe {
    uint32_t magic;
    struct proc *other;
    void (*done)(void *ctx); /* NULL once called, or cancelled */
    void *ctx;
    int64_t timeout_ms;
    struct probe *probe; /* under way */
    uv_timer_t timer;    /* to the next one, or to the end of this one's time */
    struct err why;      /* it has not succeeded */
};

static const json_t *url_of(const struct proc *other)
{
    return json_object_get(json_object_get(other->conf, "health"), "http");
}

bool reload_probe_is_for(const struct proc *other)
{
    return proc_is_cluster(other) && json_is_string(url_of(other));
}

static void on_probe_closed(uv_handle_t *t)
{
    free(OBJ(t->data, struct reload_probe, PROBE_MAGIC));
}

void reload_probe_cancel(struct reload_probe *rp)
{
    if (!rp || uv_is_closing((uv_handle_t *)&rp->timer))
        return;
    rp->done = NULL;
    probe_cancel(rp->probe);
    rp->probe = NULL;
    uv_close((uv_handle_t *)&rp->timer, on_probe_closed);
}

static void on_probe_timer(uv_timer_t *t);

static void succeed(struct reload_probe *rp)
{
    void (*done)(void *) = rp->done;
    void *ctx = rp->ctx;
    reload_probe_cancel(rp);
    if (done)
        done(ctx);
}

static void fail(struct reload_probe *rp, const char *why)
{
    err_set(&rp->why, -EAGAIN, "%s", why);
    uv_timer_start(&rp->timer, on_probe_timer, AGAIN_MS, 0);
}

static void on_probe_done(void *ctx, const char *error)
{
    struct reload_probe *rp = OBJ(ctx, struct reload_probe, PROBE_MAGIC);
    rp->probe = NULL;
    if (error)
        fail(rp, error);
    else
        succeed(rp);
}

static void ask(struct reload_probe *rp)
{
    struct err e = {0};
    struct probe_url url;
    const json_t *what = url_of(rp->other);
    if (probe_url_read(str_from(json_string_value(what)), &url) < 0) {
        fail(rp, "the URL cannot be read");
        return;
    }
    int fd = rp->other->run ? primary_dial(rp->other->run, url.port) : -ENOENT;
    if (fd == -ENOENT) { /* it is asked for something that is not its own: nothing to prove */
        succeed(rp);
        return;
    }
    if (fd < 0) {
        fail(rp, err_text(fd));
        return;
    }
    rp->probe = probe_http_over(rp->other, what, fd, on_probe_done, rp, &e);
    if (rp->probe)
        uv_timer_start(&rp->timer, on_probe_timer, (uint64_t)rp->timeout_ms, 0);
    else
        fail(rp, e.msg);
}

static void on_probe_timer(uv_timer_t *t)
{
    struct reload_probe *rp = OBJ(t->data, struct reload_probe, PROBE_MAGIC);
    if (!rp->probe) {
        ask(rp);
        return;
    }
    probe_cancel(rp->probe);
    rp->probe = NULL;
    fail(rp, "no answer in time");
}

struct reload_probe *reload_probe_start(struct proc *other, void (*done)(void *ctx), void *ctx)
{
    struct reload_probe *rp = calloc(1, sizeof(*rp));
    if (!rp)
        return NULL;
    *rp = (struct reload_probe){
        .magic = PROBE_MAGIC, .other = other, .done = done, .ctx = ctx, .timeout_ms = TIMEOUT_MS};
    (void)json_get_int(json_object_get(other->conf, "health"), "timeout", &rp->timeout_ms);
    err_set(&rp->why, -EAGAIN, "it was not asked yet");
    uv_timer_init(other->env->loop, &rp->timer);
    rp->timer.data = rp;
    uv_timer_start(&rp->timer, on_probe_timer, 0, 0);
    return rp;
}

const char *reload_probe_error(const struct reload_probe *rp)
{
    return rp->why.msg;
}
