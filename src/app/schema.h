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

/* For values with a rule of their own: what has it, is converted in schema_special.c or, with
 * fields, in schema_nested.c. */
enum schema_rule {
    SR_PLAIN,
    SR_FIELDS, /* an object whose fields are rows themselves */
    SR_INSTANCES,
    SR_EXIT_CODES,
    SR_CRON,
    SR_TIMEZONE,
    SR_DEPENDS,
    SR_INTEGER,
    SR_HTTP,
    SR_TCP,
    SR_EXEC,
    SR_RLIMIT,
    SR_CGROUP_BYTES,
    SR_CGROUP_CPU,
    SR_CGROUP_PIDS,
    SR_CHOICE, /* one of `choices` */
    SR_LISTEN,
    SR_RETAIN,
    SR_COMPRESS,
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
    bool has_min, has_max;
    long long min, max;
    enum schema_rule rule;
    const char *choices;      /* of SR_CHOICE: "this, that" */
    const char *pattern_name; /* for the message of a value that does not match; NULL = any */
    enum schema_cli cli;
    const char *flags;  /* "-n --name", as shown in help; NULL = no flag */
    const char *value;  /* "<name>", "[path]" */
    const char *help;   /* our own words */
    const char *caveat; /* told to who gives it: what it does not do; NULL = nothing to tell */
    long flag_factor;   /* the flag counts in other units than files do; 0 = the same */
};

extern const struct schema_row schema_rows[];
extern const size_t schema_row_count;
/* The fields of objects, by their whole path ("health.interval"). */
extern const struct schema_row schema_fields[];
extern const size_t schema_field_count;

/* Row of an attribute by any spelling; NULL when unknown. */
const struct schema_row *schema_find(const char *key);
/* What `input` gives for a row, under the best of its spellings; NULL when nothing or null. */
json_t *schema_given(const json_t *input, const struct schema_row *row);
/* Row of a CLI flag ("--name", "-n", "--no-autorestart"); NULL when it is not an attribute. */
const struct schema_row *schema_find_flag(const char *flag);

/* What a flag's text stands for in a file: the text itself but for --watch-delay, which counts in
 * seconds unless it names a unit. New reference; NULL on OOM. */
json_t *schema_flag_value(const struct schema_row *row, const char *text);

/* Check and convert one value (borrowed). New reference, or NULL with PM2's text in `e`
 * (`Expect "K" to be a typeof [object A] / [object B], but now is [object C]`). */
json_t *schema_convert(const struct schema_row *row, const json_t *value, struct err *e);

/* What a check has to say. */
enum schema_finding {
    SF_ERROR,
    SF_CAVEAT,
    SF_UNKNOWN, /* no attribute; the text has the nearest known name, if any is near */
};
/* `key` is the path below the object as the user spelled it ("killTimeout", "health.interval").
 * `code` is the errno of an error, else 0. Everything is borrowed for the call. */
typedef void schema_note_fn(void *ctx, enum schema_finding kind, const char *key, int code,
                            const char *text);

/* Check a whole object: aliases resolved (first spelling of the row wins), camelCase accepted,
 * values converted, null is the same as not given, defaults inserted when `with_defaults`. New
 * object in the order of the table, without what has an error; NULL on OOM or when `input` is no
 * object (noted as well). */
json_t *schema_check(const json_t *input, bool with_defaults, schema_note_fn *note, void *ctx);

/* The same for one object with all errors joined in `e` (-EINVAL): then NULL. Unknown keys are
 * listed in `unknown` (array, may be NULL). */
json_t *schema_validate(const json_t *input, bool with_defaults, json_t *unknown, struct err *e);
