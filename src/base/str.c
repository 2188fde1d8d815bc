/* SPDX-License-Identifier: MIT
 * Slices. No allocation, no world. */
#include "base/str.h"

bool str_cut_line(struct str *rest, struct str *ret_line)
{
    if (rest->n == 0)
        return false;
    const char *nl = memchr(rest->p, '\n', rest->n);
    if (!nl)
        return false;
    ret_line->p = rest->p;
    ret_line->n = (size_t)(nl - rest->p);
    rest->n -= ret_line->n + 1;
    rest->p = nl + 1;
    return true;
}

bool str_to_int(struct str s, long long *ret_value)
{
    size_t i = 0;
    bool negative = false;
    if (s.n > 0 && s.p[0] == '-') {
        negative = true;
        i = 1;
    }
    if (i == s.n)
        return false;
    long long v = 0;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int digit = negative ? '0' - s.p[i] : s.p[i] - '0';
        if (__builtin_mul_overflow(v, 10LL, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *ret_value = v;
    return true;
}

size_t str_unfinished(struct str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        if ((c & 0xC0) == 0x80)
            continue; /* inside a character: its first byte is further left */
        size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

uint32_t str_hash(struct str s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}
