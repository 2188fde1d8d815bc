/* SPDX-License-Identifier: MIT
 * What apps print from now on, as --attach and --no-daemon show it: lines from the bus, until a
 * signal ends it. Whoever runs it has subscribed, and says which processes are meant. `pm2 logs`
 * has a way of its own (log_stream.h), which loses nothing when the daemon dies. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/lines.h"
#include "cli/log_files.h"
#include "cli/log_show.h"

struct cli;

/* Whether the output of this process is wanted; `proc` is what the event tells of it. */
typedef bool follow_fn(void *ctx, const json_t *proc, int64_t id);

struct follow {
    struct cli *cli;
    bool kind[LOG_KIND_COUNT]; /* the wanted ones; LOG_PM2 is the daemon's own log */
    struct log_show show;
    bool until_kill;             /* the end of the daemon by order is the end of this, too */
    follow_fn *is_meant;         /* NULL = all are */
    bool (*on_again)(void *ctx); /* another daemon is there: true = go on; NULL = nothing to do */
    void *ctx;
    /* internal */
    struct lines open;
    json_t *names; /* id as text to name, of who has an open line */
    int signal_fd; /* -1 until follow_catch() */
};

void follow_init(struct follow *f, struct cli *cli);
void follow_fini(struct follow *f);

/* From here on SIGINT and SIGTERM wait; the descriptor that tells of them. */
int follow_signals(void);
/* The same, for follow_run(). */
void follow_catch(struct follow *f);

/* Print until a signal comes, or until nobody reads what is printed. When the daemon goes, its
 * successor is waited for. Exit code. */
int follow_run(struct follow *f);

/* Take the signal that came, and give them back: a second one ends the program. 0 = none came. */
int follow_release(int signal_fd);
/* End by `signo` unless it is 0, so that the shell sees it. Returns `code`, or that of the signal
 * when it does not end this process (the first of a container). */
int follow_die(int signo, int code);
