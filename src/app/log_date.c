/* SPDX-License-Identifier: MIT
 * Tokens are runs of one letter, taken as long as day.js takes them. Pure. */
#include "app/log_date.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

#define STRFTIME_BYTES 256
#define NOON           12

static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};
static const char *const days[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

struct moment {
    struct buf *out;
    const struct tm *tm;
    int ms;
};

static void number(const struct moment *m, int value, size_t length)
{
    buf_printf(m->out, "%0*d", length > 1 ? 2 : 1, value);
}

/* One or two letters: the number. Three: the name's first three. Four: all of it. */
static void number_or_name(const struct moment *m, int value, const char *name, size_t length)
{
    if (length <= 2)
        number(m, value, length);
    else
        buf_add(m->out, name, length == 3 ? 3 : strlen(name));
}

static void zone(const struct moment *m, const char *between)
{
    long minutes = labs(m->tm->tm_gmtoff) / 60;
    buf_printf(m->out, "%c%02ld%s%02ld", m->tm->tm_gmtoff < 0 ? '-' : '+', minutes / 60, between,
               minutes % 60);
}

static void year(const struct moment *m, size_t length)
{
    int value = m->tm->tm_year + 1900;
    if (length == 4)
        buf_printf(m->out, "%04d", value);
    else if (length == 2)
        number(m, value % 100, 2);
    else
        zone(m, "");
}

static void month(const struct moment *m, size_t length)
{
    number_or_name(m, m->tm->tm_mon + 1, months[m->tm->tm_mon % 12], length);
}

static void day(const struct moment *m, size_t length)
{
    number(m, m->tm->tm_mday, length);
}

static void weekday(const struct moment *m, size_t length)
{
    const char *name = days[m->tm->tm_wday % 7];
    if (length == 2)
        buf_add(m->out, name, 2);
    else
        number_or_name(m, m->tm->tm_wday, name, length);
}

static void hour(const struct moment *m, size_t length)
{
    number(m, m->tm->tm_hour, length);
}

static void hour_of_half(const struct moment *m, size_t length)
{
    number(m, m->tm->tm_hour % NOON ? m->tm->tm_hour % NOON : NOON, length);
}

static void minute(const struct moment *m, size_t length)
{
    number(m, m->tm->tm_min, length);
}

static void second(const struct moment *m, size_t length)
{
    number(m, m->tm->tm_sec, length);
}

static void millisecond(const struct moment *m, size_t length)
{
    (void)length;
    buf_printf(m->out, "%03d", m->ms);
}

static void half_small(const struct moment *m, size_t length)
{
    (void)length;
    buf_add_c(m->out, m->tm->tm_hour < NOON ? "am" : "pm");
}

static void half_capital(const struct moment *m, size_t length)
{
    (void)length;
    buf_add_c(m->out, m->tm->tm_hour < NOON ? "AM" : "PM");
}

static void offset(const struct moment *m, size_t length)
{
    zone(m, length == 1 ? ":" : "");
}

static const struct {
    char letter;
    unsigned char least, most; /* letters of a token */
    void (*add)(const struct moment *m, size_t length);
} tokens[] = {
    {'Y', 1, 4, year},       {'M', 1, 4, month},        {'D', 1, 2, day},
    {'d', 1, 4, weekday},    {'H', 1, 2, hour},         {'h', 1, 2, hour_of_half},
    {'m', 1, 2, minute},     {'s', 1, 2, second},       {'S', 3, 3, millisecond},
    {'a', 1, 1, half_small}, {'A', 1, 1, half_capital}, {'Z', 1, 2, offset},
};

/* How many letters of `at` are a token, which is appended; 0 = none. */
static size_t take_token(const struct moment *m, const char *at)
{
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        size_t length = 0;
        if (*at != tokens[i].letter)
            continue;
        while (length < tokens[i].most && at[length] == *at)
            length++;
        if (length < tokens[i].least)
            return 0;
        tokens[i].add(m, length);
        return length;
    }
    return 0;
}

/* The same for text in brackets. */
static size_t take_text(struct buf *out, const char *at)
{
    const char *end = *at == '[' ? strchr(at + 1, ']') : NULL;
    if (!end || end == at + 1)
        return 0;
    buf_add(out, at + 1, (size_t)(end - at) - 1);
    return (size_t)(end - at) + 1;
}

/* strftime(3) says 0 both when there is no room and when there is nothing to say. */
static void add_strftime(struct buf *out, const char *format, const struct tm *tm)
{
    char text[STRFTIME_BYTES];
    size_t n = strftime(text, sizeof(text), format, tm);
    buf_add(out, text, n);
}

void log_date_add(struct buf *out, const char *format, const struct tm *tm, int ms)
{
    const struct moment m = {out, tm, ms};
    if (strchr(format, '%')) {
        add_strftime(out, format, tm);
        return;
    }
    while (*format) {
        size_t n = take_token(&m, format);
        n = n ? n : take_text(out, format);
        if (n == 0) {
            buf_add_byte(out, *format);
            n = 1;
        }
        format += n;
    }
}
