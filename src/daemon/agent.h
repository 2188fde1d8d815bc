/* SPDX-License-Identifier: MIT
 * Our agent in Node apps (node/agent/agent.cjs): where its file is, and the variable
 * that has Node load it. Runs in pm2d.
 *
 * The text is part of the program. It is put into PM2_HOME when it is first needed; an app of
 * another user, who may not read there, gets the file that `make install` has put beside the
 * programs. An app with `pmx` off, or whose Node is told to permit nothing, goes without. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct proc;

/* An app that the agent is meant for. Its file may be out of reach all the same. */
bool agent_is_for(const struct proc *p);

/* Put the variable into the array of "KEY=value" texts of what is to run for `p`, if it is an app
 * that the agent is for. 0 or -ENOMEM. */
int agent_set_variable(const struct proc *p, json_t *env);

/* Ask the agent that may be in the run of `p`, which another pm2d has started, to say again what it
 * offers. */
void agent_greet(const struct proc *p);
