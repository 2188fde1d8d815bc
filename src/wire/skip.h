/* SPDX-License-Identifier: MIT
 * Walking over JSON text without building anything: finds members and elements of a large value as
 * slices of it. Grammar and nesting (LIMIT_JSON_DEPTH) are checked on the way; what is inside
 * strings (UTF-8, escapes) is left to whoever reads the slice. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* One member: `key` is its text with the quotes, `value` its text without blanks around it. False
 * stops the walk. */
typedef bool skip_member_fn(void *ctx, struct str key, struct str value);

/* Walk the members of `text`, which must be one object and nothing else. 0; -EPROTO when it is not,
 * or is malformed anywhere (`fn` has then seen what came before); -E2BIG when it is nested too
 * deep; -ECANCELED when `fn` stopped. */
int skip_members(struct str text, skip_member_fn *fn, void *ctx);

/* The first element of an array; empty when it has none. False when `text` is no array. Only the
 * first element is looked at: for a value that skip_members has checked. */
bool skip_first(struct str text, struct str *ret_element);
