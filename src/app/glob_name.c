/* SPDX-License-Identifier: MIT
 * Names against patterns: stars, classes and alternatives, by recursion over what is left of both;
 * a budget of steps ends what would take for ever. Runs in pm2d. */
#include "glob_name.h"

#include <stdint.h>

#include "base/limits.h"

struct matcher {
    unsigned steps;
};

/* ---- characters ---- */

static size_t rune_len(struct str s)
{
    unsigned char c = (unsigned char)*s.p;
    size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return n <= s.n ? n : s.n;
}

/* Its bytes as a number: in UTF-8 they have the order of what they stand for. */
static uint32_t rune_take(struct str *s)
{
    size_t n = rune_len(*s);
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | (unsigned char)s->p[i];
    s->p += n;
    s->n -= n;
    return value;
}

static struct str after(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

/* ---- classes ---- */

/* Length of the class at the start of `p`, brackets included; 0 when it is not closed. */
static size_t class_len(struct str p)
{
    size_t i = 1;
    if (i < p.n && (p.p[i] == '!' || p.p[i] == '^'))
        i++;
    if (i < p.n && p.p[i] == ']')
        i++;
    for (; i < p.n; i++)
        if (p.p[i] == ']')
            return i + 1;
        else if (p.p[i] == '\\')
            i++;
    return 0;
}

static bool class_has(struct str class, uint32_t rune)
{
    struct str in = {class.p + 1, class.n - 2};
    bool negated = in.n > 0 && (*in.p == '!' || *in.p == '^');
    bool found = false;
    if (negated)
        in = after(in, 1);
    while (in.n > 0) {
        if (*in.p == '\\' && in.n > 1)
            in = after(in, 1);
        uint32_t low = rune_take(&in), high = low;
        if (in.n > 1 && *in.p == '-') {
            in = after(in, 1);
            high = rune_take(&in);
        }
        found = found || (rune >= low && rune <= high);
    }
    return found != negated;
}

/* ---- alternatives ---- */

struct group {
    char kind;          /* @ ? * + ! */
    struct str choices; /* between the parentheses */
    struct str rest;    /* of the pattern */
};

/* The bracket that closes the one at p[open], or 0; `ret_has_bar`: it holds alternatives. */
static size_t group_end(struct str p, size_t open, bool *ret_has_bar)
{
    int depth = 0;
    *ret_has_bar = false;
    for (size_t i = open; i < p.n; i++) {
        if (p.p[i] == '\\')
            i++;
        else if (p.p[i] == '(')
            depth++;
        else if (p.p[i] == ')' && --depth == 0)
            return i;
        else if (p.p[i] == '|' && depth == 1)
            *ret_has_bar = true;
    }
    return 0;
}

static bool group_parse(struct str p, struct group *ret)
{
    bool bar;
    bool bare = p.n > 0 && *p.p == '(';
    if (!bare && (p.n < 2 || p.p[1] != '(' || *p.p == '\0' || !strchr("@?*+!", *p.p)))
        return false;
    size_t open = bare ? 0 : 1, end = group_end(p, open, &bar);
    if (end == 0 || (bare && !bar)) /* "app (copy)" is a name */
        return false;
    ret->kind = bare ? '@' : *p.p;
    ret->choices = (struct str){p.p + open + 1, end - open - 1};
    ret->rest = after(p, end + 1);
    return true;
}

static bool match(struct matcher *m, struct str p, struct str s);

/* The next choice off the front of `rest`. */
static bool next_choice(struct str *rest, struct str *ret)
{
    int depth = 0;
    if (!rest->p)
        return false;
    for (size_t i = 0; i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        else if (c == '|' && depth == 0) {
            *ret = (struct str){rest->p, i};
            *rest = after(*rest, i + 1);
            return true;
        }
    }
    *ret = *rest;
    *rest = (struct str){NULL, 0};
    return true;
}

static bool any_choice(struct matcher *m, const struct group *g, struct str s)
{
    struct str rest = g->choices, choice;
    while (next_choice(&rest, &choice))
        if (match(m, choice, s))
            return true;
    return false;
}

/* `again`: `s` may be left to more of the same ("*" and "+"). */
static bool group_repeat(struct matcher *m, const struct group *g, struct str s, bool again)
{
    for (size_t n = again ? 1 : 0; n <= s.n && m->steps < LIMIT_GLOB_STEPS; n++) {
        if (!any_choice(m, g, (struct str){s.p, n}))
            continue;
        if (match(m, g->rest, after(s, n)) || (again && group_repeat(m, g, after(s, n), true)))
            return true;
    }
    return false;
}

/* What stands in the place of !(...) is anything that is none of the choices; they are compared
 * together with what follows, so that !(a).js is not "anything but a, then perhaps .js". */
static bool group_none(struct matcher *m, const struct group *g, struct str s)
{
    for (size_t n = 0; n <= s.n && m->steps < LIMIT_GLOB_STEPS; n++)
        if (match(m, g->rest, after(s, n)) && any_choice(m, g, (struct str){s.p, n}))
            return false;
    for (size_t n = 0; n <= s.n && m->steps < LIMIT_GLOB_STEPS; n++)
        if (match(m, g->rest, after(s, n)))
            return true;
    return false;
}

static bool group_match(struct matcher *m, const struct group *g, struct str s)
{
    switch (g->kind) {
    case '!': return group_none(m, g, s);
    case '@': return group_repeat(m, g, s, false);
    case '+': return group_repeat(m, g, s, true);
    case '*': return match(m, g->rest, s) || group_repeat(m, g, s, true);
    default: return match(m, g->rest, s) || group_repeat(m, g, s, false);
    }
}

/* ---- the whole ---- */

static bool star_match(struct matcher *m, struct str p, struct str s)
{
    while (p.n > 0 && *p.p == '*' && !(p.n > 1 && p.p[1] == '('))
        p = after(p, 1);
    if (p.n == 0)
        return true;
    for (size_t n = 0; n <= s.n && m->steps < LIMIT_GLOB_STEPS; n++)
        if (match(m, p, after(s, n)))
            return true;
    return false;
}

/* One character of the pattern that stands for one of the name; false: no match. */
static bool take_one(struct str *p, struct str *s)
{
    size_t class = *p->p == '[' ? class_len(*p) : 0;
    if (s->n == 0)
        return false;
    if (class > 0) {
        struct str set = {p->p, class};
        *p = after(*p, class);
        return class_has(set, rune_take(s));
    }
    if (*p->p == '?') {
        *p = after(*p, 1);
        rune_take(s);
        return true;
    }
    if (*p->p == '\\' && p->n > 1)
        *p = after(*p, 1);
    if (*p->p != *s->p)
        return false;
    *p = after(*p, 1);
    *s = after(*s, 1);
    return true;
}

static bool match(struct matcher *m, struct str p, struct str s)
{
    struct group g;
    while (p.n > 0) {
        if (++m->steps >= LIMIT_GLOB_STEPS)
            return false;
        if (group_parse(p, &g))
            return group_match(m, &g, s);
        if (*p.p == '*')
            return star_match(m, p, s);
        if (!take_one(&p, &s))
            return false;
    }
    return s.n == 0;
}

bool glob_name_match(struct str pattern, struct str name)
{
    struct matcher m = {0};
    bool matches = match(&m, pattern, name);
    return matches && m.steps < LIMIT_GLOB_STEPS;
}

bool glob_name_is_wild(struct str pattern)
{
    struct group g;
    for (struct str p = pattern; p.n > 0; p = after(p, 1)) {
        if (*p.p == '\\' && p.n > 1)
            p = after(p, 1);
        else if (*p.p == '*' || *p.p == '?' || (*p.p == '[' && class_len(p) > 0) ||
                 group_parse(p, &g))
            return true;
    }
    return false;
}
