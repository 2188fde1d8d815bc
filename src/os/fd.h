/* SPDX-License-Identifier: MIT
 * Descriptors and unix sockets. Everything made here is CLOEXEC; -1 means empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Close and set to -1; -1 is fine; errno is kept. */
void fd_close(int *fd);
int fd_set_nonblock(int fd, bool on); /* 0 or -errno */
int fd_set_cloexec(int fd, bool on);  /* 0 or -errno */
int fd_close_from(int lowest);        /* close all fds >= lowest */

/* Write all of it to a blocking fd, or -errno. */
int fd_write_all(int fd, const void *p, size_t n);

/* sendmsg with up to LIMIT_LINK_FDS fds on the first byte. Bytes sent, or -errno (-EAGAIN). Never
 * raises SIGPIPE. */
ssize_t fd_send(int sock, const void *p, size_t n, const int *fds, unsigned nfds);
/* recvmsg. Bytes received, 0 at EOF, or -errno; received fds (CLOEXEC) are stored in `fds`,
 * `*nfds` is their number (in: room). Fds that find no room are closed. */
ssize_t fd_recv(int sock, void *p, size_t n, int *fds, unsigned *nfds);

/* Peer of a unix socket: 0 or -errno. */
int sock_peer(int sock, uid_t *ret_uid, pid_t *ret_pid);

/* Connect to a unix stream socket (CLOEXEC, blocking): fd or -errno with `e` filled. A path longer
 * than LIMIT_SOCKET_PATH is -ENAMETOOLONG with a text that names the path and the limit. */
int sock_connect(const char *path, struct err *e);

/* Listen on a unix stream socket with mode 0600, non-blocking, CLOEXEC. A stale socket file, or a
 * regular file in its place, is replaced; a live listener is -EADDRINUSE. The mode is right from
 * the first instant (umask around bind). fd or -errno with `e`. */
int sock_listen(const char *path, int backlog, struct err *e);
