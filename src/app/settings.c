/* SPDX-License-Identifier: MIT
 * The settings of `pm2 set`. */
#include "app/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

json_t *settings_path(const char *key, struct err *e)
{
    AUTO_JSON parts = json_array();
    const char *at = key;
    while (parts) {
        char quote = *at == '"' || *at == '\'' ? *at : '\0';
        at += quote != '\0';
        size_t n = quote ? strcspn(at, quote == '"' ? "\"" : "'") : strcspn(at, ":.");
        if (n == 0 || (quote && at[n] != quote)) {
            err_set(e, -EINVAL, "\"%s\" is not a key: expected words with : or . between them",
                    key);
            return NULL;
        }
        if (json_array_append_new(parts, json_stringn(at, n)) < 0)
            break;
        at += n + (quote != '\0');
        if (*at == '\0')
            return json_incref(parts);
        if (*at != ':' && *at != '.') {
            err_set(e, -EINVAL, "\"%s\" is not a key: a quoted part ends at : or .", key);
            return NULL;
        }
        at++;
    }
    err_set(e, -ENOMEM, "out of memory");
    return NULL;
}

int settings_put(json_t *root, const json_t *path, const char *value)
{
    size_t last = json_array_size(path) - 1;
    json_t *at = root;
    for (size_t i = 0; i < last; i++) {
        const char *part = json_string_value(json_array_get(path, i));
        json_t *next = json_object_get(at, part);
        if (!json_is_object(next) && !value)
            return 0;
        if (!json_is_object(next) && json_object_set_new(at, part, json_object()) < 0)
            return -ENOMEM;
        at = json_object_get(at, part);
    }
    const char *part = json_string_value(json_array_get(path, last));
    if (!value)
        (void)json_object_del(at, part);
    else if (json_object_set_new(at, part, json_string(value)) < 0)
        return -ENOMEM;
    return 0;
}

json_t *settings_get(const json_t *root, const json_t *path)
{
    size_t i;
    json_t *part;
    const json_t *at = root;
    json_array_foreach (path, i, part)
        at = json_object_get(at, json_string_value(part));
    return (json_t *)at;
}

bool settings_to_env(const json_t *root, const char *name, json_t *env)
{
    const char *key;
    json_t *value;
    json_t *own = json_object_get(root, name);
    if (!json_is_object(own) || json_object_size(own) == 0)
        return false;
    json_object_foreach (own, key, value)
        if (!json_is_object(value) && !json_is_array(value))
            (void)json_object_set(env, key, value);
    char *text = json_dumps(own, JSON_COMPACT);
    if (text)
        (void)json_object_set_new(env, name, json_string(text));
    free(text);
    return true;
}
