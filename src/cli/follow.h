/* SPDX-License-Identifier: MIT
 * What apps print from now on: lines from the bus in PM2's look, `0|name  | text`, until a signal
 * ends it. Whoever runs it has subscribed, and says which processes are meant. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/lines.h"
#include "cli/log_files.h"

struct cli;

/* Whether the output of this process is wanted; `proc` is what the event tells of it. */
typedef bool follow_fn(void *ctx, const json_t *proc, int64_t id);

struct follow {
    struct cli *cli;
    bool kind[LOG_KIND_COUNT];   /* the wanted ones; LOG_PM2 is the daemon's own log */
    bool raw;                    /* lines as they were written, those of stderr to stderr */
    bool clock;                  /* the time of day in front */
    bool until_kill;             /* the end of the daemon by order is the end of this, too */
    follow_fn *is_meant;         /* NULL = all are */
    bool (*on_again)(void *ctx); /* another daemon is there: true = go on; NULL = nothing to do */
    void *ctx;
    /* internal */
    struct lines open;
    json_t *names; /* id as text to name, of who has an open line */
    size_t label_width;
    int signal_fd; /* -1 until follow_catch() */
};

void follow_init(struct follow *f, struct cli *cli);
void follow_fini(struct follow *f);

/* From here on SIGINT and SIGTERM wait for follow_run(). */
void follow_catch(struct follow *f);

/* The beginning of a line whose end is still to come; it is not printed. */
void follow_seed(struct follow *f, int64_t id, enum log_kind kind, struct str text);

/* Print until a signal comes, or until nobody reads what is printed. When the daemon goes, its
 * successor is waited for. Exit code. */
int follow_run(struct follow *f);

/* Give the signals back; when one came, end by it, so that the shell sees it. Returns `code`, or
 * that of the signal when it does not end this process (the first of a container). */
int follow_end(struct follow *f, int code);
/* Take the signal that came, and give them back: a second one ends the program. 0 = none came. */
int follow_release(struct follow *f);
/* End by `signo` unless it is 0; returns as follow_end(). */
int follow_die(int signo, int code);

/* Append "0|name", or "PM2" for LOG_PM2_ID. */
void follow_label(struct buf *out, int64_t id, const char *name);
/* Append blanks until `out` is `width` columns wide. */
void follow_pad(struct buf *out, size_t width);
/* Print one line behind its label. */
void follow_put(const struct follow *f, enum log_kind kind, struct str label, struct str line);
