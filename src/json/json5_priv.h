/* SPDX-License-Identifier: MIT
 * Inside the JSON5 reader: the state that grammar (json5.c) and tokens (json5_token.c) share. Every
 * function that can fail returns false (or NULL) with the first failure in `rc` and `e`. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "json/json5.h"

struct json5 {
    const char *start, *end;
    const char *p;       /* the next byte to read */
    const char *counted; /* up to here line ends are counted */
    json_int_t line;     /* of `counted`, from 1 */
    unsigned depth;
    json_t *lines;   /* borrowed; NULL */
    struct buf path; /* of the value being read; ends with its key, which is kept here */
    struct buf text; /* scratch for a string with escapes, or a number */
    struct err *e;
    int rc;
};

/* Record the first failure, at byte `at`. Always false. */
bool json5_fail(struct json5 *j, const char *at, int code, const char *fmt, ...) ATTR_FORMAT(4, 5);
bool json5_fail_oom(struct json5 *j);
/* "expected WHAT, but found 'c'" at the next byte. Always false. */
bool json5_expected(struct json5 *j, const char *what);

/* Skip white space and comments. */
bool json5_skip(struct json5 *j);
/* A string, at its quote. The slice is of the text itself, or of j->text until the next token. */
bool json5_string(struct json5 *j, struct str *ret);
/* An unquoted key; else as json5_string. */
bool json5_identifier(struct json5 *j, struct str *ret);
/* A number, at its sign, point or first digit; also Infinity and NaN behind a sign. New reference.
 */
json_t *json5_number(struct json5 *j);

/* May `p` (< end) go on with a name that began before it? */
bool json5_in_name(const struct json5 *j, const char *p);
