/* SPDX-License-Identifier: MIT
 * Shared by the schema_*.c files, and by those of conf_*.c that walk the table. */
#pragma once

#include "app/schema.h"

/* Room for what one object gives; schema_rows.c asserts that it is enough. */
#define SCHEMA_ROWS_MAX 96

/* ---- schema_value.c: pieces of conversions ---- */

/* -EINVAL: PM2's text for a value of the wrong type. */
int schema_type_error(const struct schema_row *row, const json_t *value, struct err *e);
/* `text` as a decimal number; blanks around it are fine, hex, "inf" and units are not. */
bool schema_number(const char *text, double *ret);
/* "[digits][suffix]" in the smallest unit. */
bool schema_quantity(enum schema_unit unit, const char *text, double *ret);
/* Check the bounds of `row`; a new number, or NULL with `e`. */
json_t *schema_bounded(const struct schema_row *row, double v, struct err *e);
/* An array whose elements are texts. */
json_t *schema_texts(const struct schema_row *row, const json_t *value, struct err *e);

/* The value of `row->def`, which is not NULL. */
json_t *schema_default(const struct schema_row *row);

/* ---- schema_special.c, schema_limits.c, schema_depends.c: values with a rule of their own ---- */

typedef json_t *schema_convert_fn(const struct schema_row *row, const json_t *value, struct err *e);
schema_convert_fn schema_convert_special; /* any rule but SR_PLAIN and SR_FIELDS */
schema_convert_fn schema_convert_rlimit, schema_convert_cgroup_bytes, schema_convert_cgroup_cpu,
    schema_convert_cgroup_pids, schema_convert_depends;

/* ---- schema_fields.c: objects ---- */

/* `key` is the user's spelling of `row`. New object with the defaults of the fields, or NULL: every
 * reason was noted. */
json_t *schema_convert_fields(const struct schema_row *row, const char *key, const json_t *value,
                              schema_note_fn *note, void *ctx);
/* Say that `key` is unknown, with the nearest name among `rows`. `path` is what stands before it
 * ("health." or ""). */
void schema_note_unknown(const struct schema_row *rows, size_t count, const char *path,
                         const char *key, schema_note_fn *note, void *ctx);
