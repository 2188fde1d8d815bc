/* SPDX-License-Identifier: MIT
 * Widths without locale: the C library only knows them after setlocale(), and a daemon's
 * environment often says LANG=C while the terminal is UTF-8 all the same. */
#include "cli/ui/text.h"

#include <stdbool.h>

#include "base/attr.h"

#define REPLACEMENT 0xfffd
#define ELLIPSIS    "\xe2\x80\xa6"

struct range {
    uint32_t first, last;
};

/* East Asian Wide and Fullwidth, and the emoji that terminals draw so. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23f3},
    {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},
    {0x26bd, 0x26be},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2b50, 0x2b50},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f004, 0x1f004},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static const struct range zero[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f},   {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
    {0x0610, 0x061a}, {0x064b, 0x065f},   {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f},   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static bool is_in(const struct range *table, size_t count, uint32_t c)
{
    size_t low = 0;
    while (low < count) {
        size_t mid = low + (count - low) / 2;
        if (c > table[mid].last)
            low = mid + 1;
        else if (c < table[mid].first)
            count = mid;
        else
            return true;
    }
    return false;
}

uint32_t text_next(struct str s, size_t *ret_bytes)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    *ret_bytes = 1;
    if (n == 1)
        return lead;
    if (n == 0 || n > s.n || lead > 0xf4)
        return REPLACEMENT;
    uint32_t c = lead & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return REPLACEMENT;
    *ret_bytes = n;
    return c;
}

/* Bytes of an escape sequence at the start of `s`; 0 when there is none. */
static size_t escape_bytes(struct str s)
{
    if (s.n < 2 || s.p[0] != '\033' || s.p[1] != '[')
        return 0;
    for (size_t i = 2; i < s.n; i++)
        if (s.p[i] >= '@' && s.p[i] <= '~')
            return i + 1;
    return 0;
}

static size_t width_of(uint32_t c)
{
    if (c >= 0x20 && c < 0x7f) /* nearly every character there is: no searching */
        return 1;
    if (is_in(zero, ARRAY_LEN(zero), c))
        return 0;
    return is_in(wide, ARRAY_LEN(wide), c) ? 2 : 1;
}

/* One step over `s`: the bytes of the next escape sequence or character, and its width. */
static size_t step(struct str s, size_t *ret_width)
{
    size_t n = escape_bytes(s);
    *ret_width = 0;
    if (n == 0)
        *ret_width = width_of(text_next(s, &n));
    return n;
}

static struct str after(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

size_t text_width(struct str s)
{
    size_t width = 0;
    while (s.n > 0) {
        size_t w;
        s = after(s, step(s, &w));
        width += w;
    }
    return width;
}

size_t text_units(struct str s)
{
    size_t units = 0;
    while (s.n > 0) {
        size_t n;
        units += text_next(s, &n) > 0xffff ? 2 : 1;
        s = after(s, n);
    }
    return units;
}

bool text_cut(struct buf *out, struct str s, size_t columns)
{
    if (text_width(s) <= columns) {
        buf_add_str(out, s);
        return false;
    }
    size_t used = 0;
    while (s.n > 0) {
        size_t w;
        size_t n = step(s, &w);
        if (used + w + 1 > columns)
            break;
        used += w;
        buf_add(out, s.p, n);
        s = after(s, n);
    }
    buf_add_c(out, ELLIPSIS);
    return true;
}

void text_clean(struct buf *out, struct str s)
{
    size_t clean = 0; /* bytes that are not yet copied */
    while (clean < s.n) {
        size_t n;
        uint32_t c = text_next(after(s, clean), &n);
        if (c >= 0x20 && (c < 0x7f || c >= 0xa0)) {
            clean += n;
            continue;
        }
        buf_add(out, s.p, clean);
        buf_add_byte(out, '?');
        s = after(s, clean + n);
        clean = 0;
    }
    buf_add(out, s.p, clean);
}

void text_repeat(struct buf *out, size_t n, const char *c)
{
    while (n-- > 0)
        buf_add_c(out, c);
}
