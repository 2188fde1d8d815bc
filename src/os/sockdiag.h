/* SPDX-License-Identifier: MIT
 * What the kernel knows of the sockets of this machine's processes: who listens and how many wait
 * there, which connections are open, what they hold unread, since when they are silent. Asked by
 * NETLINK_SOCK_DIAG, in the network namespace of the caller; /proc says whose they are.
 *
 * Linux gives no way to ask for one port or process only: each question walks the kernel's table of
 * all connections. That takes a few milliseconds when there are none, and one more for each 1,000
 * or 2,000 of them: ask seldom. Nothing here waits for anything but the kernel's walk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SOCKDIAG_UNKNOWN_MS UINT32_MAX

struct sockdiag_query {
    bool tcp, with_unix;   /* which kinds; stream sockets only */
    bool listening, open;  /* those that listen; connections that a process holds */
    bool with_times;       /* of TCP connections: costs a quarter more */
    uint16_t port;         /* TCP: the local one; 0 = any */
    const char *unix_path; /* UNIX: bound to it, or accepted there; NULL = any that has a name */
    size_t max;            /* how many of them; 0 = LIMIT_DIAG_SOCKETS */
};

/* A connection that nobody has accepted, or that its process has closed, is not told. */
struct sockdiag_socket {
    uint64_t inode; /* as fstat() of a descriptor says it, and /proc/PID/fd */
    pid_t pid;      /* 0 until sockdiag_owners() */
    int family;     /* AF_INET, AF_INET6, AF_UNIX */
    uint16_t port;  /* local; 0 = UNIX */
    bool is_listening;
    uint32_t unread; /* bytes; listening: connections that wait to be accepted */
    uint32_t unsent; /* bytes, also those not acknowledged; listening: how many may wait */
    uint32_t received_ago_ms, sent_ago_ms; /* data; SOCKDIAG_UNKNOWN_MS = not asked for, or UNIX. A
                                              new connection counts as both */
    uint64_t received_bytes, sent_bytes;   /* in all; with the times */
};

/* All that `q` asks for, sorted by inode. Count, with an array in *ret (free(); NULL for 0), or
 * -errno: -ENOENT, -EPROTONOSUPPORT, -EPERM when the kernel or a sandbox has no such thing,
 * -ENOBUFS: there are more than `max`. */
ssize_t sockdiag_list(const struct sockdiag_query *q, struct sockdiag_socket **ret);

/* Set `pid` of those in the sorted array that one of `pids` has open; when several have, the first
 * of them. Reads /proc/PID/fd: about a microsecond for each descriptor. A process that has gone, or
 * that we must not look into, has none. How many have an owner now. */
size_t sockdiag_owners(struct sockdiag_socket *sockets, size_t count, const pid_t *pids,
                       size_t pid_count);
