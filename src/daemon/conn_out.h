/* SPDX-License-Identifier: MIT
 * The write half of a connection, shared by server and bus: at most one uv_write under way, the
 * rest queued in one buffer with a cap. Embedded in the connection. */
#pragma once

#include <uv.h>

#include "base/buf.h"

struct conn_out {
    uv_stream_t *stream;
    uv_write_t request;
    struct buf queued;  /* not yet handed to libuv */
    struct buf sending; /* in the hands of libuv */
    bool busy;
    void (*on_error)(void *ctx, int code);
    void (*on_drained)(void *ctx); /* everything has been taken; may be NULL */
    void *ctx;
};

void conn_out_init(struct conn_out *o, uv_stream_t *stream, void (*on_error)(void *, int),
                   void *ctx);
void conn_out_fini(struct conn_out *o); /* when the stream is closed */
/* Bytes that the peer has not taken yet. */
size_t conn_out_pending(const struct conn_out *o);
/* Write what is in `queued`; callers append there first. */
void conn_out_flush(struct conn_out *o);
