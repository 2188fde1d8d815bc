/* SPDX-License-Identifier: MIT
 * One connection to a socket of the daemon, with the AMP reader on top. Never blocks longer than
 * its deadline. A deadline is a value of clock_mono_ms(), or -1 for none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/amp.h"

struct conn {
    int fd; /* -1 = closed */
    pid_t peer;
    struct amp_reader in;
};

void conn_init(struct conn *c);
/* Idempotent. */
void conn_close(struct conn *c);

/* Connect, and make sure that the other end runs under our uid. -ENOENT: nobody listens there (no
 * file, a stale socket, a file of another kind); -EACCES: it is somebody else's; -ENAMETOOLONG;
 * -ETIMEDOUT. `path` must be what the caller wants to see in the text. */
int conn_open(struct conn *c, const char *path, int64_t deadline, struct err *e);

/* Send all of `bytes`. -EPIPE: the peer went away. */
int conn_send(struct conn *c, struct str bytes, int64_t deadline, struct err *e);

/* Next message (borrowed until the next call): 1; 0 at the deadline, or when `extra_fd` (-1: none)
 * became readable and no message was there; -EPIPE, -EPROTO, -EMSGSIZE, -ENOMEM. */
int conn_next(struct conn *c, int64_t deadline, int extra_fd, struct amp_msg *ret, struct err *e);

/* The same in steps that never wait, for event loops. conn_write_try: send from the front of `out`
 * (what was sent is dropped from it): 0 all sent, 1 the socket is full, -EPIPE. conn_read_try: take
 * in what is there: 1 something came, 0 nothing, -EPIPE, -ENOMEM. conn_take: the next message of
 * what was taken in: 1, 0 none is complete, -EPROTO, -EMSGSIZE. */
int conn_write_try(struct conn *c, struct buf *out, struct err *e);
int conn_read_try(struct conn *c, struct err *e);
int conn_take(struct conn *c, struct amp_msg *ret, struct err *e);

/* Why there is no answer on `path`: -ETIMEDOUT, with what can be seen of the process that listens.
 */
int conn_silent(const struct conn *c, const char *path, int timeout_ms, struct err *e);

/* Milliseconds until a deadline as poll(2) wants them. */
int conn_ms_left(int64_t deadline);
