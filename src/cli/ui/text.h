/* SPDX-License-Identifier: MIT
 * Measures of UTF-8 text: columns on a terminal, UTF-16 units (what JavaScript calls length). Bytes
 * that are not UTF-8 count as one character each. Escape sequences (ESC [ ... letter) have no
 * width. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Code point at the start of `s` (not empty) and its bytes. A bad byte gives U+FFFD, 1. */
uint32_t text_next(struct str s, size_t *ret_bytes);

/* Columns: 2 for wide characters, 0 for combining ones, controls and escape sequences. */
size_t text_width(struct str s);

/* Length as JavaScript counts it. */
size_t text_units(struct str s);

/* Append `s`; when it is wider than `columns`, cut so that an ellipsis makes it exactly that wide
 * (or one less, before a wide character). True when it was cut. */
bool text_cut(struct buf *out, struct str s, size_t columns);

/* Append `s` with every control character replaced by '?': names and paths come from strangers, and
 * a terminal obeys them. */
void text_clean(struct buf *out, struct str s);

/* Append `n` times `c`. */
void text_repeat(struct buf *out, size_t n, const char *c);
