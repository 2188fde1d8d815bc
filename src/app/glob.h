/* SPDX-License-Identifier: MIT
 * Patterns of paths as `watch` and `ignore_watch` use them. Pure. What chokidar 3.6 (picomatch with
 * dot: true) makes of the usual forms:
 *
 *   *        any characters of one name, also a leading dot      ?   one character of a name
 *   **       as a whole name: any number of folders, also none   [a-c] [!a] [^a]  one of a class
 *   {a,b}    alternatives, also {1..3} and {a..c}; may hold "/"
 *   @(a|b) ?(a|b) *(a|b) +(a|b) !(a|b)   alternatives of one name; (a|b) is @(a|b)
 *
 * A backslash makes the next character literal. Users cannot write one: in what they give it stands
 * for "/", as in PM2 (glob_rules.h). A pattern and a path are compared as a whole, so both are
 * absolute, without "." and ".." and double slashes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A pattern, ready for use. Opaque. */
struct glob;

/* NULL with errno: ENOMEM; E2BIG: its braces stand for more than LIMIT_GLOB_BRACES patterns. */
struct glob *glob_new(const char *pattern);
void glob_free(struct glob *g);

/* A match that takes more than LIMIT_GLOB_STEPS steps (only nested extended patterns can) is none.
 */
bool glob_match(const struct glob *g, const char *path);
/* Whether something below the folder `path` could match, so that it is worth a look inside. */
bool glob_may_match_below(const struct glob *g, const char *path);

/* Whether `text` has any of the forms above, or is a plain path. */
bool glob_is_magic(const char *text);
/* Append `text` with a backslash before each character that has a meaning in patterns. */
void glob_escape(struct buf *out, const char *text);
/* Append the folder that all matches of a pattern are in: its names before the first that is not
 * plain, unescaped. "/" at least. */
void glob_parent(struct buf *out, const char *pattern);
