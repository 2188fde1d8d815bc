/* SPDX-License-Identifier: MIT
 * What apps say on their channel: ready, hello, axm:* and everything else. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "proc.h"

/* Add to p->axm_actions what is not there. True: it was added. (False: no action, known, or more
 * than are kept.) */
bool appmsg_add_action(struct proc *p, const json_t *action);

void appmsg_take(struct proc *p, const json_t *value, struct str line);

/* Our agent in a Node app has said what it offers: {options, actions}, in the form of the data of
 * axm:option:configuration and axm:action. An action that the app has registered itself stays the
 * app's. */
void appmsg_agent(struct proc *p, const json_t *value);
