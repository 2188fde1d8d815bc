/* SPDX-License-Identifier: MIT
 * pm2 list */
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    return cli_connect(cli, CLI_LAUNCH) < 0 ? 1 : cli_list(cli, args);
}

const struct cmd cmd_list_entry = {
    .name = "list",
    .aliases = {"ls", "l", "ps", "status"},
    .args = "",
    .summary = "show all processes",
    .run = run,
};
