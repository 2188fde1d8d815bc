/* SPDX-License-Identifier: MIT
 * secret:fd:N: a descriptor that this program was started with, read to its end, once. The value
 * goes to the daemon as one that is to be kept out of sight (app/secret.h). */
#pragma once

#include <jansson.h>

struct cli;

/* What to send for the value of a variable (of `variable` counts what stands before a "="): `text`
 * itself, or what the descriptor holds. Borrowed, until the next call. NULL after the error was
 * printed. */
const char *secret_fd_text(struct cli *cli, const char *variable, const char *text);

/* The same in the variables of apps as written, env and env_NAME. Edited in place. 0, or the exit
 * code after the error was printed. */
int secret_fd_apps(struct cli *cli, json_t *apps);
