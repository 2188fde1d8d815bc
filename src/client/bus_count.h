/* SPDX-License-Identifier: MIT
 * What a subscriber knows of the numbers of events (docs/PROTOCOL.md), and what follows from them:
 * after a new subscription, whether there were events in between, and how many. Does no I/O. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/rpc.h"

struct bus_count {
    int64_t since; /* which counting; 0 = none yet, -1 = the connection ended before it was known */
    uint64_t last; /* number of the last event */
    bool begun;    /* there has been a subscription */
};

/* There is a new subscription. */
void bus_count_begin(struct bus_count *c);

/* Take the next event in: `topic` and `payload` become what is to be told. The daemon's word about
 * its numbers becomes a pm2:gap, or nothing: 0 then. 1, or -ENOMEM. `now_ms` is since 1970. */
int bus_count_take(struct bus_count *c, const struct pub_event *event, int64_t now_ms,
                   struct buf *topic, struct buf *payload);
