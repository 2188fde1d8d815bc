/* SPDX-License-Identifier: MIT
 * pm2 stop */
#include "cli/actions.h"
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "stop", .method = "stopProcessId", .file = "stop"};
    return action_run(cli, args, &action);
}

const struct cmd cmd_stop_entry = {
    .name = "stop",
    .args = "<id|name|namespace|all|json|stdin...>",
    .summary = "end processes and keep them in the list",
    .run = run,
};
