/* SPDX-License-Identifier: MIT
 * The request/reply and publish envelopes on top of AMP. Codecs only: no I/O, no method names.
 *
 * Request: [ j:{"type":"call","method":M,"args":[...]}, s:<id> ]; reply: [ j:<body>, s:<same id> ].
 * The id is always the LAST argument, opaque, echoed byte for byte. A reply is an error when its
 * body has the key "error"; else its body is {"args":[...]}.
 * Event (pub.sock): [ s:<topic>, j:<payload> ]. To a subscriber that has sent [ s:numbers ] each
 * event has a third argument, j:<number>. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/amp.h"

/* Of our own methods (c.*), as c.hello tells it; raised when one of them changes in a way that a
 * client of the release before would take wrongly. */
#define RPC_OWN_PROTOCOL 1

enum rpc_type { RPC_CALL, RPC_METHODS };

struct rpc_request {
    enum rpc_type type;
    const char *method; /* borrowed from body; NULL for RPC_METHODS */
    json_t *args;       /* borrowed from body; an array, or NULL when the request had none */
    struct str id;      /* raw last argument, prefix included; borrowed from the message */
    json_t *body;       /* owned; freed by rpc_request_fini */
};

/* Parse a message into a request. On failure `ret->id` is still set when the message had one, so
 * that the error can be answered; `e` has the text for the "error" key. -EPROTO: no id could be
 * found (fewer than two arguments): close the connection. -EINVAL, -ENOMEM: answer `e->msg`.
 * rpc_request_fini() is allowed after a failure, and not needed.
 * PM2's texts: ".method required" when method is missing, ".args required" when args is missing. */
int rpc_request_parse(const struct amp_msg *m, struct rpc_request *ret, struct err *e);
void rpc_request_fini(struct rpc_request *r);

/* Write a request: `args_json` is the text of the array. `id` is the bare text (no prefix). */
void rpc_request_write(struct buf *out, const char *method, struct str args_json, struct str id);

/* Write a reply. Between open and close the caller appends the JSON body to `out`.
 * `id` is the raw last argument of the request. */
size_t rpc_reply_open(struct buf *out);
void rpc_reply_close(struct buf *out, size_t mark, struct str id);
/* {"error":text,"stack":"Error: text"}: PM2's clients show either. */
void rpc_reply_error(struct buf *out, struct str id, const char *text);
/* {"error":text}: of a call that reached no method, as PM2 has it. */
void rpc_reply_refusal(struct buf *out, struct str id, const char *text);

struct rpc_reply {
    struct str id;    /* bare text, without prefix; borrowed from the message */
    struct str body;  /* the JSON text; borrowed from the message */
    struct str value; /* JSON text of args[0]; empty when there is none or on error; borrowed */
    char *error;      /* owned; NULL on success */
};

/* Parse a reply without building a DOM of large results; what is inside the strings of `value` is
 * not checked. An "error" that is no string reads as its JSON text; of a "methods" reply `value` is
 * that object. -EPROTO / -ENOMEM. */
int rpc_reply_parse(const struct amp_msg *m, struct rpc_reply *ret, struct err *e);
void rpc_reply_fini(struct rpc_reply *r);

/* Events. Between open and close the caller appends the JSON payload. */
size_t pub_event_open(struct buf *out, struct str topic);
void pub_event_close(struct buf *out, size_t mark);

/* The last event written to `out`, which is the frame that begins at `start`, gets a number. */
void pub_event_number(struct buf *out, size_t start, uint64_t number);

/* What a subscriber says that wants numbers, and how it is understood. */
void pub_numbers_write(struct buf *out);
bool pub_numbers_is(const struct amp_msg *m);

struct pub_event {
    struct str topic;   /* bare text; borrowed */
    struct str payload; /* JSON text; borrowed */
    uint64_t number;    /* 0 = it has none */
};
int pub_event_parse(const struct amp_msg *m, struct pub_event *ret);
