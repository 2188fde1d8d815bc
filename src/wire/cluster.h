/* SPDX-License-Identifier: MIT
 * What the primary and the workers of Node's cluster module say to each other on their channels
 * ("NODE_CLUSTER" messages), as structs. Codec only: no sockets, no decisions.
 *
 *   worker                                primary
 *   online                          ->                     Node has started, no user code yet
 *   queryServer {address, port...}  ->                     listen(): shall be answered
 *                                   <-    answer           a key; with a handle: a shared one
 *   listening {...}                 ->                     the server is up
 *                                   <-    newconn {key}    with a connection
 *   {ack, accepted}                 ->                     it has it, or wants it not
 *   close {key}                     ->                     it no longer wants that server
 *                                   <-    disconnect       please leave
 *   exitedAfterDisconnect           ->                     it leaves by itself: shall be answered
 *
 * Two dialects: Node wraps a message that brings a handle into NODE_HANDLE; Bun puts a byte 0x02 in
 * front of each line, which is how to know it, and marks such a message by "$hasHandle". What both
 * acknowledge handles with (NODE_HANDLE_ACK) is not of this family and never has the 0x02. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum cluster_dialect { CLUSTER_NODE, CLUSTER_BUN };

enum cluster_act {
    CLUSTER_UNKNOWN, /* also what later versions may add: to be ignored */
    CLUSTER_ONLINE,
    CLUSTER_QUERY,
    CLUSTER_LISTENING,
    CLUSTER_CLOSE,
    CLUSTER_LEAVING, /* exitedAfterDisconnect */
    CLUSTER_REPLY,   /* to a newconn: ack, accepted */
};

enum cluster_type {
    CLUSTER_TCP4,
    CLUSTER_TCP6,
    CLUSTER_UNIX,
    CLUSTER_UDP4,
    CLUSTER_UDP6,
    CLUSTER_FD
};

/* listen() or bind() as a worker asks for it. What has been checked: numbers and types. What has
 * not: that an address is one, how long a path is, whether an fd is one to be given away. */
struct cluster_query {
    enum cluster_type type;
    const char *address; /* NULL = any; of CLUSTER_UNIX the path (NULL when Node up to 20 is asked
                            to listen on a handle of its own: an error is the answer) */
    int port;            /* 0 = any; -1 for CLUSTER_UNIX */
    bool has_port;       /* false: null or absent (an fd; UDP), which reads as port 0 */
    int fd;              /* of CLUSTER_FD, maybe of UDP: a number in the primary; else -1 */
    unsigned flags;      /* 1 ipv6Only; 4 reuseAddr (UDP) */
    int backlog;         /* 0 or less = the default, 511 */
    int index;           /* how often this worker asked for the same address so far */
    const json_t *data;  /* NULL, or what TLS servers share; to be given back in each answer */
    bool readable_all, writable_all; /* mode of a UNIX socket */
    bool shared_only;                /* only a handle will do */
};

/* All borrowed from the parsed value. */
struct cluster_msg {
    enum cluster_act act;
    int64_t seq;     /* to be given back as `ack`; -1 = none, never where an answer is due */
    int64_t ack;     /* CLUSTER_REPLY: seq of the newconn */
    bool accepted;   /* CLUSTER_REPLY */
    const char *key; /* CLUSTER_CLOSE */
    struct cluster_query query; /* CLUSTER_QUERY, CLUSTER_LISTENING */
};

/* Parse the value of a line whose cmd is NODE_CLUSTER. False when a member has a type or value that
 * makes no sense (ports, negative seq ...): the worker is not to be trusted with it. */
bool cluster_parse(const json_t *value, struct cluster_msg *ret);

/* The name under which the workers of one app share a server: "address:port:type:fd", and the index
 * for port 0 only, so that the nth listen(0) of each worker is the same server. Different for
 * different queries. Appended to `out`. */
void cluster_key(const struct cluster_query *q, struct buf *out);

struct cluster_answer {
    int64_t ack; /* seq of the query */
    const char *key;
    int code;            /* 0, or a negative errno: the server's 'error' event; without a handle */
    const json_t *data;  /* NULL = null */
    bool with_handle;    /* a shared socket travels with the line */
    bool is_udp;         /* ... which is one for datagrams */
    const char *address; /* sockname, without a handle and not for UNIX sockets; NULL = none */
    int family;          /* 4, 6 */
    int port;
};

/* Each appends one line without its newline to `out`: a JSON text, for a Bun with the 0x02 before
 * it. An answer with a handle and a newconn go out by chan_send_handle(), the others as messages.
 * `seq` is the sender's counter. */
void cluster_write_answer(struct buf *out, enum cluster_dialect d, const struct cluster_answer *a,
                          int64_t seq);
void cluster_write_newconn(struct buf *out, enum cluster_dialect d, const char *key, int64_t seq);
void cluster_write_disconnect(struct buf *out, enum cluster_dialect d, int64_t seq);
void cluster_write_left(struct buf *out, enum cluster_dialect d, int64_t ack, int64_t seq);
