/* SPDX-License-Identifier: MIT
 * Reading the option table: spellings, flags, and whole objects. Pure. Single values are converted
 * in schema_value.c and its neighbours. */
#include "app/schema_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
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

/* How well `key` names the row, 0 = best: its name, its aliases in order, camelCase of any; -1 =
 * not at all. */
static int rank_of(const struct schema_row *row, const char *key)
{
    const char *s;
    for (int i = 0; (s = spelling(row, (size_t)i)) != NULL; i++) {
        if (*s != *key)
            continue;
        if (strcmp(s, key) == 0)
            return i;
        if (is_camel_of(s, key))
            return (int)ARRAY_LEN(row->aliases) + 1;
    }
    return -1;
}

/* A bit for each row that has a spelling with this first letter; made once. */
#define LETTERS  26
#define SET_BITS 64
typedef uint64_t row_set[(SCHEMA_ROWS_MAX + SET_BITS - 1) / SET_BITS];

static const row_set *rows_by_letter(void)
{
    static row_set sets[LETTERS];
    static bool is_made;
    const char *s;
    for (size_t row = 0; row < schema_row_count && !is_made; row++)
        for (size_t i = 0; (s = spelling(&schema_rows[row], i)) != NULL; i++)
            sets[*s - 'a'][row / SET_BITS] |= (uint64_t)1 << row % SET_BITS;
    is_made = true;
    return sets;
}

static const struct schema_row *find_ranked(const char *key, int *ret_rank)
{
    if (*key < 'a' || *key > 'z')
        return NULL;
    const uint64_t *set = rows_by_letter()[*key - 'a'];
    for (size_t word = 0; word < sizeof(row_set) / sizeof(*set); word++) {
        for (uint64_t left = set[word]; left; left &= left - 1) {
            const struct schema_row *row =
                &schema_rows[word * SET_BITS + (size_t)__builtin_ctzll(left)];
            if ((*ret_rank = rank_of(row, key)) >= 0)
                return row;
        }
    }
    return NULL;
}

const struct schema_row *schema_find(const char *key)
{
    int rank;
    return find_ranked(key, &rank);
}

json_t *schema_given(const json_t *input, const struct schema_row *row)
{
    const char *s, *key;
    for (size_t i = 0; (s = spelling(row, i)) != NULL; i++) {
        json_t *v = json_object_get(input, s);
        if (v && !json_is_null(v))
            return v;
    }
    json_t *value;
    json_object_foreach ((json_t *)input, key, value) {
        if (!json_is_null(value) && rank_of(row, key) >= 0)
            return value;
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

struct check {
    struct {
        const char *key; /* as spelled; NULL = not given */
        const json_t *value;
        int rank;
    } given[SCHEMA_ROWS_MAX];
    json_t *result;
    schema_note_fn *note;
    void *ctx;
};

static void note_oom(const struct check *c, const char *key)
{
    c->note(c->ctx, SF_ERROR, key, -ENOMEM, "out of memory");
}

/* env_NAME: the variables of one environment of a configuration file. */
static bool is_named_env(const char *key)
{
    return strncmp(key, "env_", 4) == 0 && !strpbrk(key, " \t\r\n");
}

static void check_named_env(const struct check *c, const char *key, const json_t *value)
{
    static const struct schema_row like_env = {.types = ST_OBJECT | ST_STRING};
    struct schema_row row = like_env;
    struct err e;
    row.name = key;
    if (!json_is_object(value) && !json_is_string(value)) {
        (void)schema_type_error(&row, value, &e);
        c->note(c->ctx, SF_ERROR, key, e.code, e.msg);
    } else if (json_object_set_new(c->result, key, json_deep_copy(value)) < 0) {
        note_oom(c, key);
    }
}

/* The best spelling of each row; null is the same as not given. */
static void sort_by_row(struct check *c, const json_t *input)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)input, key, value) {
        int rank;
        const struct schema_row *row = find_ranked(key, &rank);
        if (!row) {
            if (!is_named_env(key))
                schema_note_unknown(schema_rows, schema_row_count, "", key, c->note, c->ctx);
            continue;
        }
        size_t i = (size_t)(row - schema_rows);
        if (json_is_null(value) || (c->given[i].key && c->given[i].rank <= rank))
            continue;
        c->given[i].key = key;
        c->given[i].value = value;
        c->given[i].rank = rank;
    }
}

static json_t *convert(const struct check *c, const struct schema_row *row, const char *key,
                       const json_t *value)
{
    struct err e = {0};
    if (row->rule == SR_FIELDS && json_is_object(value))
        return schema_convert_fields(row, key, value, c->note, c->ctx);
    json_t *converted = schema_convert(row, value, &e);
    if (!converted && e.code == 0)
        note_oom(c, key);
    else if (!converted)
        c->note(c->ctx, SF_ERROR, key, e.code, e.msg);
    return converted;
}

static void check_row(const struct check *c, size_t i, bool with_defaults)
{
    const struct schema_row *row = &schema_rows[i];
    const char *key = c->given[i].key;
    json_t *converted = NULL;
    if (key)
        converted = convert(c, row, key, c->given[i].value);
    else if (with_defaults && row->def)
        converted = schema_default(row);
    if (!converted && (key || !with_defaults || !row->def))
        return;
    if (row->caveat && key && json_truthy(converted)) {
        struct err text;
        err_set(&text, 0, "\"%s\" %s", row->name, row->caveat);
        c->note(c->ctx, SF_CAVEAT, key, 0, text.msg);
    }
    if (json_object_set_new(c->result, row->name, converted) < 0)
        note_oom(c, key ? key : row->name);
}

json_t *schema_check(const json_t *input, bool with_defaults, schema_note_fn *note, void *ctx)
{
    struct check c = {.result = json_object(), .note = note, .ctx = ctx};
    struct err e;
    if (!json_is_object(input)) {
        err_set(&e, -EINVAL,
                "Expect options to be a typeof [object Object], but now is [object %s]",
                json_type_name(input));
        note(ctx, SF_ERROR, "", e.code, e.msg);
        json_decref(c.result);
        return NULL;
    }
    if (!c.result) {
        note_oom(&c, "");
        return NULL;
    }
    sort_by_row(&c, input);
    for (size_t i = 0; i < schema_row_count; i++)
        check_row(&c, i, with_defaults);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)input, key, value) {
        if (is_named_env(key) && !json_is_null(value))
            check_named_env(&c, key, value);
    }
    return c.result;
}

/* ---- the same with one text ---- */

struct findings {
    struct buf text;
    int code;
    json_t *unknown;
};

static void collect(void *ctx, enum schema_finding kind, const char *key, int code,
                    const char *text)
{
    struct findings *f = ctx;
    if (kind == SF_ERROR) {
        buf_printf(&f->text, "%s%s", f->text.len ? ", " : "", text);
        if (f->code != -ENOMEM)
            f->code = code;
    } else if (kind == SF_UNKNOWN && f->unknown &&
               json_array_append_new(f->unknown, json_string(key)) < 0) {
        f->code = -ENOMEM;
    }
}

json_t *schema_validate(const json_t *input, bool with_defaults, json_t *unknown, struct err *e)
{
    struct findings f = {.text = BUF_INIT, .unknown = unknown};
    json_t *result = schema_check(input, with_defaults, collect, &f);
    if (f.code != 0) {
        err_set(e, f.code, "%s", f.text.len ? f.text.data : "out of memory");
        json_decref(result);
        result = NULL;
    }
    buf_fini(&f.text);
    return result;
}
