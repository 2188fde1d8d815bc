/* SPDX-License-Identifier: MIT
 * Name, addresses, connection. */
#include "probe_dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/obj.h"
#include "os/fd.h"

#define DIAL_MAGIC OBJ_MAGIC('D', 'I', 'A', 'L')

int dial_split(struct str place, unsigned default_port, char host[DIAL_HOST_MAX],
               unsigned *ret_port)
{
    struct str name = place;
    struct str port = {0};
    const char *colon = place.n ? memrchr(place.p, ':', place.n) : NULL;
    const char *bracket = place.n ? memrchr(place.p, ']', place.n) : NULL;
    if (colon && (!bracket || colon > bracket)) {
        name.n = (size_t)(colon - place.p);
        port = (struct str){colon + 1, place.n - name.n - 1};
    }
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = (struct str){name.p + 1, name.n - 2};
    long long number = default_port;
    if (port.n > 0 && (port.n > 5 || !str_to_int(port, &number)))
        return -EINVAL;
    if (name.n == 0 || name.n >= DIAL_HOST_MAX || number < 1 || number > 65535)
        return -EINVAL;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    *ret_port = (unsigned)number;
    return 0;
}

static void try_next(struct dial *d);

static void end_if_idle(struct dial *d)
{
    if (d->has_tcp || d->is_querying)
        return;
    uv_freeaddrinfo(d->found);
    d->found = NULL;
    d->closed(d->ctx);
}

static void on_dial_tcp_closed(uv_handle_t *h)
{
    struct dial *d = OBJ(h->data, struct dial, DIAL_MAGIC);
    d->has_tcp = false;
    if (d->is_closing)
        end_if_idle(d);
    else
        try_next(d);
}

static void try_failed(struct dial *d, int error)
{
    d->last_error = error;
    if (!d->is_closing)
        uv_close((uv_handle_t *)&d->tcp, on_dial_tcp_closed);
}

static void on_dial_connected(uv_connect_t *rq, int status)
{
    struct dial *d = OBJ(rq->data, struct dial, DIAL_MAGIC);
    if (d->is_closing)
        return;
    if (status < 0)
        try_failed(d, status);
    else
        d->done(d->ctx, NULL);
}

/* 0, or negative: there is no handle then. What fails later is heard of in a callback. */
static int try_address(struct dial *d, const struct sockaddr *address)
{
    int rc = uv_tcp_init(d->query.loop, &d->tcp);
    if (rc < 0)
        return rc;
    d->has_tcp = true;
    d->tcp.data = d;
    d->connect.data = d;
    rc = uv_tcp_connect(&d->connect, &d->tcp, address, on_dial_connected);
    if (rc < 0)
        try_failed(d, rc);
    return 0;
}

static void try_next(struct dial *d)
{
    while (d->next) {
        const struct addrinfo *a = d->next;
        d->next = a->ai_next;
        int rc = try_address(d, a->ai_addr);
        if (rc == 0)
            return;
        d->last_error = rc;
    }
    d->done(d->ctx, uv_strerror(d->last_error));
}

static void on_dial_resolved(uv_getaddrinfo_t *query, int status, struct addrinfo *found)
{
    struct dial *d = OBJ(query->data, struct dial, DIAL_MAGIC);
    d->is_querying = false;
    d->found = found;
    d->next = found;
    d->last_error = status;
    if (d->is_closing)
        end_if_idle(d);
    else
        try_next(d);
}

int dial_start(struct dial *d, uv_loop_t *loop, const char *host, unsigned port, struct err *e)
{
    char port_text[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    d->magic = DIAL_MAGIC;
    d->query.data = d;
    d->query.loop = loop;
    int rc;
    if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&d->literal) == 0 ||
        uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&d->literal) == 0) {
        rc = try_address(d, (const struct sockaddr *)&d->literal);
    } else {
        snprintf(port_text, sizeof(port_text), "%u", port);
        rc = uv_getaddrinfo(loop, &d->query, on_dial_resolved, host, port_text, &hints);
        d->is_querying = rc == 0;
    }
    return rc < 0 ? err_set(e, rc, "%s: %s", host, uv_strerror(rc)) : 0;
}

int dial_take(struct dial *d, uv_loop_t *loop, int take_fd)
{
    d->magic = DIAL_MAGIC;
    int rc = uv_tcp_init(loop, &d->tcp);
    if (rc < 0) {
        fd_close(&take_fd);
        return rc;
    }
    d->has_tcp = true;
    d->tcp.data = d;
    rc = uv_tcp_open(&d->tcp, take_fd);
    if (rc < 0)
        fd_close(&take_fd);
    return rc;
}

void dial_close(struct dial *d)
{
    if (d->is_closing)
        return;
    d->is_closing = true;
    if (d->is_querying)
        (void)uv_cancel((uv_req_t *)&d->query); /* or it ends by itself; it is heard of anyway */
    if (d->has_tcp && !uv_is_closing((uv_handle_t *)&d->tcp))
        uv_close((uv_handle_t *)&d->tcp, on_dial_tcp_closed);
    else if (!d->has_tcp && !d->is_querying)
        end_if_idle(d);
}
