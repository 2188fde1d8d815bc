/* SPDX-License-Identifier: MIT
 * The name under which the keeper holds a socket of a gate: "cluster" and an object,
 * {"key":K,"udp":B,"shared":B,"balance":M,"app":A,"path":P,"dev":N,"ino":N,"slot":N,"owner":ID,
 * "data":D}. It says all that cannot be asked of the socket. `path` and what follows it are of a
 * UNIX socket; `slot` and `owner` of a group. */
#pragma once

#include "primary_priv.h"

/* What a name says, apart from `slot->socket.fd`. */
struct gate_name {
    json_t *about; /* owned; the others point into it */
    const char *key, *app;
    const json_t *data;
    enum balance_mode mode;
    bool is_group;
    int64_t slot, owner;
    struct listener socket; /* the path is the caller's */
};

/* `with_data` false: without what may make it too long. */
void gate_name_write(const struct slot *s, bool with_data, struct buf *out);
/* Is it a name of ours at all? */
bool gate_name_is(struct str name);
/* False when it makes no sense. gate_name_fini() in any case. */
bool gate_name_read(struct str name, struct gate_name *ret);
void gate_name_fini(struct gate_name *n);
