/* SPDX-License-Identifier: MIT
 * Sockets of this machine (AF_UNIX) that others are to find: at a path, or at an abstract address.
 * An address as text is the path, or "@name". */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/limits.h"

#define LOCAL_ADDRESS_MAX (LIMIT_SOCKET_PATH + 1)

/* Bind a socket of `type` (SOCK_DGRAM; SOCK_STREAM listens) at `path`, replacing what a dead
 * program left there; mode 0600 from the start. Non-blocking. fd or -errno. */
int local_socket_at(const char *path, int type);
/* Bind one at an abstract address that begins with `prefix` and that nobody can guess; "@name" goes
 * to `ret`. fd or -errno. */
int local_socket_abstract(const char *prefix, int type, char ret[LOCAL_ADDRESS_MAX]);
/* The address of a socket of either kind: 0, or -errno. -ESTALE: its file is gone, nobody can reach
 * it. A listening socket sees a connection that has ended already. */
int local_socket_address(int fd, char ret[LOCAL_ADDRESS_MAX]);
/* Connect to one; `type` may carry SOCK_NONBLOCK (-EAGAIN: its backlog is full). fd or -errno. */
int local_socket_connect(const char *address, int type);
/* Take the next connection of a listening one: non-blocking, and who has made it. fd or -errno. */
int local_socket_accept(int fd, pid_t *ret_pid, uid_t *ret_uid);
