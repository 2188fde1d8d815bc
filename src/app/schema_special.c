/* SPDX-License-Identifier: MIT
 * Values of attributes that have a rule of their own. Pure. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/cron.h"
#include "app/listen.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"
#include "json/write.h"

#define EXIT_CODES 16 /* of struct proc_policy */

/* ---- attributes with rules of their own ---- */

/* PM2 reads the front of the text as a number; anything else, "max" among it, is 0: one process
 * per processor. Fractions are cut. */
static json_t *convert_instances(const struct schema_row *row, const json_t *value, struct err *e)
{
    double v = json_number_value(value);
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        text += strspn(text, " \t\r\n");
        v = strchr("0123456789+-.", *text) ? strtod(text, NULL) : 0;
    } else if (!json_is_number(value)) {
        schema_type_error(row, value, e);
        return NULL;
    }
    if (!isfinite(v) || fabs(v) > LIMIT_INSTANCES) {
        err_set(e, -EINVAL, "The maximum of \"%s\" is %d processes of one app", row->name,
                LIMIT_INSTANCES);
        return NULL;
    }
    return json_integer((json_int_t)v);
}

static int add_exit_code(const struct schema_row *row, json_t *list, const json_t *value,
                         struct err *e)
{
    double v = json_number_value(value);
    if (!json_is_number(value) &&
        !(json_is_string(value) && schema_number(json_string_value(value), &v)))
        return schema_type_error(row, value, e);
    if (v != trunc(v) || v < 0 || v > 255)
        return err_set(e, -EINVAL, "\"%s\": an exit code is a whole number from 0 to 255",
                       row->name);
    if (json_array_size(list) >= EXIT_CODES)
        return err_set(e, -EINVAL, "\"%s\" has more than %d codes", row->name, EXIT_CODES);
    return json_array_append_new(list, json_integer((json_int_t)v)) < 0 ? -ENOMEM : 0;
}

/* "0,143", "0 143" or "3": the form in which a command line gives codes. */
static int add_exit_codes_text(const struct schema_row *row, json_t *list, const json_t *value,
                               struct err *e)
{
    const char *p = json_string_value(value);
    for (p += strspn(p, ", \t"); *p; p += strspn(p, ", \t")) {
        size_t n = strcspn(p, ", \t");
        AUTO_JSON word = json_stringn(p, n);
        int rc = add_exit_code(row, list, word, e);
        if (rc < 0)
            return rc;
        p += n;
    }
    return json_array_size(list) > 0 ? 0 : schema_type_error(row, value, e);
}

static json_t *convert_exit_codes(const struct schema_row *row, const json_t *value, struct err *e)
{
    AUTO_JSON list = json_array();
    int rc = 0;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value) && rc == 0; i++)
            rc = add_exit_code(row, list, json_array_get(value, i), e);
    } else if (json_is_string(value)) {
        rc = add_exit_codes_text(row, list, value, e);
    } else {
        rc = add_exit_code(row, list, value, e);
    }
    if (rc < 0)
        return NULL;
    /* One code stays a bare number, as PM2 shows it. */
    return json_incref(json_is_array(value) || json_array_size(list) > 1 ? list
                                                                         : json_array_get(list, 0));
}

/* ---- schedules ---- */

/* 0 and "0" switch off. */
static json_t *convert_cron(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (json_is_number(value) && json_number_value(value) == 0)
        return json_string("0");
    if (text)
        return cron_is_off(text) || cron_check(text, e) == 0 ? json_string(text) : NULL;
    if (json_is_number(value))
        err_set(e, -EINVAL, "Cron pattern error: \"%s\" is a number; 0 switches off", row->name);
    else
        schema_type_error(row, value, e);
    return NULL;
}

static json_t *convert_timezone(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (!text) {
        schema_type_error(row, value, e);
        return NULL;
    }
    /* It becomes a file name below the zone folder. */
    if (text[0] == '/' || strstr(text, "..") || strlen(text) > LIMIT_NAME_BYTES) {
        err_set(e, -EINVAL, "\"%s\" is no time zone: %.64s", row->name, text);
        return NULL;
    }
    return json_string(text);
}

/* ---- numbers ---- */

static json_t *convert_integer(const struct schema_row *row, const json_t *value, struct err *e)
{
    double v = json_number_value(value);
    if (!json_is_number(value) &&
        !(json_is_string(value) && schema_number(json_string_value(value), &v))) {
        schema_type_error(row, value, e);
        return NULL;
    }
    if (v != trunc(v)) {
        err_set(e, -EINVAL, "\"%s\" must be a whole number", row->name);
        return NULL;
    }
    if (row->has_min && v < (double)row->min) { /* a zero is no exception here */
        err_set(e, -EINVAL, "The minimum of \"%s\" is %lld, but now is %.0f", row->name, row->min,
                v);
        return NULL;
    }
    return schema_bounded(row, v, e);
}

/* ---- probes ---- */

static json_t *convert_http(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (!text) {
        schema_type_error(row, value, e);
        return NULL;
    }
    static const char scheme[] = "http://";
    size_t n = sizeof(scheme) - 1;
    bool fits = strncmp(text, scheme, n) == 0 && text[n] && !strchr("/:?#", text[n]);
    for (const char *p = text; fits && *p; p++)
        fits = (unsigned char)*p > ' ' && *p != 127;
    if (!fits) {
        err_set(e, -EINVAL,
                "\"%s\" must be a URL of the form http://host:port/path, but now is \"%.100s\"",
                row->name, text);
        return NULL;
    }
    return json_string(text);
}

static bool is_port(const char *text)
{
    size_t n = strspn(text, "0123456789");
    long port = n > 0 && n <= 5 && !text[n] ? strtol(text, NULL, 10) : 0;
    return port >= 1 && port <= 65535;
}

/* A port of this machine, "host:port" or "[v6]:port"; always kept as host:port. */
static json_t *convert_tcp(const struct schema_row *row, const json_t *value, struct err *e)
{
    AUTO(buf) place = BUF_INIT;
    const char *text = json_string_value(value);
    if (json_is_number(value))
        json_number_text(&place, json_number_value(value));
    else if (text)
        buf_add_c(&place, text);
    if (!text && !json_is_number(value)) {
        schema_type_error(row, value, e);
        return NULL;
    }
    if (buf_oom(&place))
        return NULL;
    if (is_port(place.data))
        return json_sprintf("127.0.0.1:%s", place.data);
    const char *colon = strrchr(place.data, ':');
    if (colon && colon > place.data && is_port(colon + 1) && !strpbrk(place.data, " \t\r\n"))
        return json_string(place.data);
    err_set(e, -EINVAL, "\"%s\" must be \"host:port\" or a port, but now is \"%.100s\"", row->name,
            place.data);
    return NULL;
}

/* Text is a shell line, a list is executed as it is. */
static json_t *convert_exec(const struct schema_row *row, const json_t *value, struct err *e)
{
    bool is_empty = json_is_array(value) ? json_array_size(value) == 0 : !json_truthy(value);
    if (!json_is_array(value) && !json_is_string(value))
        schema_type_error(row, value, e);
    else if (is_empty)
        err_set(e, -EINVAL, "\"%s\" is empty", row->name);
    else
        return json_is_array(value) ? schema_texts(row, value, e)
                                    : json_string(json_string_value(value));
    return NULL;
}

/* ---- one of several words ---- */

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = choices; n > 0; p += 2) { /* "this, that" */
        size_t length = strcspn(p, ",");
        if (length == n && strncmp(p, text, n) == 0)
            return true;
        p += length;
        if (!*p)
            return false;
    }
    return false;
}

static json_t *convert_choice(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (!text)
        schema_type_error(row, value, e);
    else if (!is_choice(row->choices, text))
        err_set(e, -EINVAL, "\"%s\" must be one of %s, but now is \"%.64s\"", row->name,
                row->choices, text);
    else
        return json_string(text);
    return NULL;
}

static json_t *convert_listen(const struct schema_row *row, const json_t *value, struct err *e)
{
    if (json_is_string(value) || json_is_number(value) || json_is_array(value))
        return listen_convert(value, e);
    schema_type_error(row, value, e);
    return NULL;
}

/* ---- log files ---- */

static json_t *convert_retain(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (text && (strcmp(text, "all") == 0 || strcmp(text, "none") == 0)) /* no limit */
        return json_integer(0);
    return convert_integer(row, value, e);
}

/* The module pm2-logrotate has true and false, and `pm2 set` makes texts of them. */
static json_t *convert_compress(const struct schema_row *row, const json_t *value, struct err *e)
{
    const char *text = json_string_value(value);
    if (json_is_true(value) || (text && strcmp(text, "true") == 0))
        return json_string("gzip");
    if (json_is_false(value) || (text && strcmp(text, "false") == 0))
        return json_string("none");
    return convert_choice(row, value, e);
}

/* ---- all of them ---- */

/* An object where one was due comes to schema_convert_fields() before it comes here. */
struct first_error {
    struct err *e;
    int code;
};

static void keep_first(void *ctx, enum schema_finding kind, const char *key, int code,
                       const char *text)
{
    (void)key;
    struct first_error *f = ctx;
    if (kind == SF_ERROR && f->code == 0)
        f->code = err_set(f->e, code, "%s", text);
}

static json_t *convert_fields(const struct schema_row *row, const json_t *value, struct err *e)
{
    struct first_error f = {.e = e};
    if (json_is_object(value))
        return schema_convert_fields(row, row->name, value, keep_first, &f);
    schema_type_error(row, value, e);
    return NULL;
}

json_t *schema_convert_special(const struct schema_row *row, const json_t *value, struct err *e)
{
    static schema_convert_fn *const rules[] = {
        [SR_FIELDS] = convert_fields,
        [SR_INSTANCES] = convert_instances,
        [SR_EXIT_CODES] = convert_exit_codes,
        [SR_CRON] = convert_cron,
        [SR_TIMEZONE] = convert_timezone,
        [SR_DEPENDS] = schema_convert_depends,
        [SR_INTEGER] = convert_integer,
        [SR_HTTP] = convert_http,
        [SR_TCP] = convert_tcp,
        [SR_EXEC] = convert_exec,
        [SR_RLIMIT] = schema_convert_rlimit,
        [SR_CGROUP_BYTES] = schema_convert_cgroup_bytes,
        [SR_CGROUP_CPU] = schema_convert_cgroup_cpu,
        [SR_CGROUP_PIDS] = schema_convert_cgroup_pids,
        [SR_CHOICE] = convert_choice,
        [SR_LISTEN] = convert_listen,
        [SR_RETAIN] = convert_retain,
        [SR_COMPRESS] = convert_compress,
    };
    return rules[row->rule](row, value, e);
}
