/* SPDX-License-Identifier: MIT
 * Inside the instance socket: instance_sock.c (who is connected), instance_conn.c (one connection).
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "chan.h"
#include "instance_sock.h"
#include "kin.h"

struct instance_conn {
    uint32_t magic;
    struct list link; /* in run.conns, or among the strangers */
    struct instance_sock *owner;
    struct run *run; /* NULL: a stranger */
    struct kin kin;
    int64_t at_ms;     /* when it came */
    unsigned number;   /* tells the connections of a run apart, in the keeper's store */
    uint64_t handle;   /* recovery: of its run */
    int fd;            /* until it is opened; then -1 */
    struct chan *chan; /* NULL: nothing is read yet */
    json_t *actions;   /* an object whose keys are the names that it has registered */
    bool is_cut;       /* recovery: a line may be cut, at either end */
};

/* NULL on OOM. Takes the fd. In no list yet. */
struct instance_conn *instance_conn_new(struct instance_sock *owner, int take_fd);
/* Begin to read. 0 or -ENOMEM. */
int instance_conn_open(struct instance_conn *c);
/* Off its list, and freed; silent from here on. */
void instance_conn_close(struct instance_conn *c);
/* Tell it why, as far as that can be done at once, and close it. */
void instance_conn_refuse(struct instance_conn *c, const char *fmt, ...) ATTR_FORMAT(2, 3);
/* Queue a line. 0, -ENOTCONN, -ENOMEM or -ENOBUFS. */
int instance_conn_send(struct instance_conn *c, struct str line);

/* ---- instance_sock.c, for a connection ---- */

uv_loop_t *instance_sock_loop(const struct instance_sock *s);
/* It says whose process it speaks for; negative = no number that a process can have. May close it.
 */
void instance_sock_introduce(struct instance_conn *c, int id);
/* It is about to go. */
void instance_sock_forget(struct instance_conn *c);
