/* SPDX-License-Identifier: MIT
 * A socket on which apps listen: made as Node's listen() and bind() make theirs. Knows nothing of
 * workers. All are non-blocking and CLOEXEC; stream sockets listen from the start. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"
#include "os/atomic_file.h"
#include "wire/cluster.h"

struct listener {
    int fd; /* -1 = none */
    bool is_udp;
    bool is_shared;     /* others listen by themselves, on copies: these it never ends */
    char *path;         /* UNIX socket: to be removed at the end; else NULL */
    struct file_id own; /* of `path` */
};

struct listener_name {
    char address[INET6_ADDRSTRLEN];
    int family; /* 4, 6; 0 = a UNIX socket */
    int port;
};

/* What `q` asks for. No address: [::] for both families, 0.0.0.0 if that fails. A backlog that is
 * not given is the largest that the kernel allows, because nothing but the backlog holds what no
 * worker is free for. The socket file of a dead owner is replaced; `app_umask` is for a new one.
 * 0 or -errno, the server's 'error' event: -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -ENAMETOOLONG; and
 * -EBADF for a descriptor, because none of ours is meant for apps. */
int listener_open(const struct cluster_query *q, mode_t app_umask, struct listener *ret);

/* It ends for all who have a copy (unless it is shared): nobody can connect from here on. The file
 * goes if it is ours still. */
void listener_close(struct listener *l);
/* Only our copy: others (the keeper) go on. */
void listener_release(struct listener *l);

/* For `balance: reuseport`: the same with SO_REUSEPORT, so that others can be bound beside it; TCP
 * only. Whoever else listens there, with SO_REUSEPORT or without, makes it fail (-EADDRINUSE). */
int listener_open_first(const struct cluster_query *q, struct listener *ret);
/* The same where only others have sockets of the group, whoever they are. */
int listener_open_anyway(const struct cluster_query *q, struct listener *ret);
/* One more of the group: bound as `first` is. */
int listener_open_beside(const struct listener *first, int backlog, struct listener *ret);

/* What getsockname() says. 0 or -errno. */
int listener_name(const struct listener *l, struct listener_name *ret);

/* Who connected: the bytes of his address, those of IPv4 for an IPv4 client of an IPv6 socket, too;
 * n == 0: a UNIX socket, which tells nothing. */
struct listener_peer {
    unsigned char bytes[16];
    size_t n;
};

/* The next connection: a descriptor (non-blocking, CLOEXEC) or -errno. Those that broke while they
 * waited are passed over. */
int listener_accept(const struct listener *l, struct listener_peer *ret_peer);

/* Whether somebody has read from or written to this connection: then nobody else can take it over.
 * Always false for UNIX sockets, of which the kernel does not tell. */
bool listener_is_touched(int connection);
