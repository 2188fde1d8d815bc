/* SPDX-License-Identifier: MIT
 * What becomes of an app's output on its way into a log file: bytes in, lines with a time before
 * them out, or one JSON object per line. Pure: the time comes in.
 *
 * A prefix stands once at the begin of a line, however many writes the line came in. A line without
 * an end is kept back until its end comes; it is written in parts when it grows beyond
 * LIMIT_LOG_LINE_BYTES, and when the caller says that it has waited long enough (a prompt). Bytes
 * are written as they are; only JSON, which is text, has U+FFFD for what is no UTF-8. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"

struct log_format; /* how the output of one stream is written */

/* `date_format` NULL: no time (JSON: ISO 8601, UTC). `is_json`: objects as PM2 writes them; `id`
 * and `name` are the process's. NULL when there is nothing to format (no date, no JSON) with
 * errno 0, or on OOM with errno ENOMEM. */
struct log_format *log_format_new(const char *date_format, bool is_json, bool is_err, int64_t id,
                                  const char *name);
void log_format_free(struct log_format *f); /* NULL is fine */
bool log_format_is_json(const struct log_format *f);

/* Append the text that stands for the time. */
void log_format_stamp(const struct log_format *f, const struct tm *local, const struct tm *utc,
                      int ms, struct buf *out);

enum log_flush {
    LOG_WHOLE_LINES, /* what has no end is kept back */
    LOG_ALL,         /* it has waited long enough */
    LOG_END,         /* the end of the output: the last line gets an end */
};

/* Format lines of `raw` to the end of `out`, until it has grown by `room` or there is no further
 * one. `in_line`: the line that `raw` goes on with has its prefix already; updated. How many bytes
 * of `raw` were used. One call adds at most room + 6 * LIMIT_LOG_LINE_BYTES + 1 KiB and twice the
 * stamp. */
size_t log_format_add(const struct log_format *f, struct str stamp, struct str raw,
                      enum log_flush flush, size_t room, bool *in_line, struct buf *out);
