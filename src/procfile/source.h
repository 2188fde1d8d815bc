/* SPDX-License-Identifier: MIT
 * The bytes of a process file, or of standard input, and how messages name it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct source {
    char *subject; /* "File X" or "Standard input" */
    char *path;    /* absolute; NULL for standard input */
    struct buf text;
};

/* Read `target` ("-" = standard input) relative to `cwd`, LIMIT_PROCFILE_BYTES at most. Errors as
 * procfile_read has them; call source_fini in any case. */
int source_read(const char *target, const char *cwd, struct source *ret, struct err *e);
void source_fini(struct source *s);

/* Nothing but white space (and a byte order mark). */
bool source_is_blank(const struct source *s);
