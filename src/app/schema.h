/* SPDX-License-Identifier: MIT
 * The option table: the only place that knows app attributes. It drives validation, CLI flags,
 * help, and later dump, describe and types. One row per attribute, in PM2's schema order. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum schema_type { /* bits: types that an attribute accepts, first match wins */
                   ST_BOOL = 1,
                   ST_STRING = 2,
                   ST_NUMBER = 4,
                   ST_ARRAY = 8,
                   ST_OBJECT = 16,
                   ST_TEXT_FIRST = 32, /* text wins over number: a numeric string stays a string */
};

enum schema_unit {
    SU_NONE,
    SU_BYTES,
    SU_MS,
    SU_SPLIT /* string is split on blanks, quotes kept */
};

enum schema_cli {              /* how the flag takes its value on the command line */
                  SC_NONE,     /* no flag */
                  SC_FLAG,     /* --x */
                  SC_NO_FLAG,  /* --no-x sets false */
                  SC_VALUE,    /* --x <v> */
                  SC_OPTIONAL, /* --x [v] */
};

struct schema_row {
    const char *name; /* key in conf */
    const char
        *aliases[4]; /* further spellings in files and API; camelCase of any is accepted too */
    unsigned types;  /* ST_ bits, in the order of enum schema_type */
    enum schema_unit unit;
    const char *def; /* JSON text that validation inserts; NULL = nothing */
    bool has_min;
    long long min;
    const char *pattern_name; /* for the message of a value that does not match; NULL = any */
    enum schema_cli cli;
    const char *flags; /* "-n --name", as shown in help; NULL = no flag */
    const char *value; /* "<name>", "[path]" */
    const char *help;  /* our own words */
    bool available;    /* false: refused with "... is not available yet" */
};

extern const struct schema_row schema_rows[];
extern const size_t schema_row_count;

/* Row of an attribute by any spelling; NULL when unknown. */
const struct schema_row *schema_find(const char *key);
/* Row of a CLI flag ("--name", "-n", "--no-autorestart"); NULL when it is not an attribute. */
const struct schema_row *schema_find_flag(const char *flag);

/* Check and convert one value (borrowed). New reference, or NULL with PM2's text in `e`
 * (`Expect "K" to be a typeof [object A] / [object B], but now is [object C]`). */
json_t *schema_convert(const struct schema_row *row, const json_t *value, struct err *e);

/* A (converted) value that asks for an effect that this version does not have. Values that switch
 * off or change nothing (false, 0, "", [], {}, log_type raw) are fine in every row. */
bool schema_is_refused(const struct schema_row *row, const json_t *value);

/* Check a whole object: aliases resolved, camelCase accepted, unknown keys listed in `unknown`
 * (array, may be NULL), values converted, defaults inserted when `with_defaults`. New object, or
 * NULL with all messages of the object joined in `e` (-EINVAL; -ENOSYS when only unavailable
 * attributes are the matter). */
json_t *schema_validate(const json_t *input, bool with_defaults, json_t *unknown, struct err *e);
