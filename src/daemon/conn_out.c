/* SPDX-License-Identifier: MIT
 * The write half of a connection. Runs in pm2d. */
#include "conn_out.h"

static void on_written(uv_write_t *req, int status)
{
    struct conn_out *o = req->data;
    o->busy = false;
    buf_clear(&o->sending);
    buf_trim(&o->sending, 16384);
    if (status < 0) {
        if (status != UV_ECANCELED)
            o->on_error(o->ctx, status);
        return;
    }
    conn_out_flush(o);
    if (!o->busy && o->on_drained)
        o->on_drained(o->ctx);
}

void conn_out_init(struct conn_out *o, uv_stream_t *stream, void (*on_error)(void *, int),
                   void *ctx)
{
    *o = (struct conn_out){.stream = stream, .on_error = on_error, .ctx = ctx};
    buf_init(&o->queued);
    buf_init(&o->sending);
    o->request.data = o;
}

void conn_out_fini(struct conn_out *o)
{
    buf_fini(&o->queued);
    buf_fini(&o->sending);
}

size_t conn_out_pending(const struct conn_out *o)
{
    return o->queued.len + o->sending.len;
}

/* The common case: the kernel takes it all at once and no request is needed. */
static int write_now(struct conn_out *o)
{
    uv_buf_t b = uv_buf_init(o->queued.data, (unsigned)o->queued.len);
    int n = uv_try_write(o->stream, &b, 1);
    if (n == UV_EAGAIN)
        return 0;
    if (n < 0)
        return n;
    buf_consume(&o->queued, (size_t)n);
    return 0;
}

void conn_out_flush(struct conn_out *o)
{
    if (o->busy || o->queued.len == 0)
        return;
    int rc = write_now(o);
    if (rc == 0 && o->queued.len > 0) {
        struct buf swap = o->sending;
        o->sending = o->queued;
        o->queued = swap;
        uv_buf_t b = uv_buf_init(o->sending.data, (unsigned)o->sending.len);
        rc = uv_write(&o->request, o->stream, &b, 1, on_written);
        o->busy = rc == 0;
    }
    if (rc < 0)
        o->on_error(o->ctx, rc);
    else
        buf_trim(&o->queued, 16384);
}
