/* SPDX-License-Identifier: MIT
 * pm2 reload, pm2 rollback. */
#include "cli/actions.h"
#include "cli/cmd.h"

static int run_reload(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "reload",
                                         .method = "reloadProcessId",
                                         .notice =
                                             "Use --update-env to update environment variables",
                                         .file = "reload",
                                         .changes = true,
                                         .no_list = true,
                                         .tells_logs = true};
    return action_run(cli, args, &action);
}

static int run_rollback(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "rollback", .method = "rollback", .no_list = true};
    return action_run(cli, args, &action);
}

const struct cmd cmd_reload_entry = {
    .name = "reload",
    .args = "<id|name|namespace|all>",
    .summary = "replace processes by new ones without an interruption",
    .flags = CMD_ATTRIBUTES | CMD_LITERAL,
    .run = run_reload,
};

const struct cmd cmd_rollback_entry = {
    .name = "rollback",
    .args = "<id|name|namespace|all>",
    .summary = "after a reload --park: bring the processes before it back",
    .run = run_rollback,
};
