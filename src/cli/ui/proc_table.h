/* SPDX-License-Identifier: MIT
 * The list of processes as PM2 shows it: the table in its three layouts, and the mini list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

/* One process, as c.list tells it. Texts are borrowed from the JSON; never NULL. */
struct proc_row {
    int64_t id, pid, restarts, memory, pm_uptime;
    int64_t uptime_ms; /* by a clock that nobody sets; -1 = not told (pm2d of an older release) */
    bool has_pid;      /* false: restored as stopped, never ran */
    double cpu;
    bool is_cluster, is_watched, is_module;
    const char *name, *ns, *version, *status, *user, *err_log, *pid_path;
    const char *health; /* word of its probe; NULL without one */
    const char *reason; /* NULL unless it cannot start */
    int64_t reason_at;
    char uid_name[64]; /* user of the process when it has a numeric uid; else empty */
    size_t order;      /* place in the JSON */
};

/* Rows of the array `list`, in its order; to be freed with free(). NULL when out of memory. */
struct proc_row *proc_rows(const json_t *list, size_t *ret_count);

/* Order by "field" or "field:asc|desc": name, namespace, pid, id, cpu, memory, uptime, status. NULL
 * or an unknown field: name. Equal ones keep their order. */
void proc_rows_sort(struct proc_row *rows, size_t count, const char *by);

struct proc_table_look {
    int columns; /* of the terminal; 0 = none: the full layout */
    bool color, frames;
    int64_t now_ms;
};

/* Append the tables: apps, and modules when there are any. */
void proc_table_draw(const struct proc_row *rows, size_t count, const struct proc_table_look *look,
                     struct buf *out);
/* Append the mini list. */
void proc_mini_draw(const struct proc_row *rows, size_t count, int64_t now_ms, struct buf *out);
