/* SPDX-License-Identifier: MIT
 * Time zones of the system, by name ("Europe/Paris"). Reads them through the C library: for the
 * moment of a question TZ is another one. So: main thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A name of letters, digits and "+-_/" that stays below the folder of zones. */
bool tz_is_name(const char *name);
/* 0; -EINVAL (no name of a zone) or -ENOENT (the system does not know it). */
int tz_check(const char *name);
/* Seconds that the zone is ahead of UTC at this instant. NULL = the zone of this process. A zone
 * that tz_check() refuses counts as UTC. */
int tz_offset(const char *name, int64_t utc_s);
