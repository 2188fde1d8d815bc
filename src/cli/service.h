/* SPDX-License-Identifier: MIT
 * `pm2 resurrect --stay`: the main process of a service whose apps survive a restart of it.
 *
 * A service manager ends a service by ending its main process. When that is the keeper, all apps
 * end with it. Here it is this program, which owns nothing: it has `pm2 resurrect` started, or,
 * when a daemon is there already, `pm2 update` before it, and then waits.
 *
 *   SIGTERM, SIGINT    a stop: `pm2 kill`
 *   SIGUSR1            a restart (RestartKillSignal): it leaves, all else stays for its successor
 *   no daemon any more, and not by `pm2 kill`: exit code 1, so that the manager starts it again
 *
 * The death of the keeper alone is none of these: pm2d starts another one. */
#pragma once

#include "cli/cli.h"

/* Whether this keeper may be part of the service that we are: one that was started in somebody's
 * session may end with that. Root's manager takes any. False after the error was printed. */
bool service_owns(struct cli *cli, int keeper);

/* Exit code, after all this. Uses no connection that was there before. */
int service_stay(struct cli *cli);
