/* SPDX-License-Identifier: MIT
 * What hangs on a process besides its life: schedules, watched files, limits of memory, probes.
 * Each is a file with the same four functions; this one calls them. They see the process as it is
 * and give it orders like any user (proc_order); the state machine does not know them. */
#pragma once

struct proc;

/* The process exists: new, before it is started; or recovered, before recovery takes effect. */
void extras_added(struct proc *p);
/* Its configuration is another one now. */
void extras_changed(struct proc *p);
/* Its state changed (called after each step that did change goal, state or run). */
void extras_state(struct proc *p);
/* It is about to go for good. */
void extras_removed(struct proc *p);
