/* SPDX-License-Identifier: MIT
 * Options of the command line. Two sources, one shape: options of the CLI itself and of single
 * commands (rows here and in the cmd files), and app attributes (rows of app/schema.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/schema.h"

struct opt {
    const char *flags; /* "-n --name": short first */
    const char *value; /* "<name>", "[path]"; NULL = takes none */
    const char *help;
    enum schema_cli kind;
    bool later; /* known, but not built yet: refused */
};

/* Options that every command takes, without the attributes. */
extern const struct opt opts_common[];
extern const size_t opts_common_count;

/* True when `flag` is one of the words of `o->flags`. */
bool opt_is(const struct opt *o, const char *flag);
const struct opt *opt_find(const struct opt *table, size_t count, const char *flag);

/* Option that may stand at any place: fills `ret` and, for an attribute, *ret_row. */
bool opt_find_global(const char *flag, struct opt *ret, const struct schema_row **ret_row);
struct opt opt_of_row(const struct schema_row *row);
