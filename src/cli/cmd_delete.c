/* SPDX-License-Identifier: MIT
 * pm2 delete */
#include "cli/actions.h"
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    static const struct action action = {.name = "delete",
                                         .method = "deleteProcessId",
                                         .file = "delete"};
    return action_run(cli, args, &action);
}

const struct cmd cmd_delete_entry = {
    .name = "delete",
    .aliases = {"del"},
    .args = "<name|id|namespace|script|all|json|stdin...>",
    .summary = "end processes and remove them from the list",
    .run = run,
};
