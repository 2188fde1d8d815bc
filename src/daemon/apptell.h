/* SPDX-License-Identifier: MIT
 * What is said to an app: data, calls of actions, "shutdown". To its connections on the instance
 * socket; to its Node channel when it has none, or when it is a Node program and so may listen on
 * both. Runs in pm2d. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct proc;

/* Somebody may hear it. */
bool apptell_can(const struct proc *p);
/* Queue one line (JSON text) for the process, which runs. `action`: it calls this action, and goes
 * to those who have registered it. 0 when anybody has it; else -ENOTCONN, -ENOMEM, or -ENOBUFS when
 * the app does not read. Never calls back. */
int apptell_send(struct proc *p, struct str line, const char *action);
