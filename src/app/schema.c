/* SPDX-License-Identifier: MIT
 * Reading the option table: spellings, flags, and whole objects. Pure. Single values are converted
 * in schema_value.c. */
#include "app/schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

/* ---- spellings ---- */

/* `key` is `name` itself or its camelCase form (log_file, logFile). */
static bool is_camel_of(const char *name, const char *key)
{
    for (; *name; name++, key++) {
        char want = *name;
        if (want == '_' && name[1])
            want = (char)toupper((unsigned char)*++name);
        if (*key != want)
            return false;
    }
    return *key == '\0';
}

/* The i-th spelling of a row: its name, then the aliases; NULL behind the last. */
static const char *spelling(const struct schema_row *row, size_t i)
{
    if (i == 0)
        return row->name;
    return i <= ARRAY_LEN(row->aliases) ? row->aliases[i - 1] : NULL;
}

static bool is_spelled(const struct schema_row *row, const char *key)
{
    const char *s;
    for (size_t i = 0; (s = spelling(row, i)) != NULL; i++) {
        if (strcmp(s, key) == 0 || is_camel_of(s, key))
            return true;
    }
    return false;
}

const struct schema_row *schema_find(const char *key)
{
    for (size_t i = 0; i < schema_row_count; i++) {
        if (is_spelled(&schema_rows[i], key))
            return &schema_rows[i];
    }
    return NULL;
}

/* `flags` lists its words with one blank between them. */
static bool has_word(const char *flags, const char *word)
{
    size_t n = strlen(word);
    while (flags) {
        if (strncmp(flags, word, n) == 0 && (flags[n] == '\0' || flags[n] == ' '))
            return true;
        flags = strchr(flags, ' ');
        flags = flags ? flags + 1 : NULL;
    }
    return false;
}

const struct schema_row *schema_find_flag(const char *flag)
{
    if (flag[0] != '-' || strchr(flag, ' '))
        return NULL;
    for (size_t i = 0; i < schema_row_count; i++) {
        if (has_word(schema_rows[i].flags, flag))
            return &schema_rows[i];
    }
    return NULL;
}

/* ---- a whole object ---- */

/* What a validation has found so far. */
struct findings {
    struct buf text;
    int code; /* 0, -ENOSYS when nothing worse, else -EINVAL */
};

static void findings_add(struct findings *f, int code, const char *text)
{
    buf_printf(&f->text, "%s%s", f->text.len ? ", " : "", text);
    if (f->code == 0 || code != -ENOSYS)
        f->code = code;
}

/* First given spelling: the name and its aliases in order, then their camelCase forms. null is
 * the same as not given. */
static const json_t *find_value(const json_t *input, const struct schema_row *row,
                                const char **ret_key)
{
    const char *s, *key;
    for (size_t i = 0; (s = spelling(row, i)) != NULL; i++) {
        const json_t *v = json_object_get(input, s);
        if (v && !json_is_null(v)) {
            *ret_key = s;
            return v;
        }
    }
    json_t *v;
    json_object_foreach ((json_t *)input, key, v) {
        if (!json_is_null(v) && is_spelled(row, key)) {
            *ret_key = key;
            return v;
        }
    }
    return NULL;
}

bool schema_is_refused(const struct schema_row *row, const json_t *value)
{
    if (row->available || !json_truthy(value) || json_is_null(value))
        return false;
    if ((json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0))
        return false;
    const char *text = json_string_value(value);
    if (!text)
        return true;
    /* cron_restart "0" switches off, log_type "raw" is what happens anyway. */
    return strcmp(text, "0") != 0 && !(strcmp(row->name, "log_type") == 0 && !strcmp(text, "raw"));
}

static void validate_row(const struct schema_row *row, const json_t *input, bool with_defaults,
                         json_t *result, struct findings *f)
{
    struct err e = {0};
    const char *key;
    const json_t *value = find_value(input, row, &key);
    json_t *converted = NULL;
    if (value) {
        converted = schema_convert(row, value, &e);
        if (!converted) {
            findings_add(f, e.code ? e.code : -ENOMEM, e.code ? e.msg : "out of memory");
            return;
        }
        if (schema_is_refused(row, converted)) {
            err_set(&e, -ENOSYS, "%s is not available yet", key);
            findings_add(f, -ENOSYS, e.msg);
            json_decref(converted);
            return;
        }
    } else if (with_defaults && row->def) {
        converted = json_loads(row->def, JSON_DECODE_ANY, NULL);
    } else {
        return;
    }
    if (json_object_set_new(result, row->name, converted) < 0)
        findings_add(f, -ENOMEM, "out of memory");
}

/* env_NAME: the variables of one environment of a configuration file. */
static bool is_named_env(const char *key)
{
    return strncmp(key, "env_", 4) == 0 && !strpbrk(key, " \t\r\n");
}

static void validate_others(const json_t *input, json_t *result, json_t *unknown,
                            struct findings *f)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)input, key, value) {
        if (schema_find(key))
            continue;
        if (!is_named_env(key)) {
            if (unknown && json_array_append_new(unknown, json_string(key)) < 0)
                findings_add(f, -ENOMEM, "out of memory");
            continue;
        }
        if (!json_is_object(value) && !json_is_string(value)) {
            struct err e;
            err_set(&e, -EINVAL,
                    "Expect \"%s\" to be a typeof [object Object] / [object String], but now is "
                    "[object %s]",
                    key, json_type_name(value));
            findings_add(f, -EINVAL, e.msg);
        } else if (json_object_set_new(result, key, json_deep_copy(value)) < 0) {
            findings_add(f, -ENOMEM, "out of memory");
        }
    }
}

json_t *schema_validate(const json_t *input, bool with_defaults, json_t *unknown, struct err *e)
{
    if (!json_is_object(input)) {
        err_set(e, -EINVAL, "Expect options to be a typeof [object Object], but now is [object %s]",
                json_type_name(input));
        return NULL;
    }
    struct findings f = {.text = BUF_INIT};
    json_t *result = json_object();
    for (size_t i = 0; i < schema_row_count; i++)
        validate_row(&schema_rows[i], input, with_defaults, result, &f);
    validate_others(input, result, unknown, &f);
    if (!result)
        findings_add(&f, -ENOMEM, "out of memory");
    if (f.code != 0) {
        err_set(e, f.code, "%s", f.text.data);
        json_decref(result);
        result = NULL;
    }
    buf_fini(&f.text);
    return result;
}
