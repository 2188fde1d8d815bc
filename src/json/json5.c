/* SPDX-License-Identifier: MIT
 * JSON5 grammar: text to DOM by recursive descent. Pure. */
#include "json/json5.h"

#include <errno.h>
#include <stdint.h>

#include "base/limits.h"
#include "json/json5_priv.h"
#include "json/read.h"

static json_t *read_value(struct json5 *j);

/* The line of the byte `at`, which is never before that of an earlier call. */
static json_int_t line_of(struct json5 *j, const char *at)
{
    const char *newline;
    while ((newline = memchr(j->counted, '\n', (size_t)(at - j->counted)))) {
        j->line++;
        j->counted = newline + 1;
    }
    j->counted = at;
    return j->line;
}

int json5_note_line(json_t *lines, struct str path, json_int_t line)
{
    if (path.n > LIMIT_LINE_PATH_BYTES || json_object_size(lines) >= LIMIT_LINES)
        return 0;
    json_t *value = json_integer(line);
    return value && json_object_setn_new_nocheck(lines, path.p, path.n, value) == 0 ? 0 : -ENOMEM;
}

/* Remember that the value of the current path begins at `at`. */
static bool record(struct json5 *j, const char *at)
{
    if (buf_oom(&j->path))
        return json5_fail_oom(j);
    if (j->lines && json5_note_line(j->lines, buf_str(&j->path), line_of(j, at)) < 0)
        return json5_fail_oom(j);
    return true;
}

/* One level down, past the bracket. */
static bool descend(struct json5 *j)
{
    if (++j->depth > LIMIT_JSON_DEPTH)
        return json5_fail(j, j->p, -E2BIG, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
    j->p++;
    return true;
}

/* Behind an element: a comma, or the bracket that closes (left where it is). */
static bool separator(struct json5 *j, char close, const char *what)
{
    if (!json5_skip(j))
        return false;
    if (j->p < j->end && *j->p == ',') {
        j->p++;
        return true;
    }
    return (j->p < j->end && *j->p == close) || json5_expected(j, what);
}

/* key: value. The key lives at the end of the path, where no value can overwrite it. */
static bool read_member(struct json5 *j, json_t *object)
{
    struct str key;
    const char *at = j->p;
    if (!(*at == '"' || *at == '\'' ? json5_string(j, &key) : json5_identifier(j, &key)))
        return false;
    size_t outer = j->path.len;
    if (outer > 0)
        buf_add_byte(&j->path, '.');
    size_t key_at = j->path.len;
    buf_add_str(&j->path, key);
    if (!record(j, at) || !json5_skip(j))
        return false;
    if (j->p == j->end || *j->p != ':')
        return json5_expected(j, "':'");
    j->p++;
    if (!json5_skip(j))
        return false;
    json_t *value = read_value(j);
    if (!value)
        return false;
    if (json_object_setn_new_nocheck(object, j->path.data + key_at, j->path.len - key_at, value) <
        0)
        return json5_fail_oom(j);
    buf_truncate(&j->path, outer);
    return true;
}

static bool read_element(struct json5 *j, json_t *array)
{
    const char *at = j->p;
    size_t outer = j->path.len;
    buf_printf(&j->path, "[%zu]", json_array_size(array));
    if (!record(j, at))
        return false;
    json_t *value = read_value(j);
    if (!value)
        return false;
    if (json_array_append_new(array, value) < 0)
        return json5_fail_oom(j);
    buf_truncate(&j->path, outer);
    return true;
}

static bool fill_object(struct json5 *j, json_t *object)
{
    if (!json5_skip(j))
        return false;
    while (j->p == j->end || *j->p != '}') {
        if (j->p == j->end)
            return json5_expected(j, "a key or '}'");
        if (!read_member(j, object) || !separator(j, '}', "',' or '}'") || !json5_skip(j))
            return false;
    }
    j->p++;
    return true;
}

static bool fill_array(struct json5 *j, json_t *array)
{
    if (!json5_skip(j))
        return false;
    while (j->p == j->end || *j->p != ']') {
        if (!read_element(j, array) || !separator(j, ']', "',' or ']'") || !json5_skip(j))
            return false;
    }
    j->p++;
    return true;
}

static json_t *read_container(struct json5 *j)
{
    bool is_object = *j->p == '{';
    if (!descend(j))
        return NULL;
    json_t *value = is_object ? json_object() : json_array();
    if (!value)
        json5_fail_oom(j);
    else if (is_object ? fill_object(j, value) : fill_array(j, value))
        return j->depth--, value;
    json_decref(value);
    return NULL;
}

static json_t *read_string(struct json5 *j)
{
    struct str s;
    if (!json5_string(j, &s))
        return NULL;
    json_t *value = json_stringn_nocheck(s.p, s.n);
    if (!value)
        json5_fail_oom(j);
    return value;
}

static json_t *read_word(struct json5 *j)
{
    static const struct {
        struct str word;
        json_t *(*value)(void);
    } words[] = {
        {{"null", 4}, json_null},     {{"true", 4}, json_true}, {{"false", 5}, json_false},
        {{"Infinity", 8}, json_null}, {{"NaN", 3}, json_null},
    };
    const char *end = j->p;
    while (end < j->end && json5_in_name(j, end))
        end++;
    struct str word = {j->p, (size_t)(end - j->p)};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(word, words[i].word)) {
            j->p = end;
            return words[i].value();
        }
    }
    if (word.n > 0 && word.n <= 40)
        json5_fail(j, j->p, -EINVAL, "'%.*s' is no value", STR_ARG(word));
    else
        json5_expected(j, "a value");
    return NULL;
}

static json_t *read_value(struct json5 *j)
{
    switch (j->p < j->end ? *j->p : '\0') {
    case '{':
    case '[': return read_container(j);
    case '"':
    case '\'': return read_string(j);
    case '+':
    case '-':
    case '.':
    case '0' ... '9': return json5_number(j);
    default: return read_word(j);
    }
}

/* Length of the UTF-8 sequence at `s` (n > 0), 0 when it is none: RFC 3629, so neither surrogates
 * nor longer forms than needed. */
static size_t utf8_bytes(const unsigned char *s, size_t n)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t len;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (n < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

const char *json5_bad_utf8(struct str text)
{
    const char *p = text.p, *end = p + text.n;
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & 0x8080808080808080u))) {
            p += 8;
            continue;
        }
        size_t n = utf8_bytes((const unsigned char *)p, (size_t)(end - p));
        if (n == 0)
            return p;
        p += n;
    }
    return NULL;
}

static bool text_ok(struct json5 *j)
{
    struct str text = {j->start, (size_t)(j->end - j->start)};
    const char *nul = memchr(text.p, '\0', text.n);
    const char *bad = nul ? NULL : json5_bad_utf8(text);
    if (nul)
        return json5_fail(j, nul, -EILSEQ, "NUL byte");
    return bad ? json5_fail(j, bad, -EILSEQ, "not UTF-8 (byte 0x%02X)", (unsigned char)*bad) : true;
}

static json_t *read_text(struct json5 *j)
{
    if (!text_ok(j) || !json5_skip(j))
        return NULL;
    json_t *root = read_value(j);
    if (!root)
        return NULL;
    if (json5_skip(j) && (j->p == j->end || json5_expected(j, "the end of the text")))
        return root;
    json_decref(root);
    return NULL;
}

json_t *json5_read(struct str text, json_t *lines, struct err *e)
{
    const char *p = text.p ? text.p : "";
    struct json5 j = {
        .start = p,
        .end = p + text.n,
        .p = p,
        .counted = p,
        .line = 1,
        .lines = lines,
        .path = BUF_INIT,
        .text = BUF_INIT,
        .e = e,
    };
    json_t *root = read_text(&j);
    buf_fini(&j.path);
    buf_fini(&j.text);
    return root;
}
