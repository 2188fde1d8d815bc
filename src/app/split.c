/* SPDX-License-Identifier: MIT
 * PM2's splitting of argument strings; split.h has the grammar. Pure. */
#include "app/split.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

/* JavaScript's white space beyond ASCII, as UTF-8. */
static const char *const wide_blanks[] = {
    "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
    "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
    "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
};

/* Bytes of the blank at `s`, 0 when there is none. */
static size_t blank_length(const char *s)
{
    if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
        return 1;
    for (size_t i = 0; (unsigned char)*s >= 0x80 && i < sizeof(wide_blanks) / sizeof(char *); i++) {
        size_t n = strlen(wide_blanks[i]);
        if (strncmp(s, wide_blanks[i], n) == 0)
            return n;
    }
    return 0;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Bytes of the quoted text at `s`, both quotes included; 0 when there is none. */
static size_t quoted_length(const char *s)
{
    const char *end = is_quote(*s) ? strchr(s + 1, *s) : NULL;
    return end ? (size_t)(end - s) + 1 : 0;
}

static size_t key_value_length(const char *s)
{
    size_t key = 0;
    while (s[key] && s[key] != '=' && !is_quote(s[key]) && !blank_length(s + key))
        key++;
    size_t quoted = key > 0 && s[key] == '=' ? quoted_length(s + key + 1) : 0;
    return quoted ? key + 1 + quoted : 0;
}

static size_t word_length(const char *s)
{
    size_t n = 0;
    while (s[n] && !blank_length(s + n))
        n++;
    return n;
}

/* Cut the next argument off `*rest`, which does not begin with a blank. May be empty. */
static struct str next_argument(const char **rest)
{
    const char *s = *rest;
    size_t n = key_value_length(s);
    struct str argument = {s, n};
    if (n == 0 && (n = quoted_length(s)) > 0)
        argument = (struct str){s + 1, n - 2};
    if (n == 0) {
        n = word_length(s);
        argument = (struct str){s, n == 1 && is_quote(*s) ? 0 : n};
    }
    *rest = s + n;
    return argument;
}

json_t *split_args(const char *text)
{
    json_t *list = json_array();
    while (list && *text) {
        size_t blank = blank_length(text);
        text += blank;
        if (blank > 0)
            continue;
        struct str argument = next_argument(&text);
        if (argument.n == 0)
            continue;
        if (json_array_append_new(list, json_stringn(argument.p, argument.n)) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}
