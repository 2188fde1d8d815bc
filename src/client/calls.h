/* SPDX-License-Identifier: MIT
 * Requests under way on one connection, and which reply is whose. Does no I/O: the blocking face
 * (client.c) and the callback face (lib_async.c) share it. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "wire/amp.h"

/* A request under way; embedded in what its sender knows about it. */
struct waiter {
    struct list link;
    int ticket;
};

struct calls {
    struct list waiting; /* in the order of sending */
    int last_ticket;
};

void calls_init(struct calls *c);

/* Append the request to `out`, and wait for its reply with `w`, which has to stay where it is until
 * calls_match() gives it back or calls_forget(). Returns the ticket (> 0), or -ENOMEM. `method` and
 * `args` (JSON text of the argument array) are borrowed for the call. */
int calls_add(struct calls *c, struct waiter *w, const char *method, struct str args,
              struct buf *out);

/* The waiter that `m` answers, taken out of the list; NULL when nobody waits for it: not a reply,
 * or one that came too late. */
struct waiter *calls_match(struct calls *c, const struct amp_msg *m);
void calls_forget(struct waiter *w);

/* What a reply says: 0 and *ret (JSON text of args[0], "null" when there is none; borrowed from the
 * message). -EREMOTEIO: an error, its text in `e`. -EPROTO, -ENOMEM. */
int calls_result(const struct amp_msg *m, struct str *ret, struct err *e);
