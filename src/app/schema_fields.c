/* SPDX-License-Identifier: MIT
 * Attributes that are objects with known fields (health, rlimits, cgroup), and the proposal for a
 * name that nobody knows. Pure. */
#include <errno.h>
#include <string.h>

#include "app/nearest.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "json/read.h"

/* ---- unknown names ---- */

void schema_note_unknown(const struct schema_row *rows, size_t count, const char *path,
                         const char *key, schema_note_fn *note, void *ctx)
{
    struct nearest near;
    struct err text, whole;
    size_t skip = strlen(path);
    nearest_init(&near, key);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(rows[i].name, path, skip) != 0)
            continue;
        nearest_offer(&near, rows[i].name + skip);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].aliases) && rows[i].aliases[k]; k++)
            nearest_offer(&near, rows[i].aliases[k]);
    }
    if (near.best)
        err_set(&text, 0, "Unknown attribute \"%.64s\", did you mean \"%s\"?", key, near.best);
    else
        err_set(&text, 0, "Unknown attribute \"%.64s\"", key);
    err_set(&whole, 0, "%s%s", path, key);
    note(ctx, SF_UNKNOWN, whole.msg, 0, text.msg);
}

/* ---- fields ---- */

/* The field of `row` that is called `key`. */
static const struct schema_row *find_field(const struct schema_row *row, const char *key)
{
    size_t skip = strlen(row->name);
    for (size_t i = 0; i < schema_field_count; i++) {
        const char *name = schema_fields[i].name;
        if (strncmp(name, row->name, skip) == 0 && name[skip] == '.' &&
            strcmp(name + skip + 1, key) == 0)
            return &schema_fields[i];
    }
    return NULL;
}

struct fields {
    const struct schema_row *row;
    const char *key; /* as the user spelled the object */
    json_t *result;
    bool failed;
    schema_note_fn *note;
    void *ctx;
};

static void fail(struct fields *f, const char *field, int code, const char *text)
{
    struct err path;
    err_set(&path, 0, "%s%s%s", f->key, field ? "." : "", field ? field : "");
    f->note(f->ctx, SF_ERROR, path.msg, code ? code : -ENOMEM, code ? text : "out of memory");
    f->failed = true;
}

static void check_field(struct fields *f, const char *key, const json_t *value)
{
    struct err e = {0};
    const struct schema_row *field = find_field(f->row, key);
    if (!field) {
        struct err path;
        err_set(&path, 0, "%s.", f->row->name);
        schema_note_unknown(schema_fields, schema_field_count, path.msg, key, f->note, f->ctx);
        return;
    }
    if (json_is_null(value))
        return;
    json_t *converted = schema_convert(field, value, &e);
    if (!converted || json_object_set_new(f->result, key, converted) < 0)
        fail(f, key, e.code, e.msg);
}

static void add_defaults(struct fields *f)
{
    size_t skip = strlen(f->row->name);
    for (size_t i = 0; i < schema_field_count; i++) {
        const struct schema_row *field = &schema_fields[i];
        const char *key = field->name + skip + 1;
        if (!field->def || strncmp(field->name, f->row->name, skip) != 0 ||
            field->name[skip] != '.' || json_has(f->result, key))
            continue;
        if (json_object_set_new(f->result, key, schema_default(field)) < 0)
            fail(f, NULL, 0, NULL);
    }
}

/* A probe has one way of asking. */
static void check_health(struct fields *f)
{
    static const char *const kinds[] = {"http", "tcp", "exec"};
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        given += json_has(f->result, kinds[i]);
    if (given != 1 && !f->failed)
        fail(f, NULL, -EINVAL, "\"health\" must have exactly one of http, tcp and exec");
}

json_t *schema_convert_fields(const struct schema_row *row, const char *key, const json_t *value,
                              schema_note_fn *note, void *ctx)
{
    struct fields f = {.row = row, .key = key, .result = json_object(), .note = note, .ctx = ctx};
    const char *name;
    json_t *field;
    if (!f.result)
        fail(&f, NULL, 0, NULL);
    json_object_foreach ((json_t *)value, name, field) {
        check_field(&f, name, field);
    }
    if (strcmp(row->name, "health") == 0)
        check_health(&f);
    add_defaults(&f);
    if (!f.failed)
        return f.result;
    json_decref(f.result);
    return NULL;
}
