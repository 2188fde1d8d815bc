/* SPDX-License-Identifier: MIT
 * JSON5 tokens: white space, comments, strings, names, numbers. Pure. The text is known to be UTF-8
 * without NUL bytes (json5_read). */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "json/json5_priv.h"
#include "json/read.h"

enum { SURROGATE_HIGH = 0xD800, SURROGATE_LOW = 0xDC00, SURROGATE_END = 0xE000 };
#define WHOLE_MAX 9007199254740992.0 /* 2^53: above it a double may not be the number written */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static bool at_text(const struct json5 *j, const char *p, struct str word)
{
    return str_starts((struct str){p, (size_t)(j->end - p)}, word);
}

/* Bytes of the character at `p`. */
static size_t char_bytes(const struct json5 *j, const char *p)
{
    size_t n = 1;
    while (p + n < j->end && ((unsigned char)p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

bool json5_fail(struct json5 *j, const char *at, int code, const char *fmt, ...)
{
    if (j->rc)
        return false;
    long line = 1, column = 1;
    for (const char *p = j->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            column++;
        }
    }
    char why[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    j->rc = err_set(j->e, code, "line %ld column %ld: %s", line, column, why);
    return false;
}

bool json5_fail_oom(struct json5 *j)
{
    if (!j->rc)
        j->rc = err_set(j->e, -ENOMEM, "out of memory");
    return false;
}

bool json5_expected(struct json5 *j, const char *what)
{
    if (j->p == j->end)
        return json5_fail(j, j->p, -EINVAL, "expected %s, but the text ends", what);
    if ((unsigned char)*j->p < ' ')
        return json5_fail(j, j->p, -EINVAL, "expected %s, but the line ends", what);
    return json5_fail(j, j->p, -EINVAL, "expected %s, but found '%.*s'", what,
                      (int)char_bytes(j, j->p), j->p);
}

/* Bytes of the line end, or of the other white space, at `p`; 0 when there is none. */
static size_t newline_bytes(const struct json5 *j, const char *p)
{
    if (*p == '\n')
        return 1;
    if (*p == '\r')
        return at_text(j, p, STR("\r\n")) ? 2 : 1;
    return at_text(j, p, STR("\u2028")) || at_text(j, p, STR("\u2029")) ? 3 : 0;
}

static size_t blank_bytes(const struct json5 *j, const char *p)
{
    /* U+2000 to U+200A are matched by their first two bytes */
    static const struct str wide[] = {
        {"\u00A0", 2}, {"\uFEFF", 3}, {"\u1680", 3}, {"\u202F", 3}, {"\u205F", 3}, {"\u3000", 3},
    };
    if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
        return 1;
    if (!((unsigned char)*p & 0x80))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (at_text(j, p, wide[i]))
            return wide[i].n;
    if (at_text(j, p, STR("\xE2\x80")) && (unsigned char)p[2] <= 0x8A)
        return 3;
    return newline_bytes(j, p);
}

static bool skip_comment(struct json5 *j)
{
    const char *begin = j->p;
    if (j->p + 1 < j->end && j->p[1] == '/') {
        while (j->p < j->end && !newline_bytes(j, j->p))
            j->p++;
        return true;
    }
    if (j->p + 1 == j->end || j->p[1] != '*')
        return json5_fail(j, begin, -EINVAL, "'/' begins no comment");
    for (j->p += 2; j->p < j->end; j->p++) {
        if (at_text(j, j->p, STR("*/"))) {
            j->p += 2;
            return true;
        }
    }
    return json5_fail(j, begin, -EINVAL, "this comment is never closed");
}

bool json5_skip(struct json5 *j)
{
    while (j->p < j->end) {
        if (*j->p == ' ') { /* nearly always: files are indented */
            j->p++;
            continue;
        }
        size_t n = blank_bytes(j, j->p);
        j->p += n;
        if (n > 0)
            continue;
        if (*j->p != '/')
            return true;
        if (!skip_comment(j))
            return false;
    }
    return true;
}

static void add_utf8(struct buf *b, unsigned c)
{
    if (c < 0x80) {
        buf_add_byte(b, (char)c);
    } else if (c < 0x800) {
        buf_add_byte(b, (char)(0xC0 | c >> 6));
        buf_add_byte(b, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_add_byte(b, (char)(0xE0 | c >> 12));
        buf_add_byte(b, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_add_byte(b, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_add_byte(b, (char)(0xF0 | c >> 18));
        buf_add_byte(b, (char)(0x80 | (c >> 12 & 0x3F)));
        buf_add_byte(b, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_add_byte(b, (char)(0x80 | (c & 0x3F)));
    }
}

/* `digits` hexadecimal digits at `p`; -1 when they are not there. */
static int hex_digits(const struct json5 *j, const char *p, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        int v = p + i < j->end ? hex_value(p[i]) : -1;
        if (v < 0)
            return -1;
        value = value << 4 | v;
    }
    return value;
}

/* \xHH or \uHHHH, at the letter; a pair of surrogates is one character. */
static bool escape_hex(struct json5 *j)
{
    int digits = *j->p == 'x' ? 2 : 4;
    int c = hex_digits(j, j->p + 1, digits);
    if (c < 0)
        return json5_fail(j, j->p - 1, -EINVAL, "'\\%c' needs %d hexadecimal digits", *j->p,
                          digits);
    if (c == 0)
        return json5_fail(j, j->p - 1, -EILSEQ, "a string cannot have a NUL character");
    j->p += 1 + digits;
    if (c >= SURROGATE_HIGH && c < SURROGATE_END) {
        int low = at_text(j, j->p, STR("\\u")) ? hex_digits(j, j->p + 2, 4) : -1;
        if (c < SURROGATE_LOW && low >= SURROGATE_LOW && low < SURROGATE_END) {
            j->p += 6;
            c = 0x10000 + ((c - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
        } else {
            c = 0xFFFD;
        }
    }
    add_utf8(&j->text, (unsigned)c);
    return true;
}

/* Behind a backslash. */
static bool escape(struct json5 *j)
{
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    if (j->p == j->end)
        return json5_expected(j, "the rest of the string");
    const char *known = strchr(from, *j->p);
    size_t line_end = newline_bytes(j, j->p);
    if (line_end) {
        j->p += line_end;
    } else if (known) {
        buf_add_byte(&j->text, to[known - from]);
        j->p++;
    } else if (*j->p == 'x' || *j->p == 'u') {
        return escape_hex(j);
    } else if (*j->p == '0') {
        return json5_fail(j, j->p - 1, -EILSEQ, "a string cannot have a NUL character");
    } else if (is_digit(*j->p)) {
        return json5_fail(j, j->p - 1, -EINVAL, "'\\%c' is no escape sequence", *j->p);
    } else {
        buf_add_byte(&j->text, *j->p++); /* itself; of a longer character, the rest follows */
    }
    return true;
}

bool json5_string(struct json5 *j, struct str *ret)
{
    const char *begin = j->p;
    char quote = *j->p++;
    const char *run = j->p; /* not copied yet */
    bool copied = false;
    buf_clear(&j->text);
    for (; j->p < j->end && *j->p != quote && *j->p != '\n' && *j->p != '\r';) {
        if (*j->p != '\\') {
            j->p++;
            continue;
        }
        buf_add(&j->text, run, (size_t)(j->p - run));
        copied = true;
        j->p++;
        if (!escape(j))
            return false;
        run = j->p;
    }
    if (j->p == j->end || *j->p != quote)
        return json5_fail(j, begin, -EINVAL, "this string is not closed on its line");
    *ret = (struct str){run, (size_t)(j->p - run)};
    j->p++;
    if (copied) {
        buf_add_str(&j->text, *ret);
        *ret = buf_str(&j->text);
    }
    return buf_oom(&j->text) ? json5_fail_oom(j) : true;
}

/* Of characters beyond ASCII all but white space can be part of a name: JavaScript is stricter, and
 * nobody is served by it. */
bool json5_in_name(const struct json5 *j, const char *p)
{
    char c = *p;
    if (c & 0x80)
        return blank_bytes(j, p) == 0;
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$';
}

bool json5_identifier(struct json5 *j, struct str *ret)
{
    const char *begin = j->p;
    if (j->p == j->end || is_digit(*j->p) || !json5_in_name(j, j->p))
        return json5_expected(j, "a key or '}'");
    while (j->p < j->end && json5_in_name(j, j->p))
        j->p += char_bytes(j, j->p);
    *ret = (struct str){begin, (size_t)(j->p - begin)};
    return true;
}

static json_t *new_number(struct json5 *j, double value)
{
    json_t *n = NULL;
    if (isnan(value) || isinf(value))
        n = json_null();
    else if (fabs(value) < WHOLE_MAX && value == floor(value))
        n = json_integer((json_int_t)value);
    else
        n = json_real(value);
    if (!n)
        json5_fail_oom(j);
    return n;
}

static json_t *hex_number(struct json5 *j, bool negative)
{
    const char *digits = j->p + 2;
    double value = 0;
    for (j->p = digits; j->p < j->end && hex_value(*j->p) >= 0; j->p++)
        value = value * 16 + hex_value(*j->p);
    if (j->p == digits) {
        json5_expected(j, "a hexadecimal digit");
        return NULL;
    }
    return new_number(j, negative ? -value : value);
}

static size_t skip_digits(struct json5 *j)
{
    const char *begin = j->p;
    while (j->p < j->end && is_digit(*j->p))
        j->p++;
    return (size_t)(j->p - begin);
}

/* The number's text is in j->text as strict JSON has it. jansson converts it: strtod alone would go
 * by the locale's decimal point. */
static json_t *real_number(struct json5 *j)
{
    struct err e = {0};
    if (buf_oom(&j->text)) {
        json5_fail_oom(j);
        return NULL;
    }
    AUTO_JSON value = json_read(buf_str(&j->text), &e);
    if (!value && e.code == -ENOMEM) {
        json5_fail_oom(j);
        return NULL;
    }
    if (json_is_integer(value))
        return json_incref(value);
    return new_number(j, value ? json_real_value(value) : INFINITY);
}

static json_t *decimal_number(struct json5 *j, bool negative)
{
    const char *begin = j->p;
    size_t whole = skip_digits(j), fraction = 0;
    if (whole > 1 && *begin == '0') {
        json5_fail(j, begin, -EINVAL, "a number cannot begin with a zero");
        return NULL;
    }
    bool is_whole = j->p == j->end || (*j->p != '.' && (*j->p | 0x20) != 'e');
    if (is_whole && whole > 0 && whole <= 18) {
        json_int_t n = 0;
        for (const char *p = begin; p < j->p; p++)
            n = n * 10 + (*p - '0');
        json_t *value = json_integer(negative ? -n : n);
        if (!value)
            json5_fail_oom(j);
        return value;
    }
    buf_clear(&j->text);
    buf_add_c(&j->text, negative ? "-" : "");
    buf_add(&j->text, whole ? begin : "0", whole ? whole : 1);
    if (j->p < j->end && *j->p == '.') {
        const char *point = j->p++;
        fraction = skip_digits(j);
        if (fraction)
            buf_add(&j->text, point, 1 + fraction);
    }
    if (whole + fraction == 0) {
        json5_expected(j, "a digit");
        return NULL;
    }
    if (j->p < j->end && (*j->p | 0x20) == 'e') {
        const char *exponent = j->p++;
        if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
            j->p++;
        if (skip_digits(j) == 0) {
            json5_expected(j, "a digit of the exponent");
            return NULL;
        }
        buf_add(&j->text, exponent, (size_t)(j->p - exponent));
    }
    return real_number(j);
}

json_t *json5_number(struct json5 *j)
{
    bool negative = *j->p == '-';
    if (negative || *j->p == '+')
        j->p++;
    static const struct str names[] = {{"Infinity", 8}, {"NaN", 3}};
    json_t *value = NULL;
    for (size_t i = 0; !value && i < ARRAY_LEN(names); i++) {
        if (at_text(j, j->p, names[i])) {
            j->p += names[i].n;
            value = json_null();
        }
    }
    if (!value && (at_text(j, j->p, STR("0x")) || at_text(j, j->p, STR("0X"))))
        value = hex_number(j, negative);
    else if (!value)
        value = decimal_number(j, negative);
    if (value && j->p < j->end && json5_in_name(j, j->p)) {
        json5_expected(j, "the end of the number");
        json_decref(value);
        value = NULL;
    }
    return value;
}
