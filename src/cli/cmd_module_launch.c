/* SPDX-License-Identifier: MIT
 * pm2 module:launch: start the modules that are installed and do not run. For libpm2 and the Node
 * package, whose daemons have no `pm2` that does it. */
#include "cli/cmd.h"
#include "cli/modules.h"

static int run(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (!client_launched(cli->client)) /* else they have been started already */
        modules_start_all(cli);
    return 0;
}

const struct cmd cmd_module_launch_entry = {
    .name = "module:launch",
    .args = "",
    .summary = "start the modules that are installed and do not run",
    .run = run,
};
