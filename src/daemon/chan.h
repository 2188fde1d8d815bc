/* SPDX-License-Identifier: MIT
 * pm2d's end of one app's Node IPC channel (and its stdin): messages and handles in and out, with
 * caps. Handles that an app sends are acknowledged and closed: nobody here wants them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/str.h"

struct chan;

struct chan_handler {
    void *ctx;
    /* A message of the app (never a NODE_* one); borrowed. NULL = nobody is interested. */
    void (*message)(void *ctx, const json_t *value, struct str line);
    /* A NODE_CLUSTER message; borrowed. NULL = nobody is interested. */
    void (*cluster)(void *ctx, const json_t *value, bool is_bun);
    /* What our agent in a Node app says: the message, and its cmd behind NODE_PM2_; borrowed. NULL
     * = nobody is interested. */
    void (*agent)(void *ctx, struct str word, const json_t *value);
    /* A line that nobody can take (empty when it is too long); `why` is for its writer. NULL = it
     * is logged, and what is Node's own is dealt with. With it the last line of all may lack its
     * newline. */
    void (*bad)(void *ctx, const char *why, struct str line);
    /* The peer has closed the channel, or it broke, and all that it had said was told; told once.
     * NULL = nobody is interested. */
    void (*closed)(void *ctx);
    /* It has said much at once. True: it is not read any more until chan_go_on(). NULL = never. */
    bool (*pause)(void *ctx);
};

/* Takes the fds (-1 = absent). NULL on OOM (both are closed then). */
struct chan *chan_new(uv_loop_t *loop, int take_channel_fd, int take_stdin_fd,
                      const struct chan_handler *h);
void chan_go_on(struct chan *c); /* NULL is fine */
/* Read what is there now, to the end of the channel when the peer is gone. */
void chan_drain(struct chan *c);
/* Asynchronous death: tells the handles under way (-EPIPE), then is silent. NULL is fine. */
void chan_close(struct chan *c);

/* The descriptors, for a new keeper to keep; -1 = absent. Still the chan's. */
int chan_channel_fd(const struct chan *c);
int chan_stdin_fd(const struct chan *c);
bool chan_connected(const struct chan *c);
/* The app has marked a line as Bun does (0x02): its internal messages are to be of that dialect
 * (wire/cluster.h writes them). */
bool chan_is_bun(const struct chan *c);
/* Bytes that are queued, with what it costs to keep them. */
size_t chan_waiting_bytes(const struct chan *c);
/* Queue one line (JSON text). 0, -ENOTCONN, -ENOMEM, or -ENOBUFS when the app does not read (cap).
 * Never blocks and never calls back. */
int chan_send(struct chan *c, struct str line);
/* Called once for a handle that was sent: `code` 0 = the app has it (NODE_HANDLE_ACK); -EMFILE = it
 * could not take it (NODE_HANDLE_NACK, or too many descriptors are under way) and saw nothing of
 * the line; -EPIPE = the channel ended before it said so, and after all that it said was told
 * (before chan_close() of an app that has ended: chan_drain()). May send, and may close the chan.
 */
typedef void chan_handle_fn(void *ctx, int code);
/* Queue one line with a descriptor (borrowed until `done` was called; O_NONBLOCK already, or it
 * blocks the app). One handle is under way at a time; messages behind it wait until it has been
 * answered, as Node does it: the order of messages and handles is kept. As chan_send(), or -EINVAL
 * for a descriptor that is none of TCP, UDP, UNIX stream, pipe: others break a Node process.
 * `done` is not called after an error. */
int chan_send_handle(struct chan *c, struct str line, int fd, chan_handle_fn *done, void *ctx);
/* The same for a connection that accept(2) has given, which need not be looked at: three system
 * calls less for each. */
int chan_send_connection(struct chan *c, struct str line, int fd, chan_handle_fn *done, void *ctx);
/* Queue bytes for the app's stdin. Same results; -EPIPE when it has closed it. */
int chan_stdin(struct chan *c, struct str bytes);
