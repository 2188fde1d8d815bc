/* SPDX-License-Identifier: MIT
 * Streaming JSON writer into a struct buf: key order is call order, commas are its business, text
 * is escaped as JSON.stringify does. Strings that are not UTF-8 have each bad byte replaced by
 * U+FFFD. Errors are the buffer's (sticky OOM). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct jw {
    struct buf *out;
    bool need_comma;
};

static inline struct jw jw_to(struct buf *out)
{
    return (struct jw){.out = out};
}

void jw_obj_begin(struct jw *w);
void jw_obj_end(struct jw *w);
void jw_arr_begin(struct jw *w);
void jw_arr_end(struct jw *w);
void jw_key(struct jw *w, const char *key);
void jw_key_str(struct jw *w, struct str key);

void jw_str(struct jw *w, const char *value); /* NULL writes null */
void jw_slice(struct jw *w, struct str value);
void jw_int(struct jw *w, int64_t value);
/* As JavaScript prints a number: shortest text that reads back the same; NaN and infinity: null. */
void jw_real(struct jw *w, double value);
void jw_bool(struct jw *w, bool value);
void jw_null(struct jw *w);
/* `text` is JSON already. */
void jw_raw(struct jw *w, struct str text);
/* A DOM value; NULL writes null. */
void jw_dom(struct jw *w, const json_t *value);

/* key and value in one call */
void jw_kstr(struct jw *w, const char *key, const char *value);
void jw_kint(struct jw *w, const char *key, int64_t value);
void jw_kbool(struct jw *w, const char *key, bool value);
void jw_kdom(struct jw *w, const char *key, const json_t *value);

/* Append the JavaScript text of a number ("0.1", "1e+21") to `out`. */
void json_number_text(struct buf *out, double value);
/* Append `s` as a quoted JSON string. */
void json_quote(struct buf *out, struct str s);
