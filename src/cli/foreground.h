/* SPDX-License-Identifier: MIT
 * Commands that do not end when they are done: --attach shows what the apps print that were acted
 * upon; --no-daemon shows what all apps print, and the daemon, if it was not there before, lives as
 * long as this program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cli;

/* An order reached this process. */
void foreground_note(struct cli *cli, int64_t id);

/* After the connection was made: own a daemon that was launched just now, and subscribe before
 * anything is started, so that no first line is missed. 0, or negative with `e`. */
int foreground_begin(struct cli *cli, struct err *e);

/* After the list: follow the logs that were asked for, if any. Exit code; does not return when a
 * signal ends it. */
int foreground_run(struct cli *cli);

/* At the end of every command: end the daemon that belongs to this program, and all its apps. */
void foreground_end(struct cli *cli);
