/* SPDX-License-Identifier: MIT
 * Our agent in Node apps (node/agent/agent.cjs): where its file is, and the variable
 * that has Node load it. Runs in pm2d.
 *
 * The text is part of the program. It is put into PM2_HOME when it is first needed; an app of
 * another user, who may not read there, gets the file that `make install` has put beside the
 * programs. An app with `pmx` off, or whose Node is told to permit nothing, goes without. */
#pragma once

#include <jansson.h>

struct proc;

/* Put the variable into the array of "KEY=value" texts of what is to run for `p`, if it is an app
 * that the agent is for. 0 or -ENOMEM. */
int agent_set_variable(const struct proc *p, json_t *env);
