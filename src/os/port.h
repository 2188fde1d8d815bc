/* SPDX-License-Identifier: MIT
 * TCP ports of this machine. */
#pragma once

#include <stdbool.h>

/* True when something accepts connections on 127.0.0.1 or ::1 at `port`. Does not block: an answer
 * from the loopback device is there at once, or counts as no. */
bool port_accepts(int port);
