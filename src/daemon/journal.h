/* SPDX-License-Identifier: MIT
 * pm2d's memory of its processes on disk: an append-only file of JSON lines in PM2_HOME, from which
 * a pm2d that was killed, or started after both programs were killed, finds its way back.
 *
 *   {"t":"head","boot":ID,"format":1}       twice; another boot id = the file is of no use
 *   {"t":"app","id":N,"conf":{...},...}      a process as configured (whole)
 *   {"t":"st","id":N,...}                    its state; one short line per change
 *   {"t":"act","id":N,"run":R,"data":{...}}  an action that its run R has registered
 *   {"t":"del","id":N}
 *
 * Each record is one write(2), and ends with its own checksum. A record that is damaged is left
 * out, said, and the file kept as PATH.damaged; an app of which only the state is left is taken
 * from the saved list, if it is there. The file is rewritten when it has grown to several times
 * what it says, and when the disk takes it again after it did not. It is not fsynced: it serves
 * against the death of processes; the user's saved list (dump.pm2) serves against the death of the
 * machine. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

#define JOURNAL_FILE "state.jsonl" /* in PM2_HOME */

struct journal;
struct proc;
struct table;

/* Read what an earlier pm2d left and put its processes into `t` (data only: nothing is started).
 * Then open for writing. `ret_found` = processes read. NULL with `e` when the file is there and
 * cannot be read (its processes are not lost: another start may find them), and when it can never
 * be written. A full or failing disk is no error: it is tried again every second. */
struct journal *journal_open(const char *path, struct table *t, int *ret_found, struct err *e);
/* Is that a journal that this program can read? None at all is as good. 0, or
 * -errno with `e`. */
int journal_check(const char *path, struct err *e);
/* Try no more; before the loop ends. NULL is fine. */
void journal_stop(struct journal *j);
/* `remove`: nothing is managed any more, delete the file. */
void journal_close(struct journal *j, bool remove);

/* All writers accept j == NULL (before it is open, in tests). */
void journal_app(struct journal *j, const struct proc *p);
/* Costs nothing when nothing has changed since the last time. */
void journal_state(struct journal *j, struct proc *p);
/* What is in p->axm_actions beside `action` is written already. */
void journal_action(struct journal *j, const struct proc *p, const json_t *action);
void journal_del(struct journal *j, int id);
/* Records between the two are one write(2): what belongs together is there, or nothing of it. Not
 * across turns of the loop. */
void journal_hold(struct journal *j);
void journal_release(struct journal *j);
