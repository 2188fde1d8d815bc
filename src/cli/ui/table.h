/* SPDX-License-Identifier: MIT
 * Tables with box drawing frames. Knows columns and cells, not processes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cli/ui/style.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
    const char *head; /* borrowed; NULL in all columns = a table without head line */
    int width;        /* with the blank on each side; 0 = as wide as its widest cell */
};

struct table_cell {
    char *text; /* owned */
    enum style style;
};

struct table {
    struct table_column column[TABLE_COLUMNS_MAX];
    size_t columns;
    struct table_cell *cells; /* row after row */
    size_t count, room;
    bool oom;
};

void table_init(struct table *t, const struct table_column *columns, size_t count);
void table_fini(struct table *t);
static inline void table_auto(struct table *t)
{
    table_fini(t);
}
/* Append the next cell, left to right, line by line. The text is copied; control characters in it
 * become '?'. */
void table_add(struct table *t, enum style style, struct str text);
static inline void table_add_c(struct table *t, enum style style, const char *text)
{
    table_add(t, style, str_from(text));
}
/* Width of a table whose columns all have one. */
int table_width(const struct table_column *columns, size_t count);

/* Append the drawn table. `color` is for the cells, `frames` for frames, heads and first column. */
void table_draw(const struct table *t, bool color, bool frames, struct buf *out);
