/* SPDX-License-Identifier: MIT
 * JSON in. Pure: text to DOM. */
#include "json/read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"

/* Nesting of the text, counted before jansson recurses (its own limit is 2048). */
static bool depth_ok(struct str text)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* jansson 2.14 does not notice when its token buffer cannot grow: the token loses a byte, and the
 * decoding of an escape may then run past the end of the heap block. But each decoding starts with
 * an allocation of its own. So once an allocation of a parse has failed, all others fail, too. */
static _Thread_local struct {
    bool parsing;
    bool starved;
} guard;

static json_malloc_t guarded_malloc;

static void *guard_malloc(size_t n)
{
    void *p = guard.starved ? NULL : guarded_malloc(n);
    guard.starved = guard.parsing && !p;
    return p;
}

/* On top of whatever the program uses; stays. */
static void guard_install(void)
{
    json_malloc_t current_malloc;
    json_free_t current_free;
    json_get_alloc_funcs(&current_malloc, &current_free);
    if (current_malloc == guard_malloc)
        return;
    guarded_malloc = current_malloc;
    json_set_alloc_funcs(guard_malloc, current_free);
}

/* NULL with *ret_starved false: the text is not JSON, `je` says why. */
static json_t *load(struct str text, size_t flags, json_error_t *je, bool *ret_starved)
{
    guard_install();
    guard.starved = false;
    guard.parsing = true;
    json_t *root = json_loadb(text.p ? text.p : "", text.n, JSON_DECODE_ANY | flags, je);
    *ret_starved = guard.starved;
    guard.parsing = guard.starved = false;
    if (!*ret_starved)
        return root;
    json_decref(root);
    return NULL;
}

json_t *json_read(struct str text, struct err *e)
{
    if (!depth_ok(text)) {
        err_set(e, -E2BIG, "JSON is nested deeper than %d levels", LIMIT_JSON_DEPTH);
        return NULL;
    }
    /* jansson drops a NUL that comes right after a number */
    if (text.n > 0 && memchr(text.p, '\0', text.n)) {
        err_set(e, -EINVAL, "invalid JSON: NUL byte");
        return NULL;
    }
    bool starved;
    json_error_t je;
    json_t *root = load(text, 0, &je, &starved);
    /* JavaScript writes 1e20 as 100000000000000000000, which no json_int_t holds */
    if (!root && !starved && json_error_code(&je) == json_error_numeric_overflow)
        root = load(text, JSON_DECODE_INT_AS_REAL, &je, &starved);
    if (starved)
        err_set(e, -ENOMEM, "out of memory");
    else if (!root)
        err_set(e, -EINVAL, "invalid JSON: line %d column %d: %s", je.line, je.column, je.text);
    return root;
}

const char *json_get_str(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

bool json_get_int(const json_t *obj, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(obj, key);
    if (json_is_integer(v)) {
        *ret = json_integer_value(v);
        return true;
    }
    if (json_is_real(v)) {
        double d = json_real_value(v);
        if (isnan(d) || d < -9e15 || d > 9e15)
            return false;
        *ret = (int64_t)d;
        return true;
    }
    long long parsed;
    if (json_is_string(v) && str_to_int(str_from(json_string_value(v)), &parsed)) {
        *ret = parsed;
        return true;
    }
    return false;
}

bool json_get_bool(const json_t *obj, const char *key, bool fallback)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_boolean(v) ? json_is_true(v) : fallback;
}

bool json_has(const json_t *obj, const char *key)
{
    return json_object_get(obj, key) != NULL;
}

bool json_truthy(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE: return false;
    case JSON_INTEGER: return json_integer_value(value) != 0;
    case JSON_REAL: return json_real_value(value) != 0;
    case JSON_STRING: return json_string_length(value) > 0;
    default: return true;
    }
}

const char *json_type_name(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: return "Object";
    case JSON_ARRAY: return "Array";
    case JSON_STRING: return "String";
    case JSON_INTEGER:
    case JSON_REAL: return "Number";
    case JSON_TRUE:
    case JSON_FALSE: return "Boolean";
    default: return "Null";
    }
}
