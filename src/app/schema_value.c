/* SPDX-License-Identifier: MIT
 * One value of an attribute: types, units, bounds. Pure; PM2's texts, because scripts and people
 * look for them. What a value means is not known here. */
#include "app/schema_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/split.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"
#include "json/write.h"

/* Largest whole number that a JavaScript client reads back unchanged. */
#define INTEGER_MAX 9007199254740991.0

/* ---- texts ---- */

static const struct {
    const char *name, *suffixes, *text;
} patterns[] = {
    {"memory", "GMK",
     "it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or "
     "\"[NUMBER]K\"(Kilobyte)"},
    {"duration", "hms",
     "it should be a NUMBER - milliseconds, \"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or "
     "\"[NUMBER]s\"(seconds)"},
    {"mode", NULL, "it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only"},
};

static int pattern_error(const struct schema_row *row, struct err *e)
{
    const char *text = "";
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        if (strcmp(patterns[i].name, row->pattern_name) == 0)
            text = patterns[i].text;
    }
    return err_set(e, -EINVAL, "Verify \"%s\" with regex failed, %s", row->name, text);
}

int schema_type_error(const struct schema_row *row, const json_t *value, struct err *e)
{
    /* The order in which PM2 names them. */
    static const struct {
        unsigned bit;
        const char *name;
    } types[] = {{ST_BOOL, "Boolean"},  {ST_ARRAY, "Array"},
                 {ST_OBJECT, "Object"}, {ST_STRING | ST_TEXT_FIRST, "String"},
                 {ST_NUMBER, "Number"}, {ST_STRING, "String"}};
    AUTO(buf) list = BUF_INIT;
    unsigned left = row->types;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if ((left & types[i].bit) != types[i].bit)
            continue;
        buf_printf(&list, "%s[object %s]", list.len ? " / " : "", types[i].name);
        left &= ~types[i].bit;
    }
    return err_set(e, -EINVAL, "Expect \"%s\" to be a typeof %s, but now is [object %s]", row->name,
                   list.data, json_type_name(value));
}

/* ---- numbers ---- */

bool schema_number(const char *text, double *ret)
{
    text += strspn(text, " \t\r\n");
    size_t n = strspn(text, "0123456789+-.eE");
    if (n == 0 || text[n + strspn(text + n, " \t\r\n")] != '\0')
        return false;
    char *end;
    *ret = strtod(text, &end);
    return end == text + n && isfinite(*ret);
}

static json_t *number_new(double v)
{
    if (v == trunc(v) && fabs(v) <= INTEGER_MAX)
        return json_integer((json_int_t)v);
    return json_real(v);
}

bool schema_quantity(enum schema_unit unit, const char *text, double *ret)
{
    static const struct {
        enum schema_unit unit;
        const char *suffix;
        double factor;
    } units[] = {
        {SU_BYTES, "G", 1073741824},
        {SU_BYTES, "M", 1048576},
        {SU_BYTES, "K", 1024},
        {SU_MS, "h", 3600000},
        {SU_MS, "m", 60000},
        {SU_MS, "s", 1000},
        {SU_MS, "ms", 1},
    };
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return false;
    *ret = strtod(text, NULL);
    if (text[digits] == '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit == unit && strcmp(units[i].suffix, text + digits) == 0) {
            *ret *= units[i].factor;
            return true;
        }
    }
    return false;
}

static int check_bounds(const struct schema_row *row, double v, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    json_number_text(&text, v);
    /* Zero always means "none", also where small values make no sense. */
    if (row->has_min && v != 0 && v < (double)row->min)
        return err_set(e, -EINVAL, "The minimum of \"%s\" is %lld, but now is %s", row->name,
                       row->min, text.data);
    if (row->has_max && v > (double)row->max)
        return err_set(e, -EINVAL, "The maximum of \"%s\" is %lld, but now is %s", row->name,
                       row->max, text.data);
    if (row->unit == SU_MS && v > (double)LIMIT_DELAY_MS)
        return err_set(e, -EINVAL, "The maximum of \"%s\" is %lld, but now is %s", row->name,
                       LIMIT_DELAY_MS, text.data);
    return 0;
}

json_t *schema_bounded(const struct schema_row *row, double v, struct err *e)
{
    return check_bounds(row, v, e) < 0 ? NULL : number_new(v);
}

/* ---- texts and lists ---- */

/* One element of a list as text: numbers and booleans as JavaScript prints them. */
static json_t *element_text(const struct schema_row *row, size_t i, const json_t *v, struct err *e)
{
    if (json_is_string(v))
        return json_string(json_string_value(v));
    if (json_is_boolean(v))
        return json_string(json_is_true(v) ? "true" : "false");
    if (json_is_number(v)) {
        AUTO(buf) text = BUF_INIT;
        json_number_text(&text, json_number_value(v));
        return json_string(text.data);
    }
    err_set(e, -EINVAL, "Expect \"%s[%zu]\" to be a typeof [object String], but now is [object %s]",
            row->name, i, json_type_name(v));
    return NULL;
}

json_t *schema_texts(const struct schema_row *row, const json_t *value, struct err *e)
{
    if (json_array_size(value) > LIMIT_ARGS) {
        err_set(e, -EINVAL, "\"%s\" has %zu elements; the limit is %d", row->name,
                json_array_size(value), LIMIT_ARGS);
        return NULL;
    }
    AUTO_JSON list = json_array();
    size_t i;
    json_t *v;
    json_array_foreach (value, i, v) {
        json_t *text = element_text(row, i, v, e);
        if (!text || json_array_append_new(list, text) < 0)
            return NULL;
    }
    return json_incref(list);
}

static bool is_mode(const char *s)
{
    return strcmp(s, "fork") == 0 || strcmp(s, "cluster") == 0 || strcmp(s, "fork_mode") == 0 ||
           strcmp(s, "cluster_mode") == 0;
}

static json_t *convert_text(const struct schema_row *row, const char *text, struct err *e)
{
    double v;
    if (row->unit == SU_SPLIT) {
        AUTO_JSON words = split_args(text);
        return words ? schema_texts(row, words, e) : NULL;
    }
    if (row->unit == SU_BYTES || row->unit == SU_MS) {
        if (schema_quantity(row->unit, text, &v))
            return schema_bounded(row, v, e);
        pattern_error(row, e);
        return NULL;
    }
    if (row->pattern_name && !is_mode(text)) {
        pattern_error(row, e);
        return NULL;
    }
    return json_string(text);
}

/* ---- one value ---- */

static json_t *convert_string(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    bool number_first = (row->types & ST_NUMBER) && !(row->types & ST_TEXT_FIRST);
    double v;
    if (number_first && schema_number(text, &v))
        return schema_bounded(row, v, e);
    if (row->types & ST_STRING)
        return convert_text(row, text, e);
    /* PM2 has units only for min_uptime; a delay of "5s" can mean but one thing. */
    if (row->unit == SU_MS && schema_quantity(SU_MS, text, &v))
        return schema_bounded(row, v, e);
    schema_type_error(row, value, e);
    return NULL;
}

json_t *schema_default(const struct schema_row *row)
{
    /* A parser is dear where thousands of apps are checked. */
    size_t n = strlen(row->def);
    if (strcmp(row->def, "true") == 0)
        return json_true();
    if (strspn(row->def, "0123456789") == n)
        return json_integer(strtoll(row->def, NULL, 10));
    if (row->def[0] == '"' && !strchr(row->def, '\\'))
        return json_stringn_nocheck(row->def + 1, n - 2);
    return json_loads(row->def, JSON_DECODE_ANY, NULL);
}

json_t *schema_flag_value(const struct schema_row *row, const char *text)
{
    double v;
    if (row->flag_factor == 0 || !schema_number(text, &v))
        return json_string(text);
    return number_new(v * (double)row->flag_factor);
}

json_t *schema_convert(const struct schema_row *row, const json_t *value, struct err *e)
{
    if (row->rule != SR_PLAIN)
        return schema_convert_special(row, value, e);
    if (json_is_string(value))
        return convert_string(row, value, e);
    if (json_is_number(value) && (row->types & ST_NUMBER))
        return schema_bounded(row, json_number_value(value), e);
    if (json_is_array(value) && (row->types & ST_ARRAY))
        return schema_texts(row, value, e);
    if ((json_is_boolean(value) && (row->types & ST_BOOL)) ||
        (json_is_object(value) && (row->types & ST_OBJECT)))
        return json_deep_copy(value);
    schema_type_error(row, value, e);
    return NULL;
}
