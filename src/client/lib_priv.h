/* SPDX-License-Identifier: MIT
 * The handle of the public header, shared by its two faces: lib.c (settings, connection, blocking
 * calls) and lib_async.c (callbacks). */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "client/client_priv.h"
#include "client/op.h"
#include "pm2/pm2.h"

#define LIB_CALL_MS 60000

struct lib_async;

struct pm2 {
    char *home, *keeper;
    enum pm2_mode mode;
    int timeout_ms;        /* -1 = the default */
    struct client *client; /* NULL = not connected */
    bool launched;
    bool subscribed;         /* in the blocking face */
    struct lib_async *async; /* NULL = not attached */
    struct err err;
    char *version;
    struct buf topic, payload;         /* what pm2_next_event() gave out */
    unsigned depth;                    /* callbacks under way */
    bool wants_disconnect, wants_free; /* asked for inside a callback */
};

/* Milliseconds that a call may take; 0 = for ever. */
int lib_call_ms(const struct pm2 *p);
/* Close what is open. Attached: lib_async_end() comes first. */
void lib_close(struct pm2 *p);
/* Close, and free all. */
void lib_destroy(struct pm2 *p);

/* Leave the callback face: hooks forget the descriptors, calls under way end with `code` and
 * `text`; but with -EPIPE, one that asked the daemon to end and was answered succeeds: true then.
 * No-op when not attached. */
bool lib_async_end(struct pm2 *p, int code, const char *text);
/* Carry out the disconnect or free that was asked for, unless a callback runs. `p` may be gone
 * afterwards. */
void lib_settle(struct pm2 *p);
