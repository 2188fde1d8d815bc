/* SPDX-License-Identifier: MIT
 * The log files of a selection of processes: what `pm2 logs` shows before it follows. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/lines.h"
#include "cli/ui/style.h"

enum log_kind { LOG_PM2, LOG_OUT, LOG_ERR, LOG_KIND_COUNT };

#define LOG_PM2_ID (-1) /* the daemon's own log has no process */

struct log_file {
    char *path; /* owned */
    char *name; /* owned; of the first process that writes it */
    int64_t id;
    enum log_kind kind;
    bool shared; /* several processes write it */
    off_t size;
    int64_t mtime_ns;
};

struct log_files {
    struct log_file *at;
    size_t count, room;
};

struct log_wish {
    bool kind[LOG_KIND_COUNT]; /* which kinds are wanted */
    const char *pm2_log;
};

/* The wanted files that exist, each once: the daemon's log first, then oldest first. `list` is what
 * c.logs answers. */
void log_files_collect(struct log_files *f, const json_t *list, const struct log_wish *wish);
void log_files_fini(struct log_files *f);
static inline void log_files_auto(struct log_files *f)
{
    log_files_fini(f);
}
/* NULL when there is none of that path. */
const struct log_file *log_files_find(const struct log_files *f, const char *path);
