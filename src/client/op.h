/* SPDX-License-Identifier: MIT
 * The operations of the public face, as requests and what their replies mean. Does no I/O: the
 * blocking face sends a request and waits, the callback face sends and returns to its loop; both
 * hand the reply to op_take(), which asks for a further request or is done. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "pm2/pm2.h"

enum op_kind {
    OP_PING,
    OP_VERSION,
    OP_OWN, /* the daemon is to end with this connection */
    OP_LIST,
    OP_DESCRIBE,
    OP_START,
    OP_STOP,
    OP_RESTART,
    OP_RELOAD,
    OP_SCALE,
    OP_DELETE,
    OP_SIGNAL_NAME,
    OP_SIGNAL_ID,
    OP_FLUSH, /* without a target: all logs, and that of the daemon */
    OP_RELOAD_LOGS,
    OP_RESET,
    OP_DUMP,
    OP_RESURRECT,
    OP_SEND_DATA,
    OP_SEND_LINE,
    OP_TRIGGER,
    OP_CALL, /* any method */
    OP_KILL,
    OP_KIND_COUNT
};

struct op {
    enum op_kind kind;
    unsigned step;
    const char *method;    /* the request to send, with op_args() */
    struct buf args;       /* the argument array of the operation's main request */
    json_t *ids;           /* the processes that it was about; NULL = not known yet */
    bool want_list;        /* false spares the requests that only fill `list` */
    struct pm2_list *list; /* result */
    char *text;            /* result: the daemon's version, or the JSON of its answer */
    char *named;           /* of OP_CALL: the method, owned */
};

/* What an operation is about; only what its kind needs. Borrowed for op_init(). */
struct op_subject {
    const char *target;
    const struct pm2_app *app; /* what to start; of a restart or reload, what to change (may be
                                  NULL) */
    const char *number;        /* of OP_SCALE */
    const char *name;          /* of OP_SEND_DATA: the topic; OP_TRIGGER: the action; OP_CALL: the
                                  method */
    const char *json;          /* data, parameters, argument; of OP_SEND_LINE: the line, plain */
    int signo, id;
    bool force; /* of OP_DUMP: also an empty list */
    bool want_list;
};

/* 0: the first request is in `op`. Negative: `op` needs no op_fini(). */
int op_init(struct op *op, enum op_kind kind, const struct op_subject *about, struct err *e);
void op_fini(struct op *op);

/* The argument array of the request to send; borrowed until op_take(). */
struct str op_args(const struct op *op);

/* Take the value of a reply. 1: there is a further request to send; 0: done, with its results;
 * negative: failed. */
int op_take(struct op *op, struct str value, struct err *e);

/* True when the reply is not the end: the daemon then closes the connection. */
static inline bool op_ends_daemon(const struct op *op)
{
    return op->kind == OP_KILL;
}
