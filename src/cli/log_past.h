/* SPDX-License-Identifier: MIT
 * The part of `pm2 logs` that shows what the files have: the last lines of each, or what was
 * written between two points of time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/log_stream.h"

struct log_past {
    struct cli *cli;
    const struct log_targets *targets;
    struct log_show *show;
    const struct log_grep *grep; /* NULL = all lines */
    size_t count;                /* so many lines of each file */
    bool has_count;              /* the user said so */
    const char *since, *until;   /* as typed; NULL = open */
    int64_t since_ms, until_ms, now_ms;
};

/* `sources`: those that are followed afterwards, with whatever comes; NULL = none are. */
void log_past_show(const struct log_past *p, const struct log_files *files,
                   const struct log_sources *sources);
