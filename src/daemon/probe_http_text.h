/* SPDX-License-Identifier: MIT
 * The text of HTTP, as far as a probe needs it. Pure. */
#pragma once

#include "base/buf.h"
#include "probe_dial.h"

struct probe_url {
    char host[DIAL_HOST_MAX];
    unsigned port;
    struct str authority; /* "host:port" as it stands there; borrowed, as is all below */
    struct str target;    /* path and query; "" = the root */
};

/* "http://host[:port][/path][?query][#fragment]". 0 or -EINVAL. */
int probe_url_read(struct str url, struct probe_url *ret);

/* Append the request of a probe. */
void probe_request_write(struct buf *out, const struct probe_url *url);

/* The status of the final answer in what has been received so far (interim ones, 1xx, are passed
 * over): 200 to 999; 0 = more is needed; -EPROTO = this is not HTTP. */
int probe_answer_status(struct str received);
