/* SPDX-License-Identifier: MIT
 * JSON5 in: what people write by hand into .json files. Besides strict JSON: comments, trailing
 * commas, unquoted and single-quoted keys, single-quoted strings, line continuations, hexadecimal
 * numbers, a leading plus sign, a leading or trailing decimal point, Infinity and NaN, any Unicode
 * white space, a byte order mark. The same parser reads strict JSON, so that lines are known of
 * every file. Pure.
 *
 * Values arrive as JSON.stringify would hand them on: Infinity and NaN are null, a whole number
 * below 2^53 is an integer however it was written (1.0, 1e3), half a surrogate pair is U+FFFD, the
 * last of several members with one name wins. "__proto__" is a name as any other. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* Parse one value of any kind. New reference, or NULL with `e` filled, "line 3 column 5: ..."
 * (columns count characters):
 *   -EINVAL  not JSON5                      -EILSEQ  not UTF-8, or a NUL (also as "\u0000")
 *   -E2BIG   deeper than LIMIT_JSON_DEPTH   -ENOMEM
 * `lines` (an object, or NULL) receives the line of each member and element by its path from the
 * root: "apps[2].env.PORT" -> 14 (see json5_note_line). It may have entries after a failure, too.
 */
json_t *json5_read(struct str text, json_t *lines, struct err *e);

/* Remember the line of `path` in `lines`, within LIMIT_LINES and LIMIT_LINE_PATH_BYTES: what is
 * beyond them has no line. 0 or -ENOMEM. For the readers of other languages. */
int json5_note_line(json_t *lines, struct str path, json_int_t line);

/* First byte of `text` that is not UTF-8 as RFC 3629 has it; NULL when there is none. */
const char *json5_bad_utf8(struct str text);
