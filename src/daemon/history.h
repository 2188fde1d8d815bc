/* SPDX-License-Identifier: MIT
 * What happened to each process, for people: history.jsonl in PM2_HOME, one JSON object per line,
 * oldest first. `pm2 history` and `pm2 why` read it (cli/past.h); pm2d only writes. When the file
 * has LIMIT_HISTORY_BYTES it becomes history.jsonl.1, in the place of the one before.
 *
 * Each record: t (ms since 1970), id, name, ns, what; by what:
 * - start, stop, restart, reload, delete, rollback: an order. From outside: uid, pid, and where
 * they can be found out tty, program, login (the uid that logged in: whose sudo it was). By pm2d
 *   itself: why.
 * - started: pid; version of the app; git: the commit of its folder; log: the file of its errors;
 *   conf, if it differs from that of the start before: hashes of attributes and variables
 *   ("env.PORT") by name. No values: they may be secrets.
 * - ended: code or signal (neither: unknown), core, oom, uptime (ms), ordered.
 * - cannot: it cannot be executed; why.
 * - killed: it did not end in time, and got SIGKILL; after (ms).
 * - late: it did not say in time that it is ready, and counts as online all the same; why.
 * - gave up: too many ends in a row; why.
 * Of pm2d itself, without a process: {t, what: "daemon", why}. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc.h"

/* Who gives orders by RPC. */
struct asker {
    uid_t uid;
    pid_t pid;
    const char *method;
    uint64_t number; /* of the call */
};

struct history;

/* Never fails: without a file, nothing is remembered. NULL on OOM, which all others accept. */
struct history *history_open(const char *home);
void history_close(struct history *h);

void history_daemon(struct history *h, const char *what);
/* The caller of now wants this of the process. Once per call and process. */
void history_asked(struct proc *p, const char *what);
/* The same, of an order; nothing when no caller is there. */
void history_ordered(struct proc *p, enum order_kind kind);
/* pm2d itself wants it. */
void history_caused(struct proc *p, const char *what, const char *why);
void history_started(struct proc *p);
/* `wait_status` -1: unknown. Called before the state machine learns of it. */
void history_ended(struct proc *p, int wait_status, int64_t uptime_ms, bool out_of_memory);
void history_cannot(struct proc *p);
void history_killed(struct proc *p);
/* It has not said within listen_timeout that it is ready. */
void history_late(struct proc *p);
void history_gave_up(struct proc *p);
