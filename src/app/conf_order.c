/* SPDX-License-Identifier: MIT
 * The order of the attributes in a conf, which tools compare. Pure. */
#include <string.h>

#include "app/conf_priv.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "json/read.h"

/* Attributes that end up under other keys, or have done their work. */
static const char *const consumed[] = {"script",   "out_file", "error_file",
                                       "log_file", "pid_file", "execute_command"};

static bool is_consumed(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(consumed); i++) {
        if (strcmp(consumed[i], key) == 0)
            return true;
    }
    return false;
}

/* The row called `name`; the search starts at *at, because most keys are in order already. */
static const struct schema_row *next_row(const char *name, size_t *at)
{
    for (size_t n = 0; n < schema_row_count; n++) {
        size_t i = (*at + n) % schema_row_count;
        if (schema_rows[i].name[0] == name[0] && strcmp(schema_rows[i].name, name) == 0) {
            *at = i;
            return &schema_rows[i];
        }
    }
    return NULL;
}

json_t *conf_ordered(const json_t *options)
{
    json_t *by_row[SCHEMA_ROWS_MAX] = {0};
    AUTO_JSON conf = json_object();
    const char *key;
    json_t *value;
    size_t at = 0;
    json_object_foreach ((json_t *)options, key, value) {
        const struct schema_row *row = next_row(key, &at);
        if (row && !is_consumed(key))
            by_row[row - schema_rows] = value;
    }
    for (size_t i = 0; i < schema_row_count; i++) {
        if (by_row[i] && json_object_set(conf, schema_rows[i].name, by_row[i]) < 0)
            return NULL;
    }
    json_object_foreach ((json_t *)options, key, value) {
        if (strncmp(key, "env_", 4) == 0 && json_object_set(conf, key, value) < 0)
            return NULL;
    }
    return json_incref(conf);
}
