/* SPDX-License-Identifier: MIT
 * Connecting, and launching a daemon when nobody answers, in steps that never wait. The blocking
 * face (client_connect()) waits between them with poll(2), the callback face in its caller's loop.
 *
 * The order: knock; nobody there: take the launch lock, knock again, start a keeper, hear from it
 * that its daemon listens, connect. Whoever does not get the lock knocks until somebody answers. */
#pragma once

#include <stdint.h>

#include "client/client_priv.h"
#include "client/launch.h"

struct connector;
typedef int connector_step_fn(struct connector *k, struct err *e);

struct connector {
    struct client *client; /* not connected yet; NULL when connector_take() took it */
    connector_step_fn *step;
    int flags; /* of the client_options */
    int64_t deadline;
    int lock_fd; /* -1 = not opened */
    struct launch launch;
    int wait_fd; /* what a step waits for: this becomes readable (-1 = nothing does) ... */
    int wait_ms; /* ... or this time goes by */
};

/* 0 or -ENOMEM; on failure it needs no connector_fini(). `o` is borrowed for the call. */
int connector_init(struct connector *k, const struct client_options *o, struct err *e);
void connector_fini(struct connector *k);

/* 0: connected. CONNECTOR_WAIT: wait for what wait_fd and wait_ms say, and call again. Negative:
 * failed, as client_connect() describes. */
#define CONNECTOR_WAIT 1
int connector_run(struct connector *k, struct err *e);

/* The connected client; the caller's now. */
struct client *connector_take(struct connector *k);
