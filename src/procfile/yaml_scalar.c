/* SPDX-License-Identifier: MIT
 * What a plain YAML scalar means, in js-yaml 4's default schema. Pure. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/attr.h"
#include "base/buf.h"
#include "procfile/yaml.h"
#include "json/json5.h"

#define NUMBER_BYTES 1024 /* a longer scalar is no number */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static json_t *constant(struct str s)
{
    static const struct {
        const char *text;
        json_t *(*value)(void);
    } rows[] = {
        {"", json_null},       {"~", json_null},      {"null", json_null},   {"Null", json_null},
        {"NULL", json_null},   {"true", json_true},   {"True", json_true},   {"TRUE", json_true},
        {"false", json_false}, {"False", json_false}, {"FALSE", json_false}, {".inf", json_null},
        {".Inf", json_null},   {".INF", json_null},   {"-.inf", json_null},  {"-.Inf", json_null},
        {"-.INF", json_null},  {"+.inf", json_null},  {"+.Inf", json_null},  {"+.INF", json_null},
        {".nan", json_null},   {".NaN", json_null},   {".NAN", json_null},
    };
    for (size_t i = 0; s.n <= 5 && i < ARRAY_LEN(rows); i++)
        if (str_eq_c(s, rows[i].text))
            return rows[i].value();
    return NULL;
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* 0b, 0o, 0x. False: none of them. */
static bool radix_number(struct str s, double *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (negative || s.p[0] == '+'))
        s = (struct str){s.p + 1, s.n - 1};
    if (s.n < 3 || s.p[0] != '0')
        return false;
    int radix = s.p[1] == 'b' ? 2 : s.p[1] == 'o' ? 8 : s.p[1] == 'x' ? 16 : 0;
    double value = 0;
    for (size_t i = 2; i < s.n; i++) {
        if (digit_value(s.p[i]) >= radix)
            return false;
        value = value * radix + digit_value(s.p[i]);
    }
    *ret = negative ? -value : value;
    return true;
}

static size_t skip_digits(struct str s, size_t i)
{
    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i;
}

/* [-+]?[0-9]+(\.[0-9]*)? or \.[0-9]+, and an exponent. That "-.5" is a string is js-yaml's. */
static bool is_decimal(struct str s)
{
    size_t i = s.n > 1 && (s.p[0] == '-' || s.p[0] == '+');
    if (i < s.n && is_digit(s.p[i])) {
        i = skip_digits(s, i);
        if (i < s.n && s.p[i] == '.')
            i = skip_digits(s, i + 1);
    } else if (s.n > 1 && s.p[0] == '.' && is_digit(s.p[1])) {
        i = skip_digits(s, 1);
    } else {
        return false;
    }
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        size_t digits = i + 1 + (i + 1 < s.n && (s.p[i + 1] == '-' || s.p[i + 1] == '+'));
        i = skip_digits(s, digits);
        if (i == digits)
            return false;
    }
    return i == s.n;
}

/* By way of the JSON5 reader, which knows JavaScript's numbers, but no zeros in front. What is too
 * large for a number is null there, and a string here. */
static json_t *decimal_number(struct str s)
{
    char text[NUMBER_BYTES + 1];
    size_t i = s.p[0] == '-' || s.p[0] == '+';
    text[0] = s.p[0] == '-' ? '-' : '+';
    while (i + 1 < s.n && s.p[i] == '0' && is_digit(s.p[i + 1]))
        i++;
    memcpy(text + 1, s.p + i, s.n - i);
    json_t *value = json5_read((struct str){text, 1 + s.n - i}, NULL, NULL);
    return json_is_null(value) ? json_stringn_nocheck(s.p, s.n) : value;
}

/* `min` to `max` digits at *at; false when they are not there. */
static bool take_digits(struct str s, size_t *at, int min, int max, int *ret)
{
    int n = 0;
    *ret = 0;
    while (n < max && *at < s.n && is_digit(s.p[*at])) {
        *ret = *ret * 10 + (s.p[(*at)++] - '0');
        n++;
    }
    return n >= min;
}

static bool take_char(struct str s, size_t *at, const char *set)
{
    bool is_there = *at < s.n && strchr(set, s.p[*at]);
    *at += is_there;
    return is_there;
}

/* .123, of any length; what is beyond milliseconds is lost. */
static int take_fraction(struct str s, size_t *at)
{
    int ms = 0, weight = 100;
    if (!take_char(s, at, "."))
        return 0;
    for (; *at < s.n && is_digit(s.p[*at]); (*at)++) {
        ms += (s.p[*at] - '0') * weight;
        weight /= 10;
    }
    return ms;
}

/* Nothing, Z, or +h[h][:mm]: minutes east of Greenwich. */
static bool take_zone(struct str s, size_t *at, int *ret_minutes)
{
    int hours = 0, minutes = 0;
    *ret_minutes = 0;
    if (*at == s.n)
        return true;
    while (take_char(s, at, " \t"))
        ;
    if (take_char(s, at, "Z"))
        return *at == s.n;
    bool west = *at < s.n && s.p[*at] == '-';
    if (!take_char(s, at, "+-") || !take_digits(s, at, 1, 2, &hours))
        return false;
    if (take_char(s, at, ":") && !take_digits(s, at, 2, 2, &minutes))
        return false;
    *ret_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return *at == s.n;
}

/* The time behind the date, with its zone. */
static bool take_time(struct str s, size_t *at, struct tm *tm, int *ret_ms, int *ret_zone)
{
    if (!take_char(s, at, "Tt")) {
        if (!take_char(s, at, " \t"))
            return false;
        while (take_char(s, at, " \t"))
            ;
    }
    if (!take_digits(s, at, 1, 2, &tm->tm_hour) || !take_char(s, at, ":") ||
        !take_digits(s, at, 2, 2, &tm->tm_min) || !take_char(s, at, ":") ||
        !take_digits(s, at, 2, 2, &tm->tm_sec))
        return false;
    *ret_ms = take_fraction(s, at);
    return take_zone(s, at, ret_zone);
}

/* 2026-01-31, or with a time behind it, as Date.prototype.toISOString writes it. False: neither. */
static bool timestamp(struct str s, char *ret_text, size_t size)
{
    size_t at = 0;
    int year, ms = 0, zone = 0;
    struct tm tm = {0};
    if (s.n < 8 || !take_digits(s, &at, 4, 4, &year) || !take_char(s, &at, "-") ||
        !take_digits(s, &at, 1, 2, &tm.tm_mon) || !take_char(s, &at, "-") ||
        !take_digits(s, &at, 1, 2, &tm.tm_mday))
        return false;
    if (at == s.n ? s.n != 10 : !take_time(s, &at, &tm, &ms, &zone))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon--;
    time_t t = timegm(&tm) - (time_t)zone * 60;
    gmtime_r(&t, &tm);
    int n = snprintf(ret_text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    return n > 0 && (size_t)n < size;
}

static json_t *whole(double number)
{
    if (fabs(number) < 9007199254740992.0) /* 2^53 */
        return json_integer((json_int_t)number);
    return isinf(number) ? json_null() : json_real(number);
}

json_t *yaml_plain(struct str s)
{
    char date[64];
    double number;
    json_t *known = constant(s);
    if (known)
        return known;
    if (s.n <= NUMBER_BYTES && radix_number(s, &number))
        return whole(number);
    if (s.n <= NUMBER_BYTES && is_decimal(s))
        return decimal_number(s);
    if (timestamp(s, date, sizeof(date)))
        return json_string_nocheck(date);
    return json_stringn_nocheck(s.p, s.n);
}
