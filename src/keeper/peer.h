/* SPDX-License-Identifier: MIT
 * pm2d as a process and as the other end of the link. Knows bytes, frames and descriptors; what
 * they mean is in requests.c.
 *
 * Flow control: the next request is looked at only when everything that was written before has
 * gone out. So output is bounded by one answer plus the exits that happen meanwhile, and borrowed
 * descriptors always travel with the first byte of `out`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "keeperlink/proto.h"

#define PEER_FDS_MAX (4 * LIMIT_LINK_FDS)

struct peer {
    pid_t pid; /* 0 = does not run */
    int pidfd; /* of a pm2d that is no child of ours (we are its second keeper); else -1 */
    int link;  /* -1 = closed */
    unsigned starts;
    int64_t started_ms; /* monotonic */
    bool has_greeted;   /* HELLO came */
    bool has_got_ready; /* READY came */
    bool is_deaf;       /* it has died: only what it said before still counts */
    bool is_stalled;    /* too many fds in flight: try again later, POLLOUT would spin */
    struct link_reader in;
    int fds_in[PEER_FDS_MAX];
    unsigned fds_in_count;
    struct buf out;
    size_t out_sent;
    int out_fds[LINK_FD_COUNT]; /* borrowed until out is empty */
    unsigned out_fd_count;
};

void peer_init(struct peer *p);
/* Start pm2d (in a session of its own). 0 or -errno. */
int peer_start(struct peer *p, const char *path, const char *home, char *const *extra);
/* Serve a pm2d that runs already, at the other end of `take_link`. 0 or -errno. */
int peer_join(struct peer *p, int take_link, pid_t pid);
/* SIGKILL, if it runs. Its exit shows later. */
void peer_kill(const struct peer *p);
/* Close the link and forget what is under way. The process is not touched. */
void peer_drop(struct peer *p);

/* Read once: bytes, 0 at EOF, -EAGAIN, or another -errno after which the link is useless. */
int peer_receive(struct peer *p);
/* The next complete frame: 1, 0 = none, or -errno (not a frame, or fds missing). Its descriptors
 * are now the caller's. */
int peer_next(struct peer *p, struct link_frame *ret, int *ret_fds);

/* Queue a frame by link_open(&p->out, ...), link_close(). With descriptors (borrowed until they are
 * gone; out must be empty): */
void peer_lend_fds(struct peer *p, const int *fds, unsigned count);
bool peer_is_idle(const struct peer *p); /* nothing waits to go out */
/* 0 all gone, 1 some left, -errno: the link is useless (also OOM, and LIMIT_LINK_OUT_BYTES). */
int peer_flush(struct peer *p);
