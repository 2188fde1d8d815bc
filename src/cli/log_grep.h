/* SPDX-License-Identifier: MIT
 * --grep: lines in which a regular expression (PCRE2) is found. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct log_grep;

/* 0 and *ret, or -EINVAL with where and why. */
int log_grep_new(const char *pattern, bool ignore_case, struct log_grep **ret, struct err *e);
void log_grep_free(struct log_grep *g); /* NULL is fine */
/* NULL finds everything. A search that takes too long finds nothing. */
bool log_grep_finds(const struct log_grep *g, struct str line);
