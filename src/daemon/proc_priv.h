/* SPDX-License-Identifier: MIT
 * Inside the executor: proc.c (a life), proc_recover.c (found again), reload.c (two generations).
 */
#pragma once

#include "proc.h"

/* Feed the state machine and do what it says. */
void proc_step(struct proc *p, const struct proc_event *ev);
/* (Re)arm its one timer, which ends in EV_TIMER. */
void proc_arm(struct proc *p, int64_t ms);
/* Ask the keeper for a run of it. */
void proc_launch(struct proc *p);
/* Its start concludes with a word of its own, and not with its birth. */
bool proc_awaits_word(const struct proc *p);
/* An end of which the kernel tells nobody here how it was. Fills `ev`. */
void proc_note_unknown_exit(struct proc *p, struct proc_event *ev);
