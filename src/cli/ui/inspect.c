/* SPDX-License-Identifier: MIT
 * A reimplementation of the layout rules of util.inspect (compact = 3, breakLength = 80) for values
 * that came out of JSON: no cycles, no classes, no getters.
 *
 * The rules, as Node 20 has them: the entries of a container are put on one line when its nesting
 * is shallow enough and the line short enough; an array of more than six entries is put in columns
 * first; anything else gets one line per entry. "Shallow" is judged by the container that was
 * entered last, not by the deepest one. Lengths are UTF-16 units, column widths are terminal
 * columns. */
#include "cli/ui/inspect.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/ui/text.h"
#include "json/write.h"

#define BREAK_LENGTH   80
#define COMPACT        3
#define MIN_LINE_WIDTH 16
#define ARRAY_SHOWN    100
#define STRING_SHOWN   10000
#define GROUPED_FROM   7
#define COLUMNS_MAX    15
#define SAFE_INTEGER   9007199254740992LL
#define INDEX_DIGITS   10

struct inspect {
    size_t indent;
    int current_depth; /* of the container entered last */
    bool oom;
};

/* The texts of a container's entries. */
struct parts {
    struct buf *items;
    size_t count;
};

static void format_value(struct inspect *in, const json_t *value, int depth, struct buf *out);

/* ---- strings ---- */

static bool has_byte(struct str s, char c)
{
    return s.n > 0 && memchr(s.p, c, s.n);
}

/* Single quotes, unless the text has some and one of the others would need no escape. */
static char quote_for(struct str s)
{
    if (!has_byte(s, '\''))
        return '\'';
    if (!has_byte(s, '"'))
        return '"';
    if (!has_byte(s, '`') && !(s.n > 1 && memmem(s.p, s.n, "${", 2)))
        return '`';
    return '\'';
}

static void add_escaped(struct buf *out, uint32_t c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c < sizeof(letters) && letters[c])
        buf_printf(out, "\\%c", letters[c]);
    else
        buf_printf(out, "\\x%02X", (unsigned)c);
}

static void add_quoted(struct buf *out, struct str s)
{
    char quote = quote_for(s);
    buf_add_byte(out, quote);
    while (s.n > 0) {
        size_t n;
        uint32_t c = text_next(s, &n);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            add_escaped(out, c);
        else if (c == (uint32_t)quote || c == '\\')
            buf_printf(out, "\\%c", (int)c);
        else
            buf_add(out, s.p, n);
        s = (struct str){s.p + n, s.n - n};
    }
    buf_add_byte(out, quote);
}

/* The first `units` UTF-16 units of `s`. */
static struct str first_units(struct str s, size_t units)
{
    size_t at = 0;
    while (at < s.n) {
        size_t n;
        size_t u = text_next((struct str){s.p + at, s.n - at}, &n) > 0xffff ? 2 : 1;
        if (u > units)
            break;
        units -= u;
        at += n;
    }
    return (struct str){s.p, at};
}

/* A long text with newlines in it is shown as a sum of its lines. */
static void format_string(const struct inspect *in, struct str s, struct buf *out)
{
    size_t units = text_units(s);
    size_t hidden = units > STRING_SHOWN ? units - STRING_SHOWN : 0;
    if (hidden > 0) {
        s = first_units(s, STRING_SHOWN);
        units = STRING_SHOWN;
    }
    size_t limit = BREAK_LENGTH - 4;
    bool split = units > MIN_LINE_WIDTH && units + in->indent > limit;
    for (;;) {
        const char *nl = split && s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;
        size_t n = nl && nl + 1 < s.p + s.n ? (size_t)(nl + 1 - s.p) : s.n;
        add_quoted(out, (struct str){s.p, n});
        s = (struct str){s.p + n, s.n - n};
        if (s.n == 0)
            break;
        buf_add_c(out, " +\n");
        text_repeat(out, in->indent + 2, " ");
    }
    if (hidden > 0)
        buf_printf(out, "... %zu more character%s", hidden, hidden > 1 ? "s" : "");
}

static void format_key(struct str key, struct buf *out)
{
    bool plain = key.n > 0 && !(key.p[0] >= '0' && key.p[0] <= '9');
    for (size_t i = 0; plain && i < key.n; i++) {
        char c = key.p[i];
        plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (str_eq_c(key, "__proto__"))
        buf_add_c(out, "['__proto__']");
    else if (plain)
        buf_add_str(out, key);
    else
        add_quoted(out, key);
}

static void format_integer(struct buf *out, json_int_t n)
{
    if (n > -SAFE_INTEGER && n < SAFE_INTEGER)
        buf_printf(out, "%lld", (long long)n);
    else
        json_number_text(out, (double)n);
}

/* ---- layout ---- */

static bool parts_init(struct parts *p, size_t room)
{
    p->items = calloc(room ? room : 1, sizeof(p->items[0]));
    p->count = 0;
    for (size_t i = 0; p->items && i < room; i++)
        buf_init(&p->items[i]);
    return p->items;
}

static void parts_fini(struct parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        buf_fini(&p->items[i]);
    free(p->items);
}

struct grid {
    size_t *widths; /* of each entry */
    size_t cells;   /* entries that take part; "... more items" does not */
    size_t columns;
    size_t column[COLUMNS_MAX]; /* width of each column */
};

/* How many columns look square. 0 or 1: none. */
static size_t grid_columns(const struct grid *g, size_t entries, size_t indent)
{
    const double char_height = 2.5;
    size_t total = 0;
    size_t longest = 0;
    for (size_t i = 0; i < g->cells; i++) {
        total += g->widths[i] + 2;
        longest = g->widths[i] > longest ? g->widths[i] : longest;
    }
    size_t widest = longest + 2;
    if (widest * 3 + indent >= BREAK_LENGTH ||
        !((double)total / (double)widest > 5 || longest <= 6))
        return 0;
    double bias = sqrt((double)widest - (double)total / (double)entries);
    double biased = fmax((double)widest - 3 - bias, 1);
    double columns = floor(sqrt(char_height * biased * (double)g->cells) / biased + 0.5);
    columns = fmin(columns, floor((double)(BREAK_LENGTH - indent) / (double)widest));
    columns = fmin(columns, COMPACT * 4);
    return (size_t)fmin(columns, COLUMNS_MAX);
}

static void grid_measure(struct grid *g, size_t entries)
{
    for (size_t i = 0; i < g->columns; i++) {
        g->column[i] = 0;
        for (size_t j = i; j < entries; j += g->columns)
            if (g->widths[j] > g->column[i])
                g->column[i] = g->widths[j];
        g->column[i] += 2;
    }
}

static void grid_row(const struct grid *g, const struct parts *p, size_t from, bool pad_start,
                     struct buf *out)
{
    size_t to = from + g->columns < g->cells ? from + g->columns : g->cells;
    for (size_t j = from; j < to; j++) {
        bool last = j == to - 1;
        size_t pad = g->column[j - from] - 2 - g->widths[j];
        if (pad_start)
            text_repeat(out, pad, " ");
        buf_add_str(out, buf_str(&p->items[j]));
        if (!last) {
            buf_add_c(out, ", ");
            if (!pad_start)
                text_repeat(out, pad, " ");
        }
    }
}

static bool all_numbers(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_number(json_array_get(array, i)))
            return false;
    return true;
}

/* Put the entries of an array into columns: `p` then holds one part for each row. */
static void group_entries(struct inspect *in, const json_t *array, struct parts *p)
{
    struct grid g = {.cells = p->count - (json_array_size(array) > ARRAY_SHOWN)};
    struct parts rows;
    g.widths = calloc(p->count, sizeof(size_t));
    if (!g.widths || !parts_init(&rows, p->count)) {
        free(g.widths);
        in->oom = true;
        return;
    }
    for (size_t i = 0; i < g.cells; i++)
        g.widths[i] = text_width(buf_str(&p->items[i]));
    g.columns = grid_columns(&g, p->count, in->indent);
    if (g.columns > 1) {
        bool pad_start = all_numbers(array);
        grid_measure(&g, g.cells);
        for (size_t i = 0; i < g.cells; i += g.columns)
            grid_row(&g, p, i, pad_start, &rows.items[rows.count++]);
        if (g.cells < p->count)
            buf_add_str(&rows.items[rows.count++], buf_str(&p->items[g.cells]));
        struct parts old = *p;
        *p = rows;
        rows = old;
    }
    parts_fini(&rows);
    free(g.widths);
}

static bool fits_on_line(const struct inspect *in, const struct parts *p)
{
    /* the entries, a separator for each, the indentation, the bracket, and ten for good measure */
    size_t start = p->count + in->indent + 1 + 10;
    size_t total = p->count + start;
    if (total + p->count > BREAK_LENGTH)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        total += text_units(buf_str(&p->items[i]));
        if (total > BREAK_LENGTH || memchr(p->items[i].data, '\n', p->items[i].len))
            return false;
    }
    return true;
}

static void join_parts(const struct inspect *in, const struct parts *p, const char *brackets,
                       bool on_one_line, struct buf *out)
{
    buf_add_byte(out, brackets[0]);
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        if (on_one_line) {
            buf_add_byte(out, ' ');
        } else {
            buf_add_byte(out, '\n');
            text_repeat(out, in->indent + 2, " ");
        }
        buf_add_str(out, buf_str(&p->items[i]));
    }
    buf_add_byte(out, on_one_line ? ' ' : '\n');
    if (!on_one_line)
        text_repeat(out, in->indent, " ");
    buf_add_byte(out, brackets[1]);
}

static void lay_out(struct inspect *in, struct parts *p, const json_t *array, int depth,
                    const char *brackets, struct buf *out)
{
    size_t entries = p->count;
    if (array && entries >= GROUPED_FROM)
        group_entries(in, array, p);
    bool one_line =
        in->current_depth - depth < COMPACT && entries == p->count && fits_on_line(in, p);
    join_parts(in, p, brackets, one_line, out);
}

/* ---- containers ---- */

static void format_array(struct inspect *in, const json_t *array, int depth, struct buf *out)
{
    size_t size = json_array_size(array);
    size_t shown = size < ARRAY_SHOWN ? size : ARRAY_SHOWN;
    struct parts p;
    if (size == 0) {
        buf_add_c(out, "[]");
        return;
    }
    if (!parts_init(&p, shown + 1)) {
        in->oom = true;
        return;
    }
    in->current_depth = depth;
    in->indent += 2;
    for (size_t i = 0; i < shown; i++)
        format_value(in, json_array_get(array, i), depth + 1, &p.items[p.count++]);
    in->indent -= 2;
    if (shown < size)
        buf_printf(&p.items[p.count++], "... %zu more item%s", size - shown,
                   size - shown > 1 ? "s" : "");
    lay_out(in, &p, array, depth, "[]", out);
    parts_fini(&p);
}

/* Keys that JavaScript takes for array indexes come first, in the order of their numbers. */
static bool is_index(struct str key, uint64_t *ret)
{
    long long n;
    if (key.n == 0 || key.n > INDEX_DIGITS || (key.p[0] == '0' && key.n > 1) || key.p[0] == '-' ||
        !str_to_int(key, &n) || n >= UINT32_MAX)
        return false;
    *ret = (uint64_t)n;
    return true;
}

struct member {
    struct str key;
    const json_t *value;
    uint64_t index, order;
    bool indexed;
};

static int by_javascript_order(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    if (x->indexed != y->indexed)
        return x->indexed ? -1 : 1;
    uint64_t l = x->indexed ? x->index : x->order;
    uint64_t r = y->indexed ? y->index : y->order;
    return (l > r) - (l < r);
}

static struct member *sorted_members(const json_t *object, size_t count)
{
    struct member *members = calloc(count, sizeof(*members));
    const char *key;
    json_t *value;
    size_t i = 0;
    if (!members)
        return NULL;
    json_object_foreach ((json_t *)object, key, value) {
        struct member *m = &members[i];
        *m = (struct member){.key = str_from(key), .value = value, .order = i++};
        m->indexed = is_index(m->key, &m->index);
    }
    qsort(members, count, sizeof(*members), by_javascript_order);
    return members;
}

static void format_object(struct inspect *in, const json_t *object, int depth, struct buf *out)
{
    size_t count = json_object_size(object);
    struct parts p;
    if (count == 0) {
        buf_add_c(out, "{}");
        return;
    }
    struct member *members = sorted_members(object, count);
    if (!members || !parts_init(&p, count)) {
        free(members);
        in->oom = true;
        return;
    }
    in->current_depth = depth;
    in->indent += 2;
    for (size_t i = 0; i < count; i++) {
        struct buf *item = &p.items[p.count++];
        format_key(members[i].key, item);
        buf_add_c(item, ": ");
        format_value(in, members[i].value, depth + 1, item);
    }
    in->indent -= 2;
    lay_out(in, &p, NULL, depth, "{}", out);
    parts_fini(&p);
    free(members);
}

static void format_value(struct inspect *in, const json_t *value, int depth, struct buf *out)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: format_object(in, value, depth, out); break;
    case JSON_ARRAY: format_array(in, value, depth, out); break;
    case JSON_STRING:
        format_string(in, (struct str){json_string_value(value), json_string_length(value)}, out);
        break;
    case JSON_INTEGER: format_integer(out, json_integer_value(value)); break;
    case JSON_REAL: json_number_text(out, json_real_value(value)); break;
    case JSON_TRUE: buf_add_c(out, "true"); break;
    case JSON_FALSE: buf_add_c(out, "false"); break;
    case JSON_NULL: buf_add_c(out, "null"); break;
    }
}

void inspect_value(struct buf *out, const json_t *value)
{
    struct inspect in = {0};
    format_value(&in, value, 0, out);
    if (in.oom)
        out->oom = true;
}
