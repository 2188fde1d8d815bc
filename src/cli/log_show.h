/* SPDX-License-Identifier: MIT
 * How a line of a log is printed: PM2's looks, to the byte.
 *
 *   LOG_LOOK_PLAIN   `0|name  | text`, with a time in front when one is wanted
 *   LOG_LOOK_RAW     the line as it was written; what came from stderr goes to stderr
 *   LOG_LOOK_JSON    one JSON object; lines of the daemon's own log are left out
 *   LOG_LOOK_FORMAT  `timestamp=... app=... id=... type=... message=...` */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/log_files.h"
#include "cli/ui/ui.h"

enum log_look { LOG_LOOK_PLAIN, LOG_LOOK_RAW, LOG_LOOK_JSON, LOG_LOOK_FORMAT };

struct log_show {
    const struct ui *ui;
    enum log_look look;
    const char *timestamp; /* app/log_date.h; NULL = no time; of the plain look */
    enum style timestamp_style;
    const char *highlight; /* the first such text of a line is marked; NULL = none */
    size_t label_width;    /* internal: it only grows */
};

struct log_origin {
    int64_t id; /* LOG_PM2_ID: the daemon */
    const char *name;
    enum log_kind kind;
    int64_t at_ms; /* when it was written; 0 = now */
};

struct log_show log_show_to(const struct ui *ui);

/* A line of the stream. */
void log_show_line(struct log_show *s, const struct log_origin *from, struct str line);
/* A line of a file as it is now, behind the label of that file: plain, or raw. With a time when one
 * is wanted and known; at_ms 0 = it is not. */
void log_show_tail(const struct log_show *s, enum log_kind kind, struct str label, int64_t at_ms,
                   struct str line);
/* What happened to a process, as --json tells it. */
void log_show_event(const struct log_show *s, const char *status, const char *name, int64_t at_ms);

/* Append "0|name", or "PM2" for LOG_PM2_ID. */
void log_show_label(struct buf *out, int64_t id, const char *name);
/* Append the label of a file's end: ten columns, padded or cut, and the bar. */
void log_show_tail_label(struct buf *out, int64_t id, const char *name);
