/* SPDX-License-Identifier: MIT
 * c.trigger: have apps carry out an action that they have registered, and answer with what they
 * return (their axm:reply). One answer for all of them. An app that ends instead of answering is
 * told as an error, and so is one that says nothing for as long as the caller waits (`timeout_ms`,
 * LIMIT_ACTION_ANSWER_MS if he does not say). Runs in pm2d. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct proc;

/* Of msgProcess, too. True when the app has registered the action. */
bool trigger_has_action(const struct proc *p, const char *name);
/* Hand `cmd` ({msg, opts?, id or name, uuid?}) to the app: the bare name of the action, or the
 * whole request when it has more to say. Actions of our agent go to the agent, past the app. As
 * chan_send(). */
int trigger_send(struct proc *p, const json_t *cmd);

/* The app has sent an axm:reply. */
void trigger_reply(struct proc *p, const json_t *data);

/* Hooks of extras.h. */
void trigger_state(struct proc *p);
void trigger_removed(struct proc *p);
