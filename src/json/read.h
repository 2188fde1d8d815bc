/* SPDX-License-Identifier: MIT
 * JSON in: jansson behind caps and with errors that a human can use. The DOM is jansson's json_t;
 * ownership follows jansson's reference counts. Object members keep the order of the text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Parse one JSON value of any kind. New reference, or NULL with `e` filled ("line 1 column 5:
 * ..."). NUL bytes in strings are refused. Depth is capped by LIMIT_JSON_DEPTH (-E2BIG). When an
 * integer has more than 64 bits, all integers of that text become reals. -ENOMEM is told apart from
 * -EINVAL by a guard around jansson's allocator (whichever that is) which the first call puts in
 * place. */
json_t *json_read(struct str text, struct err *e);

/* Members of an object (NULL or a non-object reads as empty). Borrowed. */
const char *json_get_str(const json_t *obj, const char *key);        /* NULL unless a string */
bool json_get_int(const json_t *obj, const char *key, int64_t *ret); /* numbers, numeric strings */
bool json_get_bool(const json_t *obj, const char *key,
                   bool fallback); /* fallback unless a boolean */
bool json_has(const json_t *obj, const char *key);

/* Truthiness as JavaScript has it: NULL, null, false, 0, "" are false. */
bool json_truthy(const json_t *value);

/* The JavaScript type tag that PM2's messages show: "String", "Number", "Array", ... */
const char *json_type_name(const json_t *value);

static inline void json_auto_decref(json_t **j)
{
    json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(json_auto_decref))) json_t *
