/* SPDX-License-Identifier: MIT
 * Datagram sockets whose messages tell who sent them. Runs in pm2d. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/limits.h"

#define NOTIFY_ADDRESS_MAX (LIMIT_SOCKET_PATH + 1)

/* Bind at `path`, replacing what a dead pm2d left there; mode 0600 from the start. fd or -errno. */
int notify_socket_at(const char *path);
/* Bind an abstract address that nobody can guess; "@name" goes to `ret`. fd or -errno. */
int notify_socket_abstract(char ret[NOTIFY_ADDRESS_MAX]);
/* The address of a socket of either kind, as NOTIFY_SOCKET wants it: 0, or -errno. -ESTALE: its
 * file is gone, nobody can reach it. */
int notify_socket_address(int fd, char ret[NOTIFY_ADDRESS_MAX]);

/* One datagram. Its length, or -errno: -EAGAIN (none is there), -EMSGSIZE (longer than `size`: it
 * is dropped), -EPROTO (nobody knows who sent it). Descriptors that came with it are closed. */
ssize_t notify_socket_receive(int fd, char *bytes, size_t size, pid_t *ret_pid, uid_t *ret_uid);
