/* SPDX-License-Identifier: MIT
 * The write half of a connection, shared by server and bus: at most one uv_write under way, the
 * rest queued. What the kernel takes at once needs no request. Embedded in the connection. */
#pragma once

#include <uv.h>

#include "base/buf.h"

struct conn_out {
    uv_stream_t *stream;
    uv_write_t request;
    struct buf queued;  /* comes after `sending` */
    struct buf sending; /* from `sent` on; `slice` bytes of it are in the hands of libuv */
    size_t sent, slice;
    void (*on_error)(void *ctx, int code);
    void (*on_progress)(void *ctx); /* the peer has taken some, or all; may be NULL */
    void *ctx;
};

void conn_out_init(struct conn_out *o, uv_stream_t *stream, void (*on_error)(void *, int),
                   void *ctx);
void conn_out_fini(struct conn_out *o); /* when the stream is closed */
/* Bytes that the peer has not taken yet. */
size_t conn_out_pending(const struct conn_out *o);
/* Write what is in `queued`; callers append there first. */
void conn_out_flush(struct conn_out *o);
/* Write what is in `bytes`, and leave it empty. What the kernel does not take at once is copied
 * when it is little; of much the memory itself is taken. */
void conn_out_write(struct conn_out *o, struct buf *bytes);
