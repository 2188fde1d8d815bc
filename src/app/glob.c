/* SPDX-License-Identifier: MIT
 * Patterns: braces are expanded when one is made, then names are compared one by one. Runs in pm2d.
 */
#include "glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "glob_name.h"

enum segment_kind { SEG_PLAIN, SEG_WILD, SEG_ANY_DEPTH };

/* One name between slashes; `text` points into the alternative it is of. */
struct segment {
    enum segment_kind kind;
    struct str text;
};

/* What is left of the pattern once a choice is made in each of its braces. */
struct alternative {
    char *text;
    struct segment *segments;
    size_t count;
};

struct glob {
    struct alternative *items;
    size_t count;
};

/* ---- braces ---- */

/* The brace that closes the one at `open`, or NULL. `ret_list`: it has a comma of its own. */
static const char *closing_brace(const char *open, bool *ret_list)
{
    int depth = 0;
    *ret_list = false;
    for (const char *p = open; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0)
            return p;
        else if (*p == ',' && depth == 1)
            *ret_list = true;
    }
    return NULL;
}

struct range {
    long long from, to;
    bool letters;
};

/* "1..10", "a..f" */
static bool parse_range(struct str inner, struct range *ret)
{
    const char *dots = memmem(inner.p, inner.n, "..", 2);
    if (!dots)
        return false;
    struct str a = {inner.p, (size_t)(dots - inner.p)};
    struct str b = {dots + 2, inner.n - a.n - 2};
    ret->letters = a.n == 1 && b.n == 1 && (*a.p < '0' || *a.p > '9') && *b.p > '9';
    if (ret->letters) {
        ret->from = (unsigned char)*a.p;
        ret->to = (unsigned char)*b.p;
        return true;
    }
    return str_to_int(a, &ret->from) && str_to_int(b, &ret->to);
}

/* The first pair of braces that stands for a choice. */
static const char *find_choice(const char *p, const char **ret_close, bool *ret_list,
                               struct range *range)
{
    for (; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            continue;
        }
        if (*p != '{')
            continue;
        const char *close = closing_brace(p, ret_list);
        if (!close)
            continue;
        *ret_close = close;
        if (*ret_list || parse_range((struct str){p + 1, (size_t)(close - p - 1)}, range))
            return p;
    }
    return NULL;
}

/* The patterns that are still to be expanded, and those that are done, in one list. */
struct expansion {
    char **items;
    size_t count, cap;
};

static int keep(struct expansion *x, char *take_text)
{
    if (!take_text)
        return -ENOMEM;
    if (x->count == LIMIT_GLOB_BRACES) {
        free(take_text);
        return -E2BIG;
    }
    if (x->count == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 4;
        char **items = realloc(x->items, cap * sizeof(*items));
        if (!items) {
            free(take_text);
            return -ENOMEM;
        }
        x->items = items;
        x->cap = cap;
    }
    x->items[x->count++] = take_text;
    return 0;
}

static int keep_joined(struct expansion *x, struct str before, struct str chosen, const char *after)
{
    struct buf text = BUF_INIT;
    buf_add_str(&text, before);
    buf_add_str(&text, chosen);
    buf_add_c(&text, after);
    buf_reserve(&text, 1); /* "" has memory of its own, too */
    return keep(x, buf_detach(&text));
}

static int expand_list(struct expansion *x, struct str before, struct str inner, const char *after)
{
    int depth = 0, rc = 0;
    size_t start = 0;
    for (size_t i = 0; i <= inner.n && rc == 0; i++) {
        char c = i < inner.n ? inner.p[i] : ',';
        if (c == '\\')
            i++;
        else if (c == '{')
            depth++;
        else if (c == '}')
            depth--;
        else if (c == ',' && (depth == 0 || i == inner.n)) {
            rc = keep_joined(x, before, (struct str){inner.p + start, i - start}, after);
            start = i + 1;
        }
    }
    return rc;
}

static int expand_range(struct expansion *x, struct str before, const struct range *r,
                        const char *after)
{
    long long step = r->from <= r->to ? 1 : -1;
    if ((r->to - r->from) * step >= (long long)LIMIT_GLOB_BRACES)
        return -E2BIG;
    int rc = 0;
    for (long long v = r->from; rc == 0; v += step) {
        struct buf chosen = BUF_INIT;
        if (r->letters)
            buf_add_byte(&chosen, (char)v);
        else
            buf_printf(&chosen, "%lld", v);
        rc = keep_joined(x, before, buf_str(&chosen), after);
        buf_fini(&chosen);
        if (v == r->to)
            break;
    }
    return rc;
}

/* Replace item `i` by what its first braces stand for. 0 when it has none any more. */
static int expand_item(struct expansion *x, size_t i)
{
    bool list = false;
    struct range range = {0};
    const char *close = NULL;
    char *text = x->items[i];
    const char *open = find_choice(text, &close, &list, &range);
    if (!open)
        return 0;
    x->items[i] = x->items[--x->count];
    struct str before = {text, (size_t)(open - text)};
    struct str inner = {open + 1, (size_t)(close - open - 1)};
    int rc = list ? expand_list(x, before, inner, close + 1)
                  : expand_range(x, before, &range, close + 1);
    free(text);
    return rc < 0 ? rc : 1;
}

static int expand(struct expansion *x, const char *pattern)
{
    int rc = keep(x, strdup(pattern));
    for (size_t i = 0; rc >= 0 && i < x->count;) {
        rc = expand_item(x, i);
        if (rc == 0)
            i++;
    }
    return rc;
}

/* ---- making one ---- */

static struct segment classify(char *name, size_t n)
{
    if (n == 2 && memcmp(name, "**", 2) == 0)
        return (struct segment){SEG_ANY_DEPTH, {name, n}};
    if (glob_name_is_wild((struct str){name, n}))
        return (struct segment){SEG_WILD, {name, n}};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '\\' && i + 1 < n)
            i++;
        name[kept++] = name[i];
    }
    return (struct segment){SEG_PLAIN, {name, kept}};
}

static int cut_segments(struct alternative *a)
{
    size_t room = 1;
    for (const char *p = a->text; *p; p++)
        room += *p == '/';
    a->segments = calloc(room, sizeof(*a->segments));
    if (!a->segments)
        return -ENOMEM;
    for (char *p = a->text; *p;) {
        size_t n = strcspn(p, "/");
        if (n > 0)
            a->segments[a->count++] = classify(p, n);
        p += n + (p[n] == '/');
    }
    return 0;
}

struct glob *glob_new(const char *pattern)
{
    struct expansion x = {0};
    int rc = expand(&x, pattern);
    struct glob *g = rc < 0 ? NULL : calloc(1, sizeof(*g));
    if (g)
        g->items = calloc(x.count + 1, sizeof(*g->items));
    bool ok = g && g->items;
    for (size_t i = 0; i < x.count; i++) {
        if (ok) {
            struct alternative *a = &g->items[g->count++];
            a->text = x.items[i];
            ok = cut_segments(a) == 0;
        } else {
            free(x.items[i]);
        }
    }
    free(x.items);
    if (ok)
        return g;
    glob_free(g);
    errno = rc == -E2BIG ? E2BIG : ENOMEM;
    return NULL;
}

void glob_free(struct glob *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++) {
        free(g->items[i].segments);
        free(g->items[i].text);
    }
    free(g->items);
    free(g);
}

/* ---- matching ---- */

/* The next name of a path, or false at its end. */
static bool next_name(const char **rest, struct str *ret)
{
    const char *p = *rest + strspn(*rest, "/");
    ret->p = p;
    ret->n = strcspn(p, "/");
    *rest = p + ret->n;
    return ret->n > 0;
}

static bool segment_match(const struct segment *s, struct str name)
{
    return s->kind == SEG_PLAIN ? str_eq(s->text, name) : glob_name_match(s->text, name);
}

/* Names are compared without regard to what stands around them, so that after a mismatch only the
 * last "**" needs to be given another length. */
static bool alternative_match(const struct alternative *a, const char *path)
{
    size_t i = 0, after_any = 0;
    const char *rest = path, *retry = NULL;
    struct str name;
    for (;;) {
        if (i < a->count && a->segments[i].kind == SEG_ANY_DEPTH) {
            after_any = ++i;
            retry = rest;
            continue;
        }
        const char *before = rest;
        bool more = next_name(&rest, &name);
        if (!more && i == a->count)
            return true;
        if (more && i < a->count && segment_match(&a->segments[i], name)) {
            i++;
            continue;
        }
        rest = before;
        if (!retry || !next_name(&retry, &name))
            return false;
        rest = retry;
        i = after_any;
    }
}

bool glob_match(const struct glob *g, const char *path)
{
    for (size_t i = 0; i < g->count; i++)
        if (alternative_match(&g->items[i], path))
            return true;
    return false;
}

static bool alternative_may_match_below(const struct alternative *a, const char *path)
{
    struct str name;
    size_t i = 0;
    while (next_name(&path, &name)) {
        if (i == a->count)
            return false;
        if (a->segments[i].kind == SEG_ANY_DEPTH)
            return true;
        if (!segment_match(&a->segments[i++], name))
            return false;
    }
    return i < a->count;
}

bool glob_may_match_below(const struct glob *g, const char *path)
{
    for (size_t i = 0; i < g->count; i++)
        if (alternative_may_match_below(&g->items[i], path))
            return true;
    return false;
}

/* ---- text ---- */

bool glob_is_magic(const char *text)
{
    bool list;
    struct range range;
    const char *close;
    return find_choice(text, &close, &list, &range) || glob_name_is_wild(str_from(text));
}

void glob_escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\*?[]{}()!@+|,", *text))
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

void glob_parent(struct buf *out, const char *pattern)
{
    size_t start = out->len;
    for (const char *p = pattern; *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        AUTO(buf) name = BUF_INIT;
        buf_add(&name, p, n);
        if (n == 0 || glob_is_magic(name.data))
            break;
        buf_add_byte(out, '/');
        for (size_t i = 0; i < n; i++) {
            if (p[i] == '\\' && i + 1 < n)
                i++;
            buf_add_byte(out, p[i]);
        }
        p += n;
    }
    if (out->len == start)
        buf_add_byte(out, '/');
}
