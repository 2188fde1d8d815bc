/* SPDX-License-Identifier: MIT
 * Reading of dates, times and lengths of time. */
#include "cli/log_time.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"

#define SECOND_MS    1000
#define MINUTE_MS    (60 * SECOND_MS)
#define HOUR_MS      (60 * MINUTE_MS)
#define DAY_MS       (24LL * HOUR_MS)
#define RELATIVE_MAX (100 * 366 * DAY_MS)

/* What is still to be read. A take_...() that says false has perhaps read a part. */
struct reader {
    const char *at, *end;
};

static bool take_char(struct reader *r, const char *any_of)
{
    if (r->at == r->end || !*r->at || !strchr(any_of, *r->at))
        return false;
    r->at++;
    return true;
}

/* A number of exactly `digits` digits, from `low` to `high`. */
static bool take_number(struct reader *r, int digits, int low, int high, int *ret)
{
    int value = 0;
    if (r->end - r->at < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)r->at[i]))
            return false;
        value = value * 10 + (r->at[i] - '0');
    }
    if (value < low || value > high)
        return false;
    r->at += digits;
    *ret = value;
    return true;
}

/* ---- dates ---- */

struct date {
    struct tm tm;
    int ms;
    bool has_zone;
    int zone_s; /* east of Greenwich */
};

static bool take_day(struct reader *r, struct date *d)
{
    int year;
    int month;
    if (!take_number(r, 4, 1970, 9999, &year) || !take_char(r, "-/") ||
        !take_number(r, 2, 1, 12, &month) || !take_char(r, "-/") ||
        !take_number(r, 2, 1, 31, &d->tm.tm_mday))
        return false;
    d->tm.tm_year = year - 1900;
    d->tm.tm_mon = month - 1;
    return true;
}

/* Digits behind the point of a second: the first three count. */
static void take_fraction(struct reader *r, struct date *d)
{
    int weight = 100;
    for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++, weight /= 10)
        d->ms += (*r->at - '0') * weight;
}

static bool take_clock(struct reader *r, struct date *d)
{
    if (!take_number(r, 2, 0, 23, &d->tm.tm_hour) || !take_char(r, ":") ||
        !take_number(r, 2, 0, 59, &d->tm.tm_min))
        return false;
    struct reader seconds = *r;
    if (take_char(&seconds, ":") && take_number(&seconds, 2, 0, 60, &d->tm.tm_sec)) {
        *r = seconds;
        if (r->end - r->at >= 2 && isdigit((unsigned char)r->at[1]) && take_char(r, ".,"))
            take_fraction(r, d);
    }
    return true;
}

static void take_zone(struct reader *r, struct date *d)
{
    struct reader zone = *r;
    int hours;
    int minutes = 0;
    if (take_char(&zone, "Z")) {
        d->has_zone = true;
        *r = zone;
        return;
    }
    (void)take_char(&zone, " ");
    if (zone.at == zone.end)
        return;
    bool is_west = *zone.at == '-';
    if (!take_char(&zone, "+-") || !take_number(&zone, 2, 0, 14, &hours))
        return;
    (void)take_char(&zone, ":");
    if (!take_number(&zone, 2, 0, 59, &minutes))
        return;
    d->has_zone = true;
    d->zone_s = (hours * 60 + minutes) * 60 * (is_west ? -1 : 1);
    *r = zone;
}

static int64_t date_ms(struct date *d)
{
    d->tm.tm_isdst = -1;
    time_t s = d->has_zone ? timegm(&d->tm) - d->zone_s : mktime(&d->tm);
    return (int64_t)s * SECOND_MS + d->ms;
}

/* Day and time of day; the latter may be missing where `may_be_day`. */
static bool take_date(struct reader *r, bool may_be_day, int64_t *ret_ms)
{
    struct date d = {0};
    if (!take_day(r, &d))
        return false;
    struct reader clock = *r;
    if (take_char(&clock, "T -") && take_clock(&clock, &d)) {
        *r = clock;
        take_zone(r, &d);
    } else if (!may_be_day) {
        return false;
    }
    int mday = d.tm.tm_mday;
    *ret_ms = date_ms(&d);
    return d.tm.tm_mday == mday; /* no 30th of February */
}

/* ---- what users write ---- */

static struct date midnight(int64_t now_ms, int days_ago)
{
    struct date d = {0};
    time_t now = (time_t)(now_ms / SECOND_MS);
    struct tm tm;
    if (localtime_r(&now, &tm)) {
        d.tm.tm_year = tm.tm_year;
        d.tm.tm_mon = tm.tm_mon;
        d.tm.tm_mday = tm.tm_mday - days_ago;
    }
    return d;
}

static const struct {
    const char *word;
    int64_t ms;
} units[] = {
    {"milliseconds", 1},    {"ms", 1},
    {"seconds", SECOND_MS}, {"second", SECOND_MS},
    {"sec", SECOND_MS},     {"s", SECOND_MS},
    {"minutes", MINUTE_MS}, {"minute", MINUTE_MS},
    {"min", MINUTE_MS},     {"m", MINUTE_MS},
    {"hours", HOUR_MS},     {"hour", HOUR_MS},
    {"h", HOUR_MS},         {"days", DAY_MS},
    {"day", DAY_MS},        {"d", DAY_MS},
    {"weeks", 7 * DAY_MS},  {"week", 7 * DAY_MS},
    {"w", 7 * DAY_MS},
};

static bool take_unit(struct reader *r, int64_t *ret_ms)
{
    size_t n = 0;
    while (r->at + n < r->end && isalpha((unsigned char)r->at[n]))
        n++;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eq_c((struct str){r->at, n}, units[i].word))
            continue;
        r->at += n;
        *ret_ms = units[i].ms;
        return true;
    }
    return false;
}

static void skip_blanks(struct reader *r)
{
    while (take_char(r, " ")) {
    }
}

/* "1h30m", "2 hours ago" */
static bool take_relative(struct reader *r, int64_t *ret_ms)
{
    int64_t sum = 0;
    bool has_part = false;
    while (r->at < r->end && isdigit((unsigned char)*r->at)) {
        int64_t value = 0;
        int64_t unit;
        for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++)
            value = value < RELATIVE_MAX ? value * 10 + (*r->at - '0') : value;
        skip_blanks(r);
        if (!take_unit(r, &unit) || value > RELATIVE_MAX / unit)
            return false;
        sum += value * unit;
        has_part = true;
        skip_blanks(r);
    }
    if (r->end - r->at == 3 && memcmp(r->at, "ago", 3) == 0)
        r->at = r->end;
    *ret_ms = sum;
    return has_part && sum <= RELATIVE_MAX;
}

static bool take_word(struct reader *r, int64_t now_ms, int64_t *ret_ms)
{
    static const char *const days[] = {"today", "yesterday"};
    struct str text = {r->at, (size_t)(r->end - r->at)};
    *ret_ms = now_ms;
    bool is_known = str_eq_c(text, "now");
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        if (!str_eq_c(text, days[i]))
            continue;
        struct date d = midnight(now_ms, (int)i);
        *ret_ms = date_ms(&d);
        is_known = true;
    }
    if (is_known)
        r->at = r->end;
    return is_known;
}

static bool take_today(struct reader *r, int64_t now_ms, int64_t *ret_ms)
{
    struct date d = midnight(now_ms, 0);
    if (!take_clock(r, &d))
        return false;
    *ret_ms = date_ms(&d);
    return true;
}

static bool parse(struct str text, int64_t now_ms, int64_t *ret_ms)
{
    const struct reader begin = {text.p, text.p + text.n};
    struct reader r = begin;
    long long seconds;
    if (text.n > 1 && *text.p == '@') {
        if (!str_to_int((struct str){text.p + 1, text.n - 1}, &seconds) || seconds < 0 ||
            seconds > INT32_MAX * 100LL)
            return false;
        *ret_ms = seconds * SECOND_MS;
        return true;
    }
    if (take_word(&r, now_ms, ret_ms) && r.at == r.end)
        return true;
    r = begin;
    if (take_date(&r, true, ret_ms) && r.at == r.end)
        return true;
    r = begin;
    if (take_today(&r, now_ms, ret_ms) && r.at == r.end)
        return true;
    r = begin;
    int64_t ago_ms;
    if (!take_relative(&r, &ago_ms) || r.at != r.end)
        return false;
    *ret_ms = now_ms - ago_ms;
    return true;
}

int log_time_parse(const char *option, const char *text, int64_t now_ms, int64_t *ret_ms,
                   struct err *e)
{
    if (parse(str_from(text), now_ms, ret_ms))
        return 0;
    return err_set(e, -EINVAL,
                   "%s: no time: %.60s (such as 10m, \"2h ago\", 12:30, yesterday, 2026-11-27, "
                   "\"2026-11-27 12:30:00\")",
                   option, text);
}

/* ---- what logs have ---- */

bool log_time_of_line(struct str line, int64_t *ret_ms)
{
    static const char key[] = "\"timestamp\":\"";
    struct reader r = {line.p, line.p + line.n};
    if (line.n > 0 && *line.p == '{') {
        /* The last of them: a message may contain one. */
        for (const char *at = line.p;
             (at = memmem(at, (size_t)(r.end - at), key, sizeof(key) - 1));)
            r.at = at += sizeof(key) - 1;
        return r.at != line.p && take_date(&r, false, ret_ms);
    }
    (void)take_char(&r, "[(<");
    return take_date(&r, false, ret_ms);
}
