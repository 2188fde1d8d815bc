/* SPDX-License-Identifier: MIT
 * pm2d's memory of its processes on disk: an append-only file of JSON lines in PM2_HOME, from which
 * a pm2d that was killed, or started after both programs were killed, finds its way back.
 *
 *   {"t":"head","boot":ID,"format":1}       first line; another boot id = the file is of no use
 *   {"t":"app","id":N,"conf":{...},...}      a process as configured (whole)
 *   {"t":"st","id":N,...}                    its state; one short line per change
 *   {"t":"del","id":N}
 *
 * Each record is one write(2). A torn last line (power loss) is skipped. The file is rewritten when
 * it has grown to several times what it says. It is not fsynced: it serves against the death of
 * processes; the user's saved list (dump.pm2) serves against the death of the machine. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct journal;
struct proc;
struct table;

/* Read what an earlier pm2d left and put its processes into `t` (data only: nothing is started).
 * Then open for writing. `ret_found` = processes read. NULL with `e` when it cannot be written. */
struct journal *journal_open(const char *path, struct table *t, int *ret_found, struct err *e);
/* Is that a journal that this program can read? None at all is as good. 0, or
 * -errno with `e`. */
int journal_check(const char *path, struct err *e);
/* `remove`: nothing is managed any more, delete the file. */
void journal_close(struct journal *j, bool remove);

/* All writers accept j == NULL (before it is open, in tests). */
void journal_app(struct journal *j, const struct proc *p);
/* Costs nothing when nothing has changed since the last time. */
void journal_state(struct journal *j, struct proc *p);
void journal_del(struct journal *j, int id);
