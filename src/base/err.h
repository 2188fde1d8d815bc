/* SPDX-License-Identifier: MIT
 * An error that a human will read: a negative errno and one line of text, on the caller's stack.
 * It travels unchanged from where it arose to the RPC reply or the terminal. Never allocates. */
#pragma once

#include "base/attr.h"

#define ERR_MSG_MAX 512

struct err {
    int code; /* 0 = none, else negative errno */
    char msg[ERR_MSG_MAX];
};

/* Fill `e` (may be NULL) and return `code`, so that `return err_set(e, -ENOENT, ...)` reads well.
 * Text that does not fit is cut at a character boundary and ends in "...". */
int err_set(struct err *e, int code, const char *fmt, ...) ATTR_FORMAT(3, 4);

/* Put "prefix: " before the text that is there already; returns e->code (0 when e is NULL). */
int err_prefix(struct err *e, const char *fmt, ...) ATTR_FORMAT(2, 3);

/* The symbolic name of an errno ("EACCES"), positive or negative; "E?" when unknown. */
const char *err_name(int code);

/* The text of an errno ("Permission denied"), positive or negative. Static storage, thread-unsafe.
 */
const char *err_text(int code);
