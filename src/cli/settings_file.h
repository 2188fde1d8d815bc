/* SPDX-License-Identifier: MIT
 * module_conf.json as the commands set, get, conf, unset and multiset see it. */
#pragma once

#include <jansson.h>

#include "cli/cli.h"

/* The settings; an empty object when there is no file. NULL after the error was printed. */
json_t *settings_file_read(struct cli *cli);

/* Lock the file, let `change` edit the settings, write them. 0, or the exit code after the error
 * was printed; nothing is written when `change` returns a negative value (with `e`). */
typedef int settings_change_fn(json_t *root, const void *ctx, struct err *e);
int settings_file_change(struct cli *cli, settings_change_fn *change, const void *ctx);

/* The lines `Module: NAME` and `$ pm2 set NAME:KEY VALUE` of one module or of all (NULL). */
void settings_tell(struct cli *cli, const json_t *root, const char *only);
