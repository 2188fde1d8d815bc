/* SPDX-License-Identifier: MIT
 * Points of time as users write them, and as logs have them. Pure but for the time zone of the
 * process; `now` comes in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* What --since and --until take, in milliseconds since the epoch:
 *
 *   2026-11-27   2026-11-27 12:30[:15[.250]]   the same with T, with Z or +01:00; else local time
 *   12:30[:15]   of today                      @1764245045   seconds since the epoch
 *   now, today, yesterday                      the latter two: their midnight
 *   90s, 10m, 2h, 1d, 1w, 1h30m, 2 hours ago   so long before now
 *
 * 0, or -EINVAL with `e` ("--since: ..."). */
int log_time_parse(const char *option, const char *text, int64_t now_ms, int64_t *ret_ms,
                   struct err *e);

/* The time that a line of a log says it was written at: a date with time at its begin (in brackets,
 * perhaps), or the "timestamp" of a JSON object. False when it says none. */
bool log_time_of_line(struct str line, int64_t *ret_ms);
