/* SPDX-License-Identifier: MIT
 * The part of `pm2 logs` that goes on. Log files are followed where they lie (log_source.h), which
 * costs the daemon nothing and loses nothing when it dies. The bus is asked only for what no file
 * tells: output that goes to no file, who wrote which line of a shared file, and what happens to
 * processes (--json). New processes that are meant by the targets are found by asking for them
 * once a second. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/lines.h"
#include "cli/log_files.h"
#include "cli/log_grep.h"
#include "cli/log_show.h"
#include "cli/log_source.h"

struct cli;

/* Who is meant. */
struct log_targets {
    const char *const *at;
    size_t count;
    json_t *all;   /* what c.logs says of all processes */
    json_t *meant; /* and of those that are meant */
};

void log_targets_fini(struct log_targets *t);
/* Ask the daemon. 0, or negative with `e`; then what was known stays. */
int log_targets_ask(struct log_targets *t, struct cli *cli, int timeout_ms, struct err *e);
bool log_targets_has(const struct log_targets *t, const char *word);

struct log_stream {
    struct cli *cli;
    struct log_targets *targets;
    struct log_show *show;
    const struct log_grep *grep; /* NULL = all lines */
    struct log_wish wish;
    int64_t until_ms; /* the end, INT64_MAX = none */
    struct log_sources sources;
    /* internal */
    struct lines bus_lines;
    json_t *paths; /* how many streams write to a path */
    bool needs_bus, is_on_bus, is_away, has_told;
    int signal_fd, wait_fd;
    int64_t next_look_ms, away_since_ms;
};

/* From here on SIGINT and SIGTERM wait for log_stream_run(), and files that change are noticed. */
void log_stream_init(struct log_stream *s, struct cli *cli);
void log_stream_fini(struct log_stream *s);
/* Follow what the targets mean now: files that are there from their end, the others from their
 * begin. Connects to the bus when it is needed. */
void log_stream_begin(struct log_stream *s);
/* Print until a signal or the end comes, or until nobody reads what is printed. Exit code. */
int log_stream_run(struct log_stream *s);
