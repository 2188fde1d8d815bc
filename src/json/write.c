/* SPDX-License-Identifier: MIT
 * The streaming JSON writer. Pure: bytes into a buffer. */
#include "json/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void lead(struct jw *w)
{
    if (w->need_comma)
        buf_add_byte(w->out, ',');
    w->need_comma = true;
}

void jw_obj_begin(struct jw *w)
{
    lead(w);
    buf_add_byte(w->out, '{');
    w->need_comma = false;
}

void jw_obj_end(struct jw *w)
{
    buf_add_byte(w->out, '}');
    w->need_comma = true;
}

void jw_arr_begin(struct jw *w)
{
    lead(w);
    buf_add_byte(w->out, '[');
    w->need_comma = false;
}

void jw_arr_end(struct jw *w)
{
    buf_add_byte(w->out, ']');
    w->need_comma = true;
}

/* Length of the UTF-8 sequence at p (1..4), 0 when it is not valid. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return len;
}

static void quote_special(struct buf *out, unsigned char c)
{
    static const char short_form[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                         ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    if (short_form[c]) {
        buf_add_byte(out, '\\');
        buf_add_byte(out, short_form[c]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define EACH_BYTE(x) (0x0101010101010101u * (x))

/* Whether one of eight bytes is not plain. A byte below the subtrahend sets its high bit; what it
 * borrows can only spoil the answer for bytes above it, when the answer is yes already. */
static bool has_special(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    uint64_t control = x - EACH_BYTE(0x20);
    uint64_t quote = (x ^ EACH_BYTE('"')) - EACH_BYTE(1);
    uint64_t slash = (x ^ EACH_BYTE('\\')) - EACH_BYTE(1);
    return (x | control | quote | slash) & EACH_BYTE(0x80);
}

static size_t plain_run(const unsigned char *p, size_t n)
{
    size_t i = 0;
    while (n - i >= sizeof(uint64_t) && !has_special(p + i))
        i += sizeof(uint64_t);
    while (i < n && is_plain(p[i]))
        i++;
    return i;
}

void json_quote(struct buf *out, struct str s)
{
    const unsigned char *p = (const unsigned char *)(s.n > 0 ? s.p : "");
    size_t i = 0;
    size_t run = 0; /* start of the bytes not yet copied */
    buf_reserve(out, s.n + 2);
    buf_add_byte(out, '"');
    while ((i += plain_run(p + i, s.n - i)) < s.n) {
        size_t len = utf8_len(p + i, s.n - i);
        if (len > 1) {
            i += len;
            continue;
        }
        buf_add(out, p + run, i - run);
        if (len == 0)
            buf_add_c(out, "\xEF\xBF\xBD");
        else
            quote_special(out, p[i]);
        run = ++i;
    }
    buf_add(out, p + run, i - run);
    buf_add_byte(out, '"');
}

/* Numbers are a third of all that is written, and printf is slow. */
static void add_int(struct buf *out, int64_t value)
{
    char text[20]; /* -9223372036854775808 */
    char *at = text + sizeof(text);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--at = '-';
    buf_add(out, at, (size_t)(text + sizeof(text) - at));
}

/* The fewest digits that read back the same, as d.ddde+x. That is the nearest decimal of its
 * length, but for a few powers of two: doubles lie closer below them than above, so that rounding
 * down may miss where the next decimal up, of the same length, does not. */
static void shortest_text(char *text, size_t size, double value)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            return;
        char *last = strchr(text, 'e') - 1;
        if (digits == 16 && *last < '9') {
            ++*last;
            if (strtod(text, NULL) == value)
                return;
        }
    }
}

void json_number_text(struct buf *out, double value)
{
    if (isnan(value) || isinf(value)) {
        buf_add_c(out, "null");
        return;
    }
    if (value == 0) {
        buf_add_byte(out, '0'); /* JSON.stringify(-0) is 0 */
        return;
    }
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        add_int(out, (int64_t)value);
        return;
    }
    char text[40];
    shortest_text(text, sizeof(text), value);

    char digits[24] = "";
    size_t n = 0;
    char *exp_at = strchr(text, 'e');
    for (char *c = text; c < exp_at; c++)
        if (*c >= '0' && *c <= '9')
            digits[n++] = *c;
    int exp10 = (int)strtol(exp_at + 1, NULL, 10); /* value = d.ddd * 10^exp10 */
    if (value < 0)
        buf_add_byte(out, '-');
    if (exp10 >= 21 || exp10 < -6) {
        buf_add_byte(out, digits[0]);
        if (n > 1) {
            buf_add_byte(out, '.');
            buf_add(out, digits + 1, n - 1);
        }
        buf_printf(out, "e%+d", exp10);
    } else if (exp10 < 0) {
        buf_add_c(out, "0.");
        for (int z = -1; z > exp10; z--)
            buf_add_byte(out, '0');
        buf_add(out, digits, n);
    } else {
        for (int i = 0; i <= exp10; i++)
            buf_add_byte(out, (size_t)i < n ? digits[i] : '0');
        if (n > (size_t)exp10 + 1) {
            buf_add_byte(out, '.');
            buf_add(out, digits + exp10 + 1, n - (size_t)exp10 - 1);
        }
    }
}

void jw_key_str(struct jw *w, struct str key)
{
    lead(w);
    json_quote(w->out, key);
    buf_add_byte(w->out, ':');
    w->need_comma = false;
}

void jw_key(struct jw *w, const char *key)
{
    jw_key_str(w, str_from(key));
}

void jw_slice(struct jw *w, struct str value)
{
    lead(w);
    json_quote(w->out, value);
}

void jw_str(struct jw *w, const char *value)
{
    if (value)
        jw_slice(w, str_from(value));
    else
        jw_null(w);
}

void jw_int(struct jw *w, int64_t value)
{
    lead(w);
    add_int(w->out, value);
}

void jw_real(struct jw *w, double value)
{
    lead(w);
    json_number_text(w->out, value);
}

void jw_bool(struct jw *w, bool value)
{
    lead(w);
    buf_add_c(w->out, value ? "true" : "false");
}

void jw_null(struct jw *w)
{
    lead(w);
    buf_add_c(w->out, "null");
}

void jw_raw(struct jw *w, struct str text)
{
    lead(w);
    buf_add_str(w->out, text);
}

static void dom_object(struct jw *w, const json_t *object)
{
    const char *key;
    json_t *item;
    jw_obj_begin(w);
    json_object_foreach ((json_t *)object, key, item) {
        jw_key(w, key);
        jw_dom(w, item);
    }
    jw_obj_end(w);
}

static void dom_array(struct jw *w, const json_t *array)
{
    jw_arr_begin(w);
    for (size_t i = 0; i < json_array_size(array); i++)
        jw_dom(w, json_array_get(array, i));
    jw_arr_end(w);
}

void jw_dom(struct jw *w, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: dom_object(w, value); break;
    case JSON_ARRAY: dom_array(w, value); break;
    case JSON_STRING:
        jw_slice(w, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER: jw_int(w, json_integer_value(value)); break;
    case JSON_REAL: jw_real(w, json_real_value(value)); break;
    case JSON_TRUE: jw_bool(w, true); break;
    case JSON_FALSE: jw_bool(w, false); break;
    case JSON_NULL: jw_null(w); break;
    }
}

void jw_kstr(struct jw *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_str(w, value);
}

void jw_kint(struct jw *w, const char *key, int64_t value)
{
    jw_key(w, key);
    jw_int(w, value);
}

void jw_kbool(struct jw *w, const char *key, bool value)
{
    jw_key(w, key);
    jw_bool(w, value);
}

void jw_kdom(struct jw *w, const char *key, const json_t *value)
{
    jw_key(w, key);
    jw_dom(w, value);
}
