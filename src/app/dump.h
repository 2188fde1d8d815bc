/* SPDX-License-Identifier: MIT
 * PM2's saved list, dump.pm2: a JSON array with one object for each process, which is its pm2_env
 * (configuration, environment, state) without `pm_id` and `instances`. Dumps of PM2 are read, and
 * PM2 reads ours. Pure.
 *
 * Beside it, in dump.pm2.sum, are the checksums of the list and of its backup, as `sha256sum -c`
 * reads them, each after a comment with the number of its bytes:
 *
 *   # 24796 bytes
 *   66840dda154e8a113c31dd0ad32f7f3a366a80e8136979d8f5a101d3d29d6f72  dump.pm2
 *
 * A list with the size but not the sum of a saved one is damaged. One of another size was written
 * by somebody else (PM2, an editor): then its being a list of apps is all that can be asked for. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* ---- the list ---- */

/* The entries of a dump, or NULL with `e`, which says what it is instead of a list of apps. JSON,
 * or what PM2 takes as well: JSON5. */
json_t *dump_parse(struct str text, struct err *e);

struct dump_entry {
    json_t *conf; /* owned by the caller: for app_conf_check(), without state of its former life */
    int id;       /* under which it was saved; -1 = unknown */
    int64_t restarts;  /* restart_time; of what stays stopped it is shown on */
    bool stopped;      /* it was stopped, and stays so */
    bool is_monitored; /* PM2's mark _km_monitored */
};

/* Take an entry apart; it is copied. 0 or -ENOMEM. */
int dump_take(const json_t *entry, struct dump_entry *ret);

/* ---- its checksum ---- */

enum dump_check {
    DUMP_MATCHES, /* one of the sums is its own */
    DUMP_UNKNOWN, /* nobody can tell: no sums, or it has another size */
    DUMP_DAMAGED,
};

/* Append the line of one file. `name` is its name without folder. */
void dump_sum_add(struct buf *sums, const char *name, struct str text);
/* The line of `name` in `sums`, its comment included; empty when it has none. Borrowed. */
struct str dump_sum_line(struct str sums, const char *name);
enum dump_check dump_sum_check(struct str sums, struct str text);
