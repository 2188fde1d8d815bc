/* SPDX-License-Identifier: MIT
 * Splitting of an argument string (`args`, `node_args`, `ignore_watch` given as one string) as PM2
 * does it. This is not a shell: no variables, no globs, no escapes. From left to right, after
 * blanks (JavaScript's, so U+00A0 and U+3000 too), the first that fits is the next argument:
 *
 *   key="any text", key='any text'   as it stands, quotes included; no quote, "=" or blank in key
 *   "any text", 'any text'           without its quotes; nothing at all when empty
 *   text                             up to the next blank, quotes in it mean nothing
 *
 * An argument ends with its closing quote: `"a"b` is two. A quote without its pair is text, a lone
 * one is nothing. */
#pragma once

#include <jansson.h>

/* A new array of the arguments in `text` (UTF-8); the caller frees it with json_decref(). NULL when
 * out of memory, or when `text` is not UTF-8. */
json_t *split_args(const char *text);
