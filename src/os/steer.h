/* SPDX-License-Identifier: MIT
 * Steering: which sockets of a SO_REUSEPORT group get the new connections. The kernel asks a small
 * program (classic BPF, no privilege needed) for each connection; it chooses one of the active
 * sockets at random. Sockets that are not active keep what they have in their queues.
 *
 * A socket is named by its index: the order in which the sockets of the group began to listen. When
 * one stops to listen (closed by all who have it, or shutdown()), the last one moves into its
 * place. So who steers keeps sockets open, and listens again where an app has called shutdown().
 *
 * The group is one address and port of one user. What the program says holds for connections that
 * begin from now on; one whose handshake is under way ends in the queue it was meant for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From now on new connections go to the sockets in `active` (indices, n at most
 * LIMIT_STEER_SOCKETS), evenly. n == 0: no program, the kernel's own hash over all. An index that
 * no socket has counts as no answer: then the hash decides, too. `any_fd` is any socket of the
 * group. 0 or -errno; -EINVAL: it does not listen, or lacks SO_REUSEPORT; -E2BIG. */
int steer_set(int any_fd, const unsigned *active, size_t n);

/* Whether a socket listens (SO_ACCEPTCONN). */
bool steer_is_listening(int fd);
