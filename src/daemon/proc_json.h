/* SPDX-License-Identifier: MIT
 * Processes as JSON: the only place that knows PM2's field order. */
#pragma once

#include "proc.h"
#include "json/write.h"

/* PM2 release that we are compatible with: clients compare it. */
#define PM2_COMPAT_VERSION "7.0.4"

enum proc_json_flags {
    PROC_JSON_ENV = 1,    /* pm2_env.env included */
    PROC_JSON_MONIT = 2,  /* monit included */
    PROC_JSON_REASON = 4, /* reason, reason_at inside pm2_env when it cannot start */
    PROC_JSON_LIVE = 8,   /* as start and restart answer: process.pid beside */
    PROC_JSON_SAVED = 16, /* as in dump.pm2: what only this daemon means by it is left out, what
                             only we know of the configuration is there */
};

void proc_json_write(struct jw *w, const struct proc *p, unsigned flags);
/* The part of pm2_env that an event tells as it was, though the process has gone on since. */
struct proc_moment {
    const char *status;
    int64_t restart_time, unstable_restarts;
};
struct proc_moment proc_moment_now(const struct proc *p);
/* The pm2_env object alone. `at` NULL = as it is. */
void proc_json_env(struct jw *w, const struct proc *p, unsigned flags,
                   const struct proc_moment *at);
/* The row of the compact c.list, and the brief one without paths. */
void proc_json_row(struct jw *w, const struct proc *p);
void proc_json_brief(struct jw *w, const struct proc *p);
