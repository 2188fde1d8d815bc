/* SPDX-License-Identifier: MIT
 * Events of processes on the bus, in PM2's shapes, and the lines of pm2.log that go with them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"
#include "proc.h"

/* process:event */
void event_process(struct proc *p, const char *event, bool manually);
/* process:event `exit` and `restart overlimit`: how it is between two lives, although the next may
 * have begun. `told` is the action that asks for it. */
void event_exit(struct proc *p, const struct proc_action *told);
void event_over_limit(struct proc *p, const struct proc_action *told);
/* log:out, log:err */
void event_log(struct proc *p, bool is_err, struct str chunk);
/* A message of the app that is not for the daemon itself: process:msg or its own type. */
void event_app_message(struct proc *p, const json_t *value, struct str line);
/* log:PM2 */
void event_own_log(struct bus *b, const char *text);
/* pm2:kill */
void event_kill(struct bus *b, const char *how);
