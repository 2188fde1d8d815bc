/* SPDX-License-Identifier: MIT
 * Probe: a URL answers. Runs in pm2d.
 *
 * The status line decides. What follows it is read and thrown away for a moment, because many
 * servers complain in their logs about a client that closes while they write. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/obj.h"
#include "os/fd.h"
#include "probe.h"
#include "probe_dial.h"
#include "probe_http_text.h"
#include "proc.h"

#define HTTP_MAGIC       OBJ_MAGIC('P', 'H', 'T', 'P')
#define LINGER_MS        1000
#define LINGER_BYTES_MAX (1024 * 1024)

struct http_probe {
    uint32_t magic;
    struct probe base;
    struct dial dial;
    probe_done_fn *done; /* NULL once told, or cancelled */
    void *ctx;
    struct buf request;
    uv_write_t write;
    uv_timer_t linger;
    bool is_closing;
    int open; /* dial and timer */
    size_t received, thrown_away;
    char answer[LIMIT_PROBE_ANSWER_BYTES];
};

static void released(struct http_probe *h)
{
    if (--h->open > 0)
        return;
    buf_fini(&h->request);
    free(h);
}

static void on_http_dial_closed(void *ctx)
{
    released(OBJ(ctx, struct http_probe, HTTP_MAGIC));
}

static void on_linger_closed(uv_handle_t *t)
{
    released(OBJ(t->data, struct http_probe, HTTP_MAGIC));
}

static void close_probe(struct http_probe *h)
{
    if (h->is_closing)
        return;
    h->is_closing = true;
    uv_close((uv_handle_t *)&h->linger, on_linger_closed);
    dial_close(&h->dial);
}

static void cancel(struct probe *pr)
{
    struct http_probe *h = CONTAINER_OF(pr, struct http_probe, base);
    h->done = NULL;
    close_probe(h);
}

/* Once; afterwards the probe is nobody's. */
static void tell(struct http_probe *h, const char *error)
{
    probe_done_fn *done = h->done;
    h->done = NULL;
    if (done)
        done(h->ctx, error);
}

static void fail(struct http_probe *h, const char *error)
{
    tell(h, error);
    close_probe(h);
}

static void on_linger_over(uv_timer_t *t)
{
    close_probe(OBJ(t->data, struct http_probe, HTTP_MAGIC));
}

static void judge(struct http_probe *h)
{
    char text[64];
    int status = probe_answer_status((struct str){h->answer, h->received});
    if (status == 0 && h->received < sizeof(h->answer))
        return;
    if (status <= 0) {
        fail(h, "the answer is not HTTP");
        return;
    }
    snprintf(text, sizeof(text), "answered with status %d", status);
    uv_timer_start(&h->linger, on_linger_over, LINGER_MS, 0);
    tell(h, status < 400 ? NULL : text);
}

static void on_http_alloc(uv_handle_t *tcp, size_t suggested, uv_buf_t *ret)
{
    struct dial *d = tcp->data;
    struct http_probe *h = OBJ(d->ctx, struct http_probe, HTTP_MAGIC);
    (void)suggested;
    size_t at = h->done ? h->received : 0;
    *ret = uv_buf_init(h->answer + at, (unsigned)(sizeof(h->answer) - at));
}

static void on_http_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
    struct dial *d = tcp->data;
    struct http_probe *h = OBJ(d->ctx, struct http_probe, HTTP_MAGIC);
    (void)buf;
    if (n < 0) {
        fail(h, n == UV_EOF ? "the connection was closed without an answer" : uv_strerror((int)n));
    } else if (h->done) {
        h->received += (size_t)n;
        judge(h);
    } else {
        h->thrown_away += (size_t)n;
        if (h->thrown_away > LINGER_BYTES_MAX)
            close_probe(h);
    }
}

static void on_http_written(uv_write_t *rq, int status)
{
    struct http_probe *h = OBJ(rq->data, struct http_probe, HTTP_MAGIC);
    if (status < 0)
        fail(h, uv_strerror(status));
}

static void on_http_dialled(void *ctx, const char *error)
{
    struct http_probe *h = OBJ(ctx, struct http_probe, HTTP_MAGIC);
    if (error) {
        fail(h, error);
        return;
    }
    uv_stream_t *tcp = (uv_stream_t *)&h->dial.tcp;
    uv_buf_t part = uv_buf_init(h->request.data, (unsigned)h->request.len);
    h->write.data = h;
    int rc = uv_read_start(tcp, on_http_alloc, on_http_read);
    if (rc == 0)
        rc = uv_write(&h->write, tcp, &part, 1, on_http_written);
    if (rc < 0)
        fail(h, uv_strerror(rc));
}

static struct http_probe *http_new(uv_loop_t *loop, probe_done_fn *done, void *ctx)
{
    struct http_probe *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->magic = HTTP_MAGIC;
    h->base.cancel = cancel;
    h->done = done;
    h->ctx = ctx;
    buf_init(&h->request);
    uv_timer_init(loop, &h->linger);
    h->linger.data = h;
    h->open = 2;
    h->dial = (struct dial){.ctx = h, .done = on_http_dialled, .closed = on_http_dial_closed};
    return h;
}

/* There is no connection to close. */
static void close_undialled(struct http_probe *h)
{
    h->is_closing = true;
    h->open = 1;
    uv_close((uv_handle_t *)&h->linger, on_linger_closed);
}

struct probe *probe_http_over(struct proc *p, const json_t *what, int take_fd, probe_done_fn *done,
                              void *ctx, struct err *e)
{
    struct probe_url url;
    struct http_probe *h = http_new(p->env->loop, NULL, ctx); /* tells nothing yet */
    if (!h || probe_url_read(str_from(json_string_value(what)), &url) < 0) {
        fd_close(&take_fd);
        if (h)
            close_undialled(h);
        err_set(e, h ? -EINVAL : -ENOMEM, h ? "the URL cannot be read" : "out of memory");
        return NULL;
    }
    probe_request_write(&h->request, &url);
    int rc = dial_take(&h->dial, p->env->loop, take_fd);
    if (rc == 0)
        on_http_dialled(h, NULL);
    if (rc < 0 || h->is_closing) {
        err_set(e, rc < 0 ? rc : -EPIPE, "it cannot be asked");
        close_probe(h);
        return NULL;
    }
    h->done = done;
    return &h->base;
}

struct probe *probe_http_start(struct proc *p, const json_t *what, probe_done_fn *done, void *ctx,
                               struct err *e)
{
    struct probe_url url;
    struct str text = str_from(json_string_value(what));
    if (probe_url_read(text, &url) < 0) {
        err_set(e, -EINVAL, "\"%.*s\" is not of the form http://host:port/path", STR_ARG(text));
        return NULL;
    }
    struct http_probe *h = http_new(p->env->loop, done, ctx);
    if (!h) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    probe_request_write(&h->request, &url);
    if (buf_oom(&h->request) || dial_start(&h->dial, p->env->loop, url.host, url.port, e) < 0) {
        if (buf_oom(&h->request))
            err_set(e, -ENOMEM, "out of memory");
        close_undialled(h);
        return NULL;
    }
    return &h->base;
}
