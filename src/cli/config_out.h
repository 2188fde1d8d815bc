/* SPDX-License-Identifier: MIT
 * --write: the options of a start, kept as a process file. */
#pragma once

#include "cli/args.h"
#include "cli/cli.h"

/* Write what the user gave for `script` to NAME-pm2.json in the current folder, and say so. Exit
 * code. */
int config_out_write(struct cli *cli, const struct args *args, const char *script);
