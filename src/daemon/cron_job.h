/* SPDX-License-Identifier: MIT
 * cron_restart: one timer per process with a schedule. Runs in pm2d.
 *
 * The timer is a timerfd of the wall clock, set to the next instant: nothing is polled, and when
 * somebody sets the clock the kernel says so (TFD_TIMER_CANCEL_ON_SET) and the instant is computed
 * anew. It is computed anew every hour too, for a time zone that changes under us.
 *
 * When it is due the process is restarted; one that is stopped or errored is started. One that is
 * just being started, stopped or restarted is left alone, which is logged: so a schedule never
 * overlaps itself. A stop leaves the schedule, a delete ends it.
 *
 * Nothing of it is stored: a new pm2d computes from now on. A time that passed while none was there
 * is not caught up. One that the clock was set past is, once. */
#pragma once

#include <stdint.h>

struct proc;

void cron_job_added(struct proc *p);
void cron_job_changed(struct proc *p);
void cron_job_removed(struct proc *p);

/* The pattern that will restart this process; NULL = none. Borrowed from its conf. */
const char *cron_job_pattern(const struct proc *p);
/* When it is due next, in ms since 1970; 0 = never. */
int64_t cron_job_next_ms(const struct proc *p);
