/* SPDX-License-Identifier: MIT
 * Schedules: cron patterns as PM2's scheduler (croner 4.1) reads them, and the instants at which
 * they are due. Pure: the time zone comes in as a function.
 *
 *   [second] minute hour day-of-month month day-of-week        or        2030-12-24T18:00:00[Z]
 *
 * A field is `*`, or a list of N, N-M, each with an optional /STEP. Months and days of the week may
 * be written JAN and MON; 0 and 7 are Sunday. `?` is the value at the moment of parsing. `L` as day
 * of the month is its last one. BOTH day fields must match (other crons are content with one).
 *
 * A date with time is one instant and never comes again: UTC with Z, at +02:00, else local.
 *
 * Different from croner on purpose: ranges and steps may stand in lists, `*` in a list is
 * everything (croner ignores it), and what it lets match nothing ("5x", "1,,2", "/5", on the last
 * of which it never returns) is refused. When croner moves on to a day of the week it keeps the
 * time of day, and so misses the first hours of that day; here the day begins at midnight.
 *
 * The same as croner, strange as it is: in N/STEP the N of days and months counts from 0, so that
 * 5/10 is the 6th, 16th and 26th.
 *
 * Summer time: a time of day that the clocks leave out is not run on that day (as in croner). One
 * that comes twice runs the first time only; but patterns for every hour simply go on, so that
 * "* * * * *" has no hour of silence. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cron {
    uint64_t seconds, minutes;
    uint32_t hours, days; /* bit 1 = the 1st */
    uint16_t months;      /* bit 1 = January */
    uint8_t weekdays;     /* bit 0 = Sunday */
    bool last_day;        /* of the month, instead of `days` */
    bool is_once;         /* `once_s` is all there is */
    bool once_is_local;
    int64_t once_s; /* since the epoch; local: as if the zone were UTC */
};

struct cron_zone {
    void *ctx;
    /* Seconds that local time is ahead of UTC at this instant. */
    int (*offset_at)(void *ctx, int64_t utc_s);
};

/* The values that mean: no schedule. NULL, "", "0". */
bool cron_is_off(const char *text);

/* -EINVAL with the text that PM2 shows: "Cron pattern error: ...". */
int cron_parse(const char *text, const struct cron_zone *zone, int64_t now_s, struct cron *ret,
               struct err *e);

/* Whether cron_parse() would take it, without a zone and a clock. */
int cron_check(const char *text, struct err *e);

/* The first instant after `after_s`; false: never (30 February, a date that is past). */
bool cron_next(const struct cron *c, const struct cron_zone *zone, int64_t after_s, int64_t *ret_s);
