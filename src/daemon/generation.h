/* SPDX-License-Identifier: MIT
 * The other generation of a process, and how the two change places: what belongs to a run, and to
 * the conf that it was started with, is exchanged; the process that others know stays the same one.
 * Runs in pm2d. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct proc;

/* A new p->other, as yet without a run. Takes the conf. NULL on OOM. */
struct proc *generation_new(struct proc *p, json_t *take_conf);
/* The other one serves from now on, and the one that did is old. `is_proven`: what was being
 * started counts as started. Recorded before it returns. */
void generation_switch(struct proc *p, bool is_proven);
