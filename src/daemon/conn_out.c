/* SPDX-License-Identifier: MIT
 * The write half of a connection. Runs in pm2d. */
#include "conn_out.h"

#include <errno.h>

#define KEEP_BYTES 16384UL /* memory that an idle connection may keep, twice */

/* Of one request: libuv tells nothing before all of it has been taken. */
#define SLICE_BYTES 65536UL

static void on_written(uv_write_t *req, int status)
{
    struct conn_out *o = req->data;
    o->sent += o->slice;
    o->slice = 0;
    if (status < 0) {
        if (status != UV_ECANCELED)
            o->on_error(o->ctx, status);
        return;
    }
    conn_out_flush(o);
    if (o->on_progress)
        o->on_progress(o->ctx);
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
    return o->queued.len + o->sending.len - o->sent;
}

/* How many bytes the kernel takes now, or a negative code. */
static ssize_t write_now(struct conn_out *o, struct str bytes)
{
    uv_buf_t b = uv_buf_init((char *)bytes.p, (unsigned)bytes.n);
    int n = uv_try_write(o->stream, &b, 1);
    return n == UV_EAGAIN ? 0 : n;
}

/* Have libuv write on when there is room. */
static int write_later(struct conn_out *o)
{
    size_t left = o->sending.len - o->sent;
    o->slice = left < SLICE_BYTES ? left : SLICE_BYTES;
    uv_buf_t b = uv_buf_init(o->sending.data + o->sent, (unsigned)o->slice);
    int rc = uv_write(&o->request, o->stream, &b, 1, on_written);
    if (rc < 0)
        o->slice = 0;
    return rc;
}

static void take_queued(struct conn_out *o)
{
    struct buf empty = o->sending;
    o->sending = o->queued;
    o->queued = empty;
    o->sent = 0;
    buf_clear(&o->queued);
}

static int write_sending(struct conn_out *o)
{
    struct str left = {o->sending.data + o->sent, o->sending.len - o->sent};
    ssize_t n = write_now(o, left);
    if (n < 0)
        return (int)n;
    o->sent += (size_t)n;
    return (size_t)n < left.n ? write_later(o) : 0;
}

/* All is written. */
static void be_idle(struct conn_out *o)
{
    o->sent = 0;
    buf_clear(&o->sending);
    buf_trim(&o->sending, KEEP_BYTES);
    buf_trim(&o->queued, KEEP_BYTES);
}

void conn_out_flush(struct conn_out *o)
{
    int rc = buf_oom(&o->queued) ? -ENOMEM : 0;
    while (rc == 0 && o->slice == 0 && conn_out_pending(o) > 0) {
        if (o->sent == o->sending.len)
            take_queued(o);
        rc = write_sending(o);
    }
    if (rc < 0)
        o->on_error(o->ctx, rc);
    else if (o->slice == 0)
        be_idle(o);
}

/* Only when nothing is pending: all but the first `sent` bytes are still to be written. */
static void take_rest(struct conn_out *o, struct buf *bytes, size_t sent)
{
    if (bytes->len - sent > SLICE_BYTES) {
        struct buf empty = o->sending;
        o->sending = *bytes;
        o->sent = sent;
        *bytes = empty;
    } else {
        buf_add(&o->queued, bytes->data + sent, bytes->len - sent);
    }
    conn_out_flush(o);
}

void conn_out_write(struct conn_out *o, struct buf *bytes)
{
    if (conn_out_pending(o) > 0) {
        buf_add_str(&o->queued, buf_str(bytes));
        conn_out_flush(o);
    } else {
        ssize_t n = write_now(o, buf_str(bytes));
        if (n < 0)
            o->on_error(o->ctx, (int)n);
        else if ((size_t)n < bytes->len)
            take_rest(o, bytes, (size_t)n);
    }
    buf_clear(bytes);
}
