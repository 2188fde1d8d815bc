/* SPDX-License-Identifier: MIT
 * Policies of log files. Pure. */
#include "app/log_policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/schema.h"
#include "base/attr.h"
#include "json/read.h"

#define MODULE "pm2-logrotate"

/* Attribute of an app, and the name that the module has for it (NULL: the same). */
static const struct {
    const char *attribute, *setting;
} names[] = {
    {"max_size", NULL}, {"rotate_interval", "rotateInterval"},
    {"retain", NULL},   {"retain_bytes", NULL},
    {"compress", NULL}, {"date_format", "dateFormat"},
    {"on_full", NULL},
};

static const json_t *setting_of(const json_t *settings, const char *name)
{
    return json_object_get(json_object_get(settings, MODULE), name);
}

/* What makes files rotate is the business of the module once it is installed, stopped or not. */
static const json_t *rotating_settings(const json_t *settings)
{
    return json_has(json_object_get(settings, "module-db-v2"), MODULE) ? NULL : settings;
}

static const char *setting_name(const char *attribute)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].attribute, attribute) == 0 && names[i].setting)
            return names[i].setting;
    return attribute;
}

/* The value that holds, converted as the attribute's; new reference, NULL when there is none. */
static json_t *value_of(const json_t *conf, const json_t *settings, const char *attribute,
                        struct err *e)
{
    struct err why = {0};
    const json_t *own = json_object_get(conf, attribute);
    if (own && !json_is_null(own))
        return json_incref((json_t *)own); /* the schema has seen it */
    const char *name = setting_name(attribute);
    const json_t *given = setting_of(settings, name);
    if (!given && strcmp(name, attribute) != 0)
        given = setting_of(settings, name = attribute);
    if (!given || json_is_null(given))
        return NULL;
    json_t *value = schema_convert(schema_find(attribute), given, &why);
    if (!value)
        err_set(e, -EINVAL, "%s:%s: %s", MODULE, name, why.msg);
    return value;
}

static int64_t number_of(const json_t *conf, const json_t *settings, const char *attribute,
                         int64_t fallback, struct err *e)
{
    AUTO_JSON value = value_of(conf, settings, attribute, e);
    return json_is_number(value) ? (int64_t)json_number_value(value) : fallback;
}

static enum log_compress compress_of(const json_t *conf, const json_t *settings, struct err *e)
{
    AUTO_JSON value = value_of(conf, settings, "compress", e);
    const char *text = json_string_value(value);
    if (text && strcmp(text, "zstd") == 0)
        return LOG_COMPRESS_ZSTD;
    return text && strcmp(text, "gzip") == 0 ? LOG_COMPRESS_GZIP : LOG_COMPRESS_NONE;
}

static void copy_text(char *ret, size_t size, const char *text, const char *what, struct err *e)
{
    if (text && strlen(text) >= size)
        err_set(e, -EINVAL, "%s: longer than %zu bytes: %.60s...", what, size - 1, text);
    else if (text)
        snprintf(ret, size, "%s", text);
}

static void read_interval(const json_t *conf, const json_t *settings, const struct cron_zone *zone,
                          int64_t now_s, struct log_policy *p, struct err *e)
{
    AUTO_JSON value = value_of(conf, settings, "rotate_interval", e);
    const char *text = json_string_value(value);
    struct err why = {0};
    if (!text || cron_is_off(text))
        return;
    p->has_interval = cron_parse(text, zone, now_s, &p->interval, &why) == 0;
    if (!p->has_interval)
        err_set(e, -EINVAL, "rotate_interval: %s", why.msg);
}

int log_policy_from(const json_t *conf, const json_t *settings, const struct cron_zone *zone,
                    int64_t now_s, struct log_policy *ret, struct err *e)
{
    struct err own = {0};
    *ret = (struct log_policy){0};
    const char *type = json_get_str(conf, "log_type");
    ret->is_json = type && strcmp(type, "json") == 0;
    AUTO_JSON full = value_of(conf, settings, "on_full", &own);
    ret->blocks = full && strcmp(json_string_value(full), "block") == 0;
    ret->max_bytes = number_of(conf, rotating_settings(settings), "max_size", 0, &own);
    ret->retain = number_of(conf, settings, "retain", LOG_POLICY_RETAIN, &own);
    ret->retain_bytes = number_of(conf, settings, "retain_bytes", 0, &own);
    ret->compress = compress_of(conf, settings, &own);
    AUTO_JSON date = value_of(conf, settings, "date_format", &own);
    snprintf(ret->date_format, sizeof(ret->date_format), "%s", LOG_POLICY_DATE);
    if (date && *json_string_value(date))
        copy_text(ret->date_format, sizeof(ret->date_format), json_string_value(date),
                  "date_format", &own);
    copy_text(ret->zone, sizeof(ret->zone), json_string_value(setting_of(settings, "TZ")),
              MODULE ":TZ", &own);
    read_interval(conf, rotating_settings(settings), zone, now_s, ret, &own);
    return own.code ? err_set(e, own.code, "%s", own.msg) : 0;
}

int64_t log_policy_floor(const json_t *settings, struct err *e)
{
    const json_t *given = setting_of(settings, "free_floor");
    struct err why = {0};
    if (!given)
        return -1;
    AUTO_JSON value = schema_convert(schema_find("max_size"), given, &why);
    if (value)
        return (int64_t)json_number_value(value);
    err_set(e, -EINVAL, "%s:free_floor: not an amount of bytes such as 200M", MODULE);
    return -1;
}
