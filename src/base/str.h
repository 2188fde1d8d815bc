/* SPDX-License-Identifier: MIT
 * A borrowed slice of bytes. Never owns, never NUL-terminated by contract; `p` may be NULL if n is
 * 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_from(const char *c)
{
    return (struct str){c, c ? strlen(c) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eq_c(struct str a, const char *c)
{
    return str_eq(a, str_from(c));
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* How many bytes at the end are the begin of a character of UTF-8 whose rest may still come. */
size_t str_unfinished(struct str s);

/* Cut the next line (without its '\n') off the front of `*rest`. False when no newline is left. */
bool str_cut_line(struct str *rest, struct str *ret_line);

/* FNV-1a, 32 bits: for short, stable names. */
uint32_t str_hash(struct str s);

/* The whole slice as a decimal integer with optional '-'. False on anything else or overflow. */
bool str_to_int(struct str s, long long *ret_value);
