/* SPDX-License-Identifier: MIT
 * Health probes (`health` of an app): while a process is online, something is asked of it again and
 * again; after `retries` failures in a row it is restarted.
 *
 * A failure counts once `start_period` has passed since the start, and at most once per `interval`.
 * Until the first success of a run the questions come faster (each second, if `interval` is
 * longer), so that whoever waits for a healthy process need not wait for long; those between do not
 * count. Each process has its own timer and a first question at a moment of its own, so that the
 * probes of many do not come together. Without `health` there is nothing.
 *
 * What is asked is in probe.h; when, and what follows, is here. Runs in pm2d. */
#pragma once

#include <stdbool.h>

#include "json/write.h"

struct proc;

/* Hooks of extras.c. */
void health_added(struct proc *p);
void health_changed(struct proc *p);
void health_state(struct proc *p);
void health_removed(struct proc *p);

/* Not known to be in bad health: there is no probe, or the last one of this run succeeded. */
bool health_ok(const struct proc *p);
/* "starting", "healthy", "unhealthy" (the last probe failed and counted); NULL: it is not probed,
 * for it has no probe or is not online. */
const char *health_word(const struct proc *p);
/* {status, failures, error?, checked_at?} of a process that is probed. */
void health_write(struct jw *w, const struct proc *p);
