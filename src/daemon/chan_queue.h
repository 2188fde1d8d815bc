/* SPDX-License-Identifier: MIT
 * What is to be written to one app's channel: lines in order, some with a handle. No loop, no
 * reading: chan.c drives it.
 *
 * A handle travels on the first byte of its line, alone in its sendmsg; the rest of a line that the
 * kernel took in part follows without it. When its line is written the queue stands still until the
 * app has answered: Node's receiver pairs descriptors with lines by their order only, and a second
 * one before it has looked at the first may end up with the wrong line. What may pass are our own
 * answers to handles of the app (chan_queue_add_urgent): it waits for them in the same way. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/str.h"
#include "chan.h"

struct chan_line {
    struct list link;
    int fd;         /* borrowed; -1 = a plain line */
    bool is_urgent; /* waits for no answer */
    chan_handle_fn *done;
    void *ctx;
    size_t len, sent;
    char text[];
};

struct chan_queue {
    struct list lines;         /* the oldest first; only the first may be partly written */
    struct chan_line *awaited; /* a handle that is written and not answered; in no list */
    size_t bytes;              /* of all lines */
    unsigned handles;          /* in `lines` and `awaited` */
};

void chan_queue_init(struct chan_queue *q);
/* Forget all lines; there is no handle left (chan_queue_take). */
void chan_queue_fini(struct chan_queue *q);
/* Append `text` and a newline, with `fd` when it is not -1. 0, -ENOBUFS (caps) or -ENOMEM. */
int chan_queue_add(struct chan_queue *q, struct str text, int fd, chan_handle_fn *done, void *ctx);
/* A plain line that goes before all others which have not begun. */
int chan_queue_add_urgent(struct chan_queue *q, struct str text);
/* Is there a line that may go now? */
bool chan_queue_can_go(const struct chan_queue *q);
/* Write what may go. 0 also when the socket is full; -ETOOMANYREFS: the kernel lets no more
 * descriptors of this user travel for now (the first line is kept whole); else the error that ends
 * the channel. */
int chan_queue_push(struct chan_queue *q, int sock);
/* The app has answered a handle: the line, to be freed by the caller, or NULL if none waits. */
struct chan_line *chan_queue_answered(struct chan_queue *q);
/* The first line off the queue, of which nothing was written (after -ETOOMANYREFS). */
struct chan_line *chan_queue_refused(struct chan_queue *q);
/* The oldest handle that was not answered, sent or not; NULL = none is left. */
struct chan_line *chan_queue_take(struct chan_queue *q);
