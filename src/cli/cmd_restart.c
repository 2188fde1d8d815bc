/* SPDX-License-Identifier: MIT
 * pm2 restart */
#include "cli/actions.h"
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "restart",
                                         .method = "restartProcessId",
                                         .notice =
                                             "Use --update-env to update environment variables",
                                         .file = "start",
                                         .changes = true,
                                         .attaches = true};
    return action_run(cli, args, &action);
}

const struct cmd cmd_restart_entry = {
    .name = "restart",
    .args = "<id|name|namespace|all|json|stdin...>",
    .summary = "end processes and start them again",
    .flags = CMD_ATTRIBUTES | CMD_LITERAL,
    .run = run,
};
