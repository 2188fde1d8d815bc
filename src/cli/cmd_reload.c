/* SPDX-License-Identifier: MIT
 * pm2 reload. Apps in fork mode are restarted, as PM2 does. */
#include "cli/actions.h"
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "reload",
                                         .method = "reloadProcessId",
                                         .notice =
                                             "Use --update-env to update environment variables",
                                         .file = "start",
                                         .changes = true,
                                         .no_list = true};
    return action_run(cli, args, &action);
}

const struct cmd cmd_reload_entry = {
    .name = "reload",
    .args = "<id|name|namespace|all>",
    .summary = "restart without an interruption",
    .flags = CMD_ATTRIBUTES | CMD_LITERAL,
    .run = run,
};
