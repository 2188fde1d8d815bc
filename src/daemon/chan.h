/* SPDX-License-Identifier: MIT
 * pm2d's end of one app's Node IPC channel (and its stdin): messages in, messages out, with caps.
 * Handles that an app sends are acknowledged and closed: nobody here wants them yet. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/str.h"

struct chan;

struct chan_handler {
    void *ctx;
    /* A message of the app (never a NODE_* one); borrowed. */
    void (*message)(void *ctx, const json_t *value, struct str line);
};

/* Takes the fds (-1 = absent). NULL on OOM (both are closed then). */
struct chan *chan_new(uv_loop_t *loop, int take_channel_fd, int take_stdin_fd,
                      const struct chan_handler *h);
/* Read what is there now. */
void chan_drain(struct chan *c);
/* Asynchronous death; silent from here on. NULL is fine. */
void chan_close(struct chan *c);

/* The descriptors, for a new keeper to keep; -1 = absent. Still the chan's. */
int chan_channel_fd(const struct chan *c);
int chan_stdin_fd(const struct chan *c);
bool chan_connected(const struct chan *c);
/* Queue one JSON text. 0, -ENOTCONN, or -ENOBUFS when the app does not read (cap). */
int chan_send(struct chan *c, struct str json);
/* Queue bytes for the app's stdin. Same results; -EPIPE when it has closed it. */
int chan_stdin(struct chan *c, struct str bytes);
