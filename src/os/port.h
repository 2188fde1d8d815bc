/* SPDX-License-Identifier: MIT
 * TCP ports of this machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* True when something accepts connections on 127.0.0.1 or ::1 at `port`. Does not block: an answer
 * from the loopback device is there at once, or counts as no. */
bool port_accepts(int port);

/* Whether whoever listens on the port lets others of the same user listen there, too: all of them
 * have set SO_REUSEPORT, as `uid`. `family`: AF_INET, AF_INET6. Nothing stays bound. */
bool port_is_shareable(int family, uint16_t port, uid_t uid);
