/* SPDX-License-Identifier: MIT
 * What an app says by sd_notify(3): one datagram of lines "NAME=value". Pure. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct notify_message {
    bool is_ready;     /* READY=1 */
    bool has_status;   /* STATUS=...; the last one */
    struct str status; /* borrowed from the datagram */
};

/* Every other line is ignored: STOPPING, RELOADING, WATCHDOG, MAINPID, what is yet to come. */
void notify_message_read(struct str datagram, struct notify_message *ret);

/* Append text of a stranger as it can be shown: at most `max_bytes` of it, cut between characters,
 * control characters as blanks. */
void notify_add_shown(struct buf *out, struct str text, size_t max_bytes);

/* The number of the app whose cgroup ("BASE/app-N", "BASE/app-N.1" of its other slot) a line of
 * /proc/PID/cgroup names, or a group below that; `base` is the last part of BASE's path. -1 = none.
 */
int notify_cgroup_app(struct str line, const char *base, unsigned *ret_slot);
