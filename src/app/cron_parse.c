/* SPDX-License-Identifier: MIT
 * Reads patterns. The messages are those of PM2's scheduler, because people search for them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/cron.h"
#include "app/cron_civil.h"
#include "base/attr.h"
#include "base/str.h"

enum { SECONDS, MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS, FIELD_COUNT };

#define TEXT_MAX   256
#define TOO_LARGE  10000 /* any number above is out of range in every field */
#define NAME_BYTES 3

static const struct field {
    const char *name;
    int low, high;
    const char *names; /* three letters each, the first is `low` */
} fields[FIELD_COUNT] = {
    [SECONDS] = {"seconds", 0, 59, NULL},
    [MINUTES] = {"minutes", 0, 59, NULL},
    [HOURS] = {"hours", 0, 23, NULL},
    [DAYS] = {"days", 1, 31, NULL},
    [MONTHS] = {"months", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [WEEKDAYS] = {"daysOfWeek", 0, 7, "sunmontuewedthufrisat"},
};

struct reader {
    const struct field *field;
    int current; /* what ? stands for */
    struct str text;
    struct err *e;
};

static int refuse(struct err *e, const char *what, struct str text)
{
    return err_set(e, -EINVAL, "Cron pattern error: CronPattern: %s: '%.*s'", what, STR_ARG(text));
}

static int find_name(const char *names, const char *p)
{
    for (int i = 0; names && names[i * NAME_BYTES]; i++)
        if (strncasecmp(names + i * NAME_BYTES, p, NAME_BYTES) == 0)
            return i;
    return -1;
}

/* Cuts a number, a name or ? off the front. */
static bool take_value(const struct reader *r, struct str *rest, int *ret)
{
    int value = 0;
    size_t n = 0;
    if (rest->n > 0 && rest->p[0] == '?') {
        value = r->current;
        n = 1;
    }
    for (; n < rest->n && rest->p[0] != '?' && isdigit((unsigned char)rest->p[n]); n++)
        if (value < TOO_LARGE)
            value = value * 10 + rest->p[n] - '0';
    if (n == 0 && rest->n >= NAME_BYTES) {
        int index = find_name(r->field->names, rest->p);
        if (index >= 0) {
            value = index + r->field->low;
            n = NAME_BYTES;
        }
    }
    *rest = (struct str){rest->p + n, rest->n - n};
    *ret = value;
    return n > 0;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c)
        return false;
    *rest = (struct str){rest->p + 1, rest->n - 1};
    return true;
}

/* What follows the slash; 0 = syntax error, which is reported. */
static int take_step(const struct reader *r, struct str *rest, struct str item)
{
    int step;
    int most = r->field->high - r->field->low + 1;
    if (!take_value(r, rest, &step))
        refuse(r->e, "Syntax error, illegal stepping", item);
    else if (step == 0)
        err_set(r->e, -EINVAL,
                "Cron pattern error: CronPattern: Syntax error, illegal stepping: 0");
    else if (step > most)
        err_set(r->e, -EINVAL,
                "Cron pattern error: CronPattern: Syntax error, steps cannot be greater than "
                "maximum value of part (%d)",
                most);
    else
        return step;
    return 0;
}

static int add_item(const struct reader *r, struct str item, uint64_t *set)
{
    const struct field *f = r->field;
    struct str rest = item;
    int from = f->low, to = f->high, step = 1;
    bool is_all = take_char(&rest, '*');
    bool is_range = false;
    if (!is_all) {
        if (!take_value(r, &rest, &from))
            return refuse(r->e, "Syntax error, no value", item);
        to = from;
        is_range = take_char(&rest, '-');
        if (is_range && !take_value(r, &rest, &to))
            return refuse(r->e, "Syntax error, illegal range", item);
    }
    if (take_char(&rest, '/')) {
        step = take_step(r, &rest, item);
        if (step == 0)
            return -EINVAL;
        if (!is_all && !is_range) { /* see the header: croner counts from 0 here */
            from += f->low;
            to = f->high;
            if (from > to)
                return refuse(r->e, "Value out of range", item);
        }
    }
    if (rest.n > 0)
        return refuse(r->e, "Syntax error, illegal characters", item);
    if (!is_range && (from < f->low || from > f->high))
        return err_set(r->e, -EINVAL,
                       "Cron pattern error: CronPattern: %s value out of range: '%.*s'", f->name,
                       STR_ARG(item));
    if (from < f->low || to > f->high)
        return refuse(r->e, "Value out of range", item);
    if (from > to)
        return refuse(r->e, "From value is larger than to value", item);
    for (int i = from; i <= to; i += step)
        *set |= UINT64_C(1) << i;
    return 0;
}

static int read_field(const struct reader *r, uint64_t *ret)
{
    *ret = 0;
    struct str rest = r->text;
    for (;;) {
        const char *comma = memchr(rest.p, ',', rest.n);
        struct str item = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
        int rc = add_item(r, item, ret);
        if (rc < 0 || !comma)
            return rc;
        rest = (struct str){comma + 1, rest.n - item.n - 1};
    }
}

static int no_offset(void *ctx, int64_t utc_s)
{
    (void)ctx;
    (void)utc_s;
    return 0;
}

int cron_check(const char *text, struct err *e)
{
    static const struct cron_zone utc = {NULL, no_offset};
    struct cron ignored;
    return cron_parse(text, &utc, 0, &ignored, e);
}

/* How many words there are; the first `max` of them in `ret`. */
static int split_words(const char *text, struct str *ret, int max)
{
    static const char blanks[] = " \t\r\n\v\f";
    int n = 0;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        size_t len = strcspn(text, blanks);
        if (n < max)
            ret[n] = (struct str){text, len};
        n++;
        text += len;
    }
    return n;
}

static void read_clock(const struct cron_zone *zone, int64_t now_s, int ret[FIELD_COUNT])
{
    int second;
    int64_t days = civil_split(now_s + zone->offset_at(zone->ctx, now_s), &second);
    struct civil d = civil_from_days(days);
    ret[SECONDS] = second % 60;
    ret[MINUTES] = second / 60 % 60;
    ret[HOURS] = second / 3600;
    ret[DAYS] = d.day;
    ret[MONTHS] = d.month;
    ret[WEEKDAYS] = civil_weekday(days);
}

static int parse_pattern(const char *text, const int clock[FIELD_COUNT], struct cron *ret,
                         struct err *e)
{
    struct str words[FIELD_COUNT];
    uint64_t sets[FIELD_COUNT];
    int n = split_words(text, words + 1, FIELD_COUNT - 1);
    if (n == FIELD_COUNT)
        split_words(text, words, FIELD_COUNT);
    else
        words[SECONDS] = STR("0");
    if (n != FIELD_COUNT && n != FIELD_COUNT - 1)
        return err_set(e, -EINVAL,
                       "Cron pattern error: CronPattern: invalid configuration format ('%s'), "
                       "exacly five or six space separated parts required.",
                       text);
    ret->last_day = words[DAYS].n == 1 && toupper((unsigned char)words[DAYS].p[0]) == 'L';
    if (ret->last_day)
        words[DAYS] = STR("*");
    for (int i = 0; i < FIELD_COUNT; i++) {
        struct reader r = {&fields[i], clock[i], words[i], e};
        int rc = read_field(&r, &sets[i]);
        if (rc < 0)
            return rc;
    }
    ret->seconds = sets[SECONDS];
    ret->minutes = sets[MINUTES];
    ret->hours = (uint32_t)sets[HOURS];
    ret->days = (uint32_t)sets[DAYS];
    ret->months = (uint16_t)sets[MONTHS];
    ret->weekdays = (uint8_t)((sets[WEEKDAYS] | sets[WEEKDAYS] >> 7) & 0x7f);
    return 0;
}

/* "Z", "+02:00" or nothing, behind an optional fraction. */
static bool read_zone(const char *p, bool *ret_is_local, int *ret_offset_s)
{
    int hours, minutes, used = 0;
    char sign;
    if (*p == '.')
        p += 1 + strspn(p + 1, "0123456789");
    *ret_offset_s = 0;
    *ret_is_local = *p == '\0';
    if (*ret_is_local || strcmp(p, "Z") == 0)
        return true;
    if (sscanf(p, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || p[used])
        return false;
    if ((sign != '+' && sign != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_offset_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static int parse_instant(const char *text, struct cron *ret, struct err *e)
{
    struct civil d;
    int hour, minute, second, offset_s, used = 0;
    text += strspn(text, " ");
    if (strspn(text, "0123456789") == 4 &&
        sscanf(text, "%4d-%2d-%2d%*[T ]%2d:%2d:%2d%n", &d.year, &d.month, &d.day, &hour, &minute,
               &second, &used) == 6 &&
        d.month >= 1 && d.month <= 12 && d.day >= 1 &&
        d.day <= civil_month_length(d.year, d.month) && hour >= 0 && hour < 24 && minute >= 0 &&
        minute < 60 && second >= 0 && second < 60 &&
        read_zone(text + used, &ret->once_is_local, &offset_s)) {
        ret->is_once = true;
        ret->once_s = civil_to_days(d) * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
        return 0;
    }
    return err_set(e, -EINVAL,
                   "Cron pattern error: CronDate: Provided string value for CronDate could not be "
                   "parsed as date.");
}

bool cron_is_off(const char *text)
{
    return !text || !*text || strcmp(text, "0") == 0;
}

int cron_parse(const char *text, const struct cron_zone *zone, int64_t now_s, struct cron *ret,
               struct err *e)
{
    int clock[FIELD_COUNT];
    *ret = (struct cron){0};
    if (strlen(text) > TEXT_MAX)
        return err_set(e, -EINVAL, "Cron pattern error: more than %d bytes", TEXT_MAX);
    if (strchr(text, ':'))
        return parse_instant(text, ret, e);
    read_clock(zone, now_s, clock);
    return parse_pattern(text, clock, ret, e);
}
