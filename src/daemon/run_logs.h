/* SPDX-License-Identifier: MIT
 * The log files of one execution of a process: which, in what form, by what policy; and the spools
 * of its output, which the keeper holds for the next pm2d. For run.c and daemon.c. */
#pragma once

#include "proc.h"

struct jw;

/* Open the files that the conf names, into r->files. 0 or negative with `e`; what is open then is
 * closed by run_logs_drop(). */
int run_logs_open(struct run *r, struct err *e);
void run_logs_drop(struct run *r);

/* Make the pumps of both streams (-1 = it has none), which take r->files. */
void run_logs_start(struct run *r, int take_out, int take_err, const struct pump_handler *h);
/* One stream is at its end, or both: the keeper may let go of what it has of them. */
void run_logs_ended(struct run *r, bool is_err);
void run_logs_close(struct run *r);
/* A new keeper has to hold the spools, too. */
void run_logs_rehome(struct run *r);

/* Recovery. `name` of something stored: true when it is a spool, which is kept then. */
bool run_logs_take_stored(struct proc_env *env, struct str name, int take_fd);
/* Once the keeper's list is complete and before anything is written: each run goes on with its
 * spools. What was on its way is in the files afterwards. */
void run_logs_recover(struct run *r);
/* What no run has claimed is let go. */
void run_logs_recovered(struct proc_env *env);

/* `log_dropped` (bytes) and `log_waits`, when there is something to tell. */
void run_logs_write_state(struct jw *w, const struct proc *p);

/* The conf or the settings are others now: policies of the files that are open. */
void run_logs_apply_policy(const struct proc *p);
/* Read what `pm2 set` has to say of logs. */
void run_logs_read_settings(struct proc_env *env);
