/* SPDX-License-Identifier: MIT
 * When a schedule is due. Works on local seconds (the clock on the wall, as if it were UTC), and
 * asks the zone to which instants such a second belongs: none, one, or two. */
#include "app/cron.h"

#include "app/cron_civil.h"

#define SEARCH_YEARS 400 /* then the calendar begins again, days of the week included */
#define EVERY_HOUR   0xffffffu

static int offset_at(const struct cron_zone *zone, int64_t utc_s)
{
    return zone->offset_at(zone->ctx, utc_s);
}

/* The instants at which the wall shows `local_s`, in order; how many. Clocks change by less than a
 * day, and not twice within two. */
static int instants_of(const struct cron_zone *zone, int64_t local_s, int64_t ret[2])
{
    int n = 0;
    int before = offset_at(zone, local_s - DAY_S);
    int behind = offset_at(zone, local_s + DAY_S);
    if (offset_at(zone, local_s - before) == before)
        ret[n++] = local_s - before;
    if (behind != before && offset_at(zone, local_s - behind) == behind)
        ret[n++] = local_s - behind;
    return n;
}

/* Lowest member >= from, or -1. */
static int next_member(uint64_t set, int from)
{
    uint64_t rest = from < 64 ? set >> from << from : 0;
    return rest ? __builtin_ctzll(rest) : -1;
}

/* First match in the day at or after the second `from`, or -1. */
static int next_in_day(const struct cron *c, int from)
{
    int h0 = from / 3600;
    for (int h = next_member(c->hours, h0); h >= 0; h = next_member(c->hours, h + 1)) {
        int m0 = h == h0 ? from / 60 % 60 : 0;
        for (int m = next_member(c->minutes, m0); m >= 0; m = next_member(c->minutes, m + 1)) {
            int s = next_member(c->seconds, h == h0 && m == from / 60 % 60 ? from % 60 : 0);
            if (s >= 0)
                return h * 3600 + m * 60 + s;
        }
    }
    return -1;
}

static bool day_matches(const struct cron *c, struct civil d, int64_t days)
{
    bool is_day =
        c->last_day ? d.day == civil_month_length(d.year, d.month) : (c->days >> d.day & 1) != 0;
    return is_day && (c->weekdays >> civil_weekday(days) & 1) != 0;
}

/* The next second on the wall at or after `*local_s` that the pattern names. */
static bool next_local(const struct cron *c, int64_t *local_s, int last_year)
{
    int from;
    int64_t days = civil_split(*local_s, &from);
    for (struct civil d = civil_from_days(days); d.year <= last_year; d = civil_from_days(days)) {
        if (!(c->months >> d.month & 1)) {
            days += civil_month_length(d.year, d.month) - d.day + 1;
            from = 0;
            continue;
        }
        int second = day_matches(c, d, days) ? next_in_day(c, from) : -1;
        if (second >= 0) {
            *local_s = days * DAY_S + second;
            return true;
        }
        days++;
        from = 0;
    }
    return false;
}

static int year_of(int64_t local_s)
{
    int ignored;
    return civil_from_days(civil_split(local_s, &ignored)).year;
}

/* Certain hours: each time of day is run at the first instant that shows it, or not at all. */
static bool next_at_hours(const struct cron *c, const struct cron_zone *zone, int64_t after_s,
                          int64_t *ret_s)
{
    int64_t local_s = after_s + offset_at(zone, after_s);
    int last_year = year_of(local_s) + SEARCH_YEARS;
    for (; next_local(c, &local_s, last_year); local_s++) {
        int64_t at[2];
        if (instants_of(zone, local_s, at) > 0 && at[0] > after_s) {
            *ret_s = at[0];
            return true;
        }
    }
    return false;
}

/* First instant in (low, high] with another offset than `low`. */
static int64_t find_change(const struct cron_zone *zone, int64_t low, int64_t high)
{
    int offset = offset_at(zone, low);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (offset_at(zone, middle) == offset)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Every hour: from one change of the clocks to the next, so that nothing is passed over. */
static bool next_in_any_hour(const struct cron *c, const struct cron_zone *zone, int64_t after_s,
                             int64_t *ret_s)
{
    int64_t from_s = after_s + 1;
    int last_year = year_of(from_s) + SEARCH_YEARS;
    for (;;) {
        int offset = offset_at(zone, from_s);
        int64_t local_s = from_s + offset;
        if (!next_local(c, &local_s, last_year))
            return false;
        *ret_s = local_s - offset;
        if (offset_at(zone, *ret_s) == offset)
            return true;
        from_s = find_change(zone, from_s, *ret_s);
    }
}

static bool next_once(const struct cron *c, const struct cron_zone *zone, int64_t after_s,
                      int64_t *ret_s)
{
    int64_t at[2] = {c->once_s, 0};
    if (c->once_is_local && instants_of(zone, c->once_s, at) == 0)
        at[0] = c->once_s - offset_at(zone, c->once_s - DAY_S); /* left out: as late after */
    *ret_s = at[0];
    return at[0] > after_s;
}

bool cron_next(const struct cron *c, const struct cron_zone *zone, int64_t after_s, int64_t *ret_s)
{
    if (c->is_once)
        return next_once(c, zone, after_s, ret_s);
    if (c->hours == EVERY_HOUR)
        return next_in_any_hour(c, zone, after_s, ret_s);
    return next_at_hours(c, zone, after_s, ret_s);
}
