/* SPDX-License-Identifier: MIT
 * Values of rlimits and cgroup. What they become is what the kernel is given: [soft, hard] with
 * numbers or "unlimited"; numbers or "max"; "QUOTA PERIOD" in microseconds. Pure. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema_priv.h"
#include "base/attr.h"
#include "json/read.h"

#define BYTES_MAX  9007199254740991.0 /* a number that JavaScript reads back unchanged */
#define PERIOD_US  100000             /* the kernel's own default */
#define QUOTA_MIN  1000               /* the kernel refuses less; also for the period */
#define PERIOD_MAX 1000000

/* A whole number of the row's unit, at least 0. */
static bool amount(const struct schema_row *row, const json_t *value, double *ret)
{
    const char *text = json_string_value(value);
    *ret = json_number_value(value);
    if (text && !schema_quantity(row->unit, text, ret))
        return false;
    return (text || json_is_number(value)) && *ret >= 0 && *ret <= BYTES_MAX && *ret == trunc(*ret);
}

/* ---- rlimits ---- */

static int rlimit_error(const struct schema_row *row, struct err *e)
{
    return err_set(e, -EINVAL,
                   "\"%s\" must be a number%s, \"unlimited\" or [soft, hard] with soft <= hard",
                   row->name, row->unit == SU_BYTES ? ", a size (64M)" : "");
}

/* One of the two: a new number or "unlimited"; *ret is INFINITY for the latter. */
static json_t *one_limit(const struct schema_row *row, const json_t *value, double *ret)
{
    const char *text = json_string_value(value);
    if (text && strcmp(text, "unlimited") == 0) {
        *ret = INFINITY;
        return json_string("unlimited");
    }
    return amount(row, value, ret) ? json_integer((json_int_t)*ret) : NULL;
}

json_t *schema_convert_rlimit(const struct schema_row *row, const json_t *value, struct err *e)
{
    const json_t *soft = value, *hard = value;
    double low = 0, high = 0;
    if (json_is_array(value)) {
        soft = json_array_get(value, 0);
        hard = json_array_get(value, 1);
    } else if (!json_is_number(value) && !json_is_string(value)) {
        schema_type_error(row, value, e);
        return NULL;
    }
    AUTO_JSON first = one_limit(row, soft, &low);
    AUTO_JSON second = one_limit(row, hard, &high);
    if (!first || !second || low > high || (json_is_array(value) && json_array_size(value) != 2)) {
        rlimit_error(row, e);
        return NULL;
    }
    return json_pack("[OO]", first, second);
}

/* ---- cgroup ---- */

static bool is_max(const json_t *value)
{
    return json_is_string(value) && strcmp(json_string_value(value), "max") == 0;
}

static json_t *size_or_max(const struct schema_row *row, const json_t *value, double min,
                           const char *expected, struct err *e)
{
    double v;
    if (is_max(value))
        return json_string("max");
    if (!json_is_number(value) && !json_is_string(value))
        schema_type_error(row, value, e);
    else if (!amount(row, value, &v) || v < min)
        err_set(e, -EINVAL, "\"%s\" must be %s or \"max\"", row->name, expected);
    else
        return json_integer((json_int_t)v);
    return NULL;
}

json_t *schema_convert_cgroup_bytes(const struct schema_row *row, const json_t *value,
                                    struct err *e)
{
    return size_or_max(row, value, 1, "a number of bytes, a size (200M, 1G)", e);
}

json_t *schema_convert_cgroup_pids(const struct schema_row *row, const json_t *value, struct err *e)
{
    return size_or_max(row, value, 1, "a number of processes", e);
}

/* Whole numbers with one blank between them. */
static bool quota_and_period(const char *text, double *ret_quota, double *ret_period)
{
    size_t n = strspn(text, "0123456789");
    const char *second = text + n + 1;
    if (n == 0 || n > 15 || text[n] != ' ' || !*second || strspn(second, "0123456789") > 15 ||
        second[strspn(second, "0123456789")] != '\0')
        return false;
    *ret_quota = strtod(text, NULL);
    *ret_period = strtod(second, NULL);
    return true;
}

/* "150%": of one processor. */
static bool percent(const char *text, double *ret)
{
    size_t n = strspn(text, "0123456789.");
    char *end;
    *ret = strtod(text, &end);
    return n > 0 && end == text + n && strcmp(end, "%") == 0;
}

json_t *schema_convert_cgroup_cpu(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    double cpus = json_number_value(value), quota = -1, period = PERIOD_US;
    if (is_max(value))
        return json_string("max");
    if (!text && !json_is_number(value)) {
        schema_type_error(row, value, e);
        return NULL;
    }
    if (text && percent(text, &cpus))
        quota = cpus / 100 * PERIOD_US;
    else if (!text || schema_number(text, &cpus))
        quota = cpus * PERIOD_US;
    else
        (void)quota_and_period(text, &quota, &period);
    if (!(quota >= QUOTA_MIN && quota <= 1e15 && period >= QUOTA_MIN && period <= PERIOD_MAX)) {
        err_set(e, -EINVAL,
                "\"%s\" must be a number of processors (1.5, at least 0.01), \"150%%\", \"QUOTA "
                "PERIOD\" in microseconds or \"max\"",
                row->name);
        return NULL;
    }
    return json_sprintf("%.0f %.0f", quota, period);
}
