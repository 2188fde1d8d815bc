/* SPDX-License-Identifier: MIT
 * Restart of a process when files change: watch, ignore_watch, watch_delay, watch_options. This
 * file says when a process is watched; watch_group.h, what of.
 *
 * It is watched from its first start until the user stops it: also while it is errored, waits, or
 * has ended by itself; then a change starts it. A stop (or PM2's method stopWatch) makes `watch`
 * false, as PM2 does, and puts what it was into `watch_kept` of the configuration, so that the next
 * start has it again. Switched off by toggling, it stays off until it is switched on: then, too, it
 * is what it was.
 *
 * A change restarts all watched processes of the app, each once. What changes while they are being
 * stopped is in their next start anyway; what changes after one of them has been started leads to
 * one more restart, when this one is over. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct proc;

void watch_added(struct proc *p);
void watch_changed(struct proc *p);
void watch_state(struct proc *p);
void watch_removed(struct proc *p);

/* By order of the user: begin; false when it is watched already. */
bool watch_start(struct proc *p);
/* End, until the next start. */
void watch_stop(struct proc *p);
/* End until the next toggle, or begin. */
void watch_toggle(struct proc *p);
/* --watch with a restart: alone (true, or an empty list) it toggles, with paths they are watched
 * from now on. */
void watch_option(struct proc *p, json_t *value);
