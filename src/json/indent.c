/* SPDX-License-Identifier: MIT
 * JSON laid out for people. Pure. */
#include "json/indent.h"

static void new_line(struct buf *out, size_t depth)
{
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < depth; i++)
        buf_add_c(out, "  ");
}

/* The length of the string that begins at `at`, both quotes included. */
static size_t string_length(struct str json, size_t at)
{
    size_t end = at + 1;
    while (end < json.n && json.p[end] != '"')
        end += json.p[end] == '\\' ? 2 : 1;
    return (end < json.n ? end + 1 : json.n) - at;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(struct str json, size_t at)
{
    while (at < json.n && is_blank(json.p[at]))
        at++;
    return at;
}

void json_indent(struct buf *out, struct str json)
{
    size_t depth = 0;
    for (size_t at = skip_blanks(json, 0); at < json.n; at = skip_blanks(json, at)) {
        char c = json.p[at];
        size_t n = c == '"' ? string_length(json, at) : 1;
        size_t next = skip_blanks(json, at + n);
        bool opens = c == '{' || c == '[';
        bool closes_next = next < json.n && (json.p[next] == '}' || json.p[next] == ']');
        buf_add(out, json.p + at, n);
        at += n;
        if (opens)
            depth++;
        if (opens && closes_next) { /* nothing in it: {} */
            buf_add_byte(out, json.p[next]);
            at = next + 1;
            depth--;
            next = skip_blanks(json, at);
            closes_next = next < json.n && (json.p[next] == '}' || json.p[next] == ']');
        } else if (opens || c == ',') {
            new_line(out, depth);
            continue;
        } else if (c == ':') {
            buf_add_byte(out, ' ');
        }
        if (closes_next && depth > 0)
            new_line(out, --depth);
    }
}
