/* SPDX-License-Identifier: MIT
 * The JSON skipper: a recursive descent parser that keeps nothing. The recursion is capped. */
#include "wire/skip.h"

#include <errno.h>

#include "base/limits.h"

struct walk {
    const char *at, *end;
    unsigned depth;
    int error; /* why a step returned false */
};

static bool skip_value(struct walk *w, struct str *ret_text);

static bool fail(struct walk *w, int error)
{
    w->error = error;
    return false;
}

static void skip_blanks(struct walk *w)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\r' || *w->at == '\t'))
        w->at++;
}

/* Take `c` if it comes next. */
static bool take(struct walk *w, char c)
{
    if (w->at == w->end || *w->at != c)
        return false;
    w->at++;
    return true;
}

/* Most of every message is strings. The position is a local: writing it through the pointer would
 * force the compiler to load and store it for each byte. */
static bool skip_string(struct walk *w)
{
    if (!take(w, '"'))
        return fail(w, -EPROTO);
    const char *at = w->at;
    const char *end = w->end;
    for (; at < end && *at != '"' && (unsigned char)*at >= 0x20; at++)
        if (*at == '\\' && ++at == end)
            break;
    if (at == end || *at != '"')
        return fail(w, -EPROTO);
    w->at = at + 1;
    return true;
}

static size_t skip_digits(struct walk *w)
{
    const char *start = w->at;
    while (w->at < w->end && *w->at >= '0' && *w->at <= '9')
        w->at++;
    return (size_t)(w->at - start);
}

static bool skip_number(struct walk *w)
{
    take(w, '-');
    bool leading_zero = w->at < w->end && *w->at == '0';
    size_t n = skip_digits(w);
    if (n == 0 || (leading_zero && n > 1))
        return fail(w, -EPROTO);
    if (take(w, '.') && skip_digits(w) == 0)
        return fail(w, -EPROTO);
    if (take(w, 'e') || take(w, 'E')) {
        if (!take(w, '+'))
            take(w, '-');
        if (skip_digits(w) == 0)
            return fail(w, -EPROTO);
    }
    return true;
}

static bool skip_literal(struct walk *w, struct str word)
{
    if (!str_starts((struct str){w->at, (size_t)(w->end - w->at)}, word))
        return fail(w, -EPROTO);
    w->at += word.n;
    return true;
}

static bool skip_array(struct walk *w)
{
    struct str element;
    take(w, '[');
    skip_blanks(w);
    if (take(w, ']'))
        return true;
    do
        if (!skip_value(w, &element))
            return false;
    while (take(w, ','));
    return take(w, ']') || fail(w, -EPROTO);
}

static bool skip_object(struct walk *w, skip_member_fn *fn, void *ctx)
{
    take(w, '{');
    skip_blanks(w);
    if (take(w, '}'))
        return true;
    do {
        struct str value;
        skip_blanks(w);
        struct str key = {.p = w->at};
        if (!skip_string(w))
            return false;
        key.n = (size_t)(w->at - key.p);
        skip_blanks(w);
        if (!take(w, ':'))
            return fail(w, -EPROTO);
        if (!skip_value(w, &value))
            return false;
        if (fn && !fn(ctx, key, value))
            return fail(w, -ECANCELED);
    } while (take(w, ','));
    return take(w, '}') || fail(w, -EPROTO);
}

static bool skip_container(struct walk *w)
{
    if (w->depth == LIMIT_JSON_DEPTH)
        return fail(w, -E2BIG);
    w->depth++;
    bool ok = *w->at == '{' ? skip_object(w, NULL, NULL) : skip_array(w);
    w->depth--;
    return ok;
}

static bool skip_bare(struct walk *w)
{
    if (w->at == w->end)
        return fail(w, -EPROTO);
    switch (*w->at) {
    case '{':
    case '[': return skip_container(w);
    case '"': return skip_string(w);
    case 't': return skip_literal(w, STR("true"));
    case 'f': return skip_literal(w, STR("false"));
    case 'n': return skip_literal(w, STR("null"));
    default: return skip_number(w);
    }
}

/* A value and the blanks on both sides of it. */
static bool skip_value(struct walk *w, struct str *ret_text)
{
    skip_blanks(w);
    const char *start = w->at;
    if (!skip_bare(w))
        return false;
    *ret_text = (struct str){start, (size_t)(w->at - start)};
    skip_blanks(w);
    return true;
}

int skip_members(struct str text, skip_member_fn *fn, void *ctx)
{
    if (text.n == 0)
        return -EPROTO;
    struct walk w = {.at = text.p, .end = text.p + text.n, .depth = 1};
    skip_blanks(&w);
    if (w.at == w.end || *w.at != '{')
        return -EPROTO;
    if (!skip_object(&w, fn, ctx))
        return w.error;
    skip_blanks(&w);
    return w.at == w.end ? 0 : -EPROTO;
}

bool skip_first(struct str text, struct str *ret_element)
{
    *ret_element = (struct str){0};
    if (text.n == 0)
        return false;
    struct walk w = {.at = text.p, .end = text.p + text.n, .depth = 1};
    if (!take(&w, '['))
        return false;
    skip_blanks(&w);
    return take(&w, ']') || skip_value(&w, ret_element);
}
