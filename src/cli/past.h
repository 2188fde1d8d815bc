/* SPDX-License-Identifier: MIT
 * The history of processes, as pm2d wrote it (daemon/history.h says what is in a record), read from
 * the files in PM2_HOME: no daemon is needed. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct cli;

/* All records that `target` means (an id, a name, a namespace; NULL or "all": all), oldest first.
 * Lines that are no records are left out. New reference; NULL with `e` when the files cannot be
 * read. */
json_t *past_read(const struct cli *cli, const char *target, struct err *e);

/* Who gave the order of a record: "root on pts/3 (pm2, pid 12)", "its schedule". */
void past_who(struct buf *out, const json_t *record);
/* "code 1", "SIGSEGV, core dumped", "out of memory". */
void past_how(struct buf *out, const json_t *record);
/* What it says, without time and process. */
void past_text(struct buf *out, const json_t *record);
/* "320ms", "12s", "2m". */
void past_duration(struct buf *out, int64_t ms);
/* "2026-11-27 12:31:45", local time. */
void past_time(struct buf *out, int64_t epoch_ms);
