/* SPDX-License-Identifier: MIT
 * Datagrams that tell who sent them. Runs in pm2d. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* One datagram of a local_socket. Its length, or -errno: -EAGAIN (none is there), -EMSGSIZE (longer
 * than `size`: it is dropped), -EPROTO (nobody knows who sent it). Descriptors that came with it
 * are closed. */
ssize_t notify_receive(int fd, char *bytes, size_t size, pid_t *ret_pid, uid_t *ret_uid);
