/* SPDX-License-Identifier: MIT
 * A TCP connection by host and port: resolve the name, try its addresses one after the other. For
 * probes; runs in pm2d. Embedded in its user's object, which must live until `closed`. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/str.h"

#define DIAL_HOST_MAX 256

struct dial {
    uint32_t magic;
    void *ctx;
    /* Connected (`error` NULL: `tcp` is open), or not. Called once at most, never before
     * dial_start() returns, never after dial_close(). */
    void (*done)(void *ctx, const char *error);
    void (*closed)(void *ctx); /* after dial_close(): nothing uses it any more */

    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_getaddrinfo_t query;
    struct addrinfo *found, *next;
    struct sockaddr_storage literal; /* the host is an address itself */
    bool has_tcp, is_querying, is_closing;
    int last_error;
};

/* Split "host:port", "[v6]:port"; a missing port is `default_port` (0 = there must be one). 0 or
 * -EINVAL. */
int dial_split(struct str place, unsigned default_port, char host[DIAL_HOST_MAX],
               unsigned *ret_port);

/* ctx, done and closed are set by the caller, all else is zero. 0, or negative with `e`: then there
 * is nothing to close. */
int dial_start(struct dial *d, uv_loop_t *loop, const char *host, unsigned port, struct err *e);
/* The same with a connection that is there: `tcp` is open when this returns, `done` is not called.
 * Takes the fd, also on failure. */
int dial_take(struct dial *d, uv_loop_t *loop, int take_fd);
/* End it, in any state; idempotent. */
void dial_close(struct dial *d);
