/* SPDX-License-Identifier: MIT
 * The handle of the public header, shared by its two faces: lib.c (settings, blocking calls),
 * lib_async.c and lib_async_calls.c (callbacks), lib_connect.c (connecting, in both). */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "client/bus_count.h"
#include "client/client_priv.h"
#include "client/op.h"
#include "pm2/pm2.h"

#define LIB_CONNECT_MS 10000
#define LIB_CALL_MS    60000
#define LIB_GONE_MS    20000 /* the daemon has answered already, and only has to end */

struct lib_async;
struct lib_connecting;

struct pm2 {
    char *home, *keeper;
    enum pm2_mode mode;
    int timeout_ms;        /* -1 = the default */
    struct client *client; /* NULL = not connected */
    bool launched, owns;
    bool subscribed;                   /* in the blocking face */
    struct lib_async *async;           /* NULL = not attached */
    struct lib_connecting *connecting; /* pm2_async_connect() under way */
    struct err err;
    char *version;
    char *answer;                      /* what pm2_call() gave out */
    struct buf topic, payload;         /* what pm2_next_event() gave out */
    struct bus_count count;            /* of events, over all connections of this handle */
    unsigned depth;                    /* callbacks under way */
    bool wants_disconnect, wants_free; /* asked for inside a callback */
};

/* The home that was set, or that of the environment, in p->home. */
int lib_find_home(struct pm2 *p);
/* The path of a program that lies beside pm2-keeper. `ret` has PATH_MAX bytes. */
int lib_program(struct pm2 *p, const char *name, char *ret);
/* Start the modules of the home, with a daemon that this handle has launched. */
void lib_launch_modules(struct pm2 *p);

/* Milliseconds that a call may take; 0 = for ever. */
int lib_call_ms(const struct pm2 *p);
/* Connected, greeted, and nobody has asked for the end. */
bool lib_is_up(const struct pm2 *p);
/* Send the requests of `op` and wait for their replies. */
int lib_run_op(struct pm2 *p, struct op *op, int timeout_ms);
/* Close what is open. Attached: lib_async_end() comes first. */
void lib_close(struct pm2 *p);
/* Close, and free all. */
void lib_destroy(struct pm2 *p);

/* The callback face. -EINVAL: a hook is missing. */
int lib_check_hooks(struct pm2 *p, const struct pm2_hooks *h);
/* Enter it, with checked hooks. 0 or -ENOMEM. */
int lib_attach(struct pm2 *p, const struct pm2_hooks *h);
/* 0, -ENOTCONN, -EBUSY (not attached). */
int lib_attached(struct pm2 *p);
/* Queue one operation; as pm2_async_*, but whether the handle is up is the caller's to know. */
int lib_async_start(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                    int timeout_ms, pm2_done_fn *done, void *data);
/* The same for who wants the JSON of the answer. */
int lib_async_ask(struct pm2 *p, enum op_kind kind, const struct op_subject *about, int timeout_ms,
                  pm2_reply_fn *reply, void *data);

/* Leave the callback face: hooks forget the descriptors, calls under way end with `code` and
 * `text`; but with -EPIPE, one that asked the daemon to end and was answered succeeds: true then.
 * No-op when not attached. */
bool lib_async_end(struct pm2 *p, int code, const char *text);
/* Carry out the disconnect or free that was asked for, unless a callback runs. `p` may be gone
 * afterwards. */
void lib_settle(struct pm2 *p);

/* pm2_async_connect(), while it is under way. The loop has something to tell, before the callback
 * face is entered. */
void lib_connecting_step(struct pm2 *p, bool by_timer);
/* The connection ended during the greeting; p->err says why. */
void lib_connecting_lost(struct pm2 *p, int code);
/* True when the greeting has failed, which lib_settle() ends. */
bool lib_connecting_has_failed(const struct pm2 *p);
/* Tell its caller of the failure, or of -ECANCELED. No-op when nothing is under way. */
void lib_connecting_end(struct pm2 *p);
