/* SPDX-License-Identifier: MIT
 * depends_on: what was written, checked and as a list. Pure. */
#include "app/depends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema_priv.h"
#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

static const char *const words[] = {
    [DEPEND_STARTED] = "started",
    [DEPEND_READY] = "ready",
    [DEPEND_COMPLETED] = "completed",
    [DEPEND_PORT] = "port",
};

const char *depend_word(enum depend_condition condition)
{
    return words[condition];
}

static int parse_port(const char *text)
{
    size_t n = strspn(text, "0123456789");
    long port = n > 0 && n <= 5 && text[n] == '\0' ? strtol(text, NULL, 10) : 0;
    return port <= 65535 ? (int)port : 0;
}

bool depend_parse(const char *text, struct depend *ret)
{
    ret->port = 0;
    if (strncmp(text, "port:", 5) == 0) {
        ret->condition = DEPEND_PORT;
        ret->port = parse_port(text + 5);
        return ret->port > 0;
    }
    for (size_t i = 0; i < DEPEND_PORT; i++) {
        if (strcmp(words[i], text) == 0) {
            ret->condition = (enum depend_condition)i;
            return true;
        }
    }
    return false;
}

int depends_of(const json_t *conf, struct depend **ret)
{
    json_t *list = json_object_get(conf, "depends_on");
    size_t size = json_object_size(list);
    struct depend *all = calloc(size ? size : 1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    int n = 0;
    const char *key;
    json_t *value;
    json_object_foreach (list, key, value) {
        const char *text = json_string_value(value);
        if (!text || !depend_parse(text, &all[n]))
            continue;
        all[n++].name = key;
    }
    *ret = all;
    return n;
}

/* ---- what was written ---- */

static int add(json_t *list, const struct schema_row *row, const char *name, const json_t *value,
               struct err *e)
{
    const char *text = json_string_value(value);
    struct depend d;
    if (!*name)
        return err_set(e, -EINVAL, "\"%s\" has an empty name", row->name);
    if (!text)
        return err_set(e, -EINVAL,
                       "Expect \"%s.%.64s\" to be a typeof [object String], but now is [object %s]",
                       row->name, name, json_type_name(value));
    if (!depend_parse(text, &d))
        return err_set(e, -EINVAL,
                       "\"%s.%.64s\" must be \"started\", \"ready\", \"completed\" or "
                       "\"port:NUMBER\", but now is \"%.64s\"",
                       row->name, name, text);
    return json_object_set_new(list, name, json_string(text)) < 0
               ? err_set(e, -ENOMEM, "out of memory")
               : 0;
}

json_t *schema_convert_depends(const struct schema_row *row, const json_t *value, struct err *e)
{
    AUTO_JSON list = json_object();
    AUTO_JSON started = json_string(words[DEPEND_STARTED]);
    if (!list || !started)
        return NULL;
    if (!json_is_object(value) && !json_is_array(value)) {
        schema_type_error(row, value, e);
        return NULL;
    }
    if (json_array_size(value) + json_object_size(value) > LIMIT_DEPENDS) {
        err_set(e, -EINVAL, "\"%s\" has more than %d names", row->name, LIMIT_DEPENDS);
        return NULL;
    }
    AUTO_JSON names = json_is_array(value) ? schema_texts(row, value, e) : NULL;
    if (json_is_array(value) && !names)
        return NULL;
    size_t i;
    const char *key;
    json_t *item;
    json_array_foreach (names, i, item) {
        if (add(list, row, json_string_value(item), started, e) < 0)
            return NULL;
    }
    json_object_foreach ((json_t *)value, key, item) {
        if (json_is_object(value) && add(list, row, key, item, e) < 0)
            return NULL;
    }
    return json_incref(list);
}
