/* SPDX-License-Identifier: MIT
 * pm2 jlist: the daemon's own JSON, byte for byte, no newline behind it. */
#include "cli/cmd.h"

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct str reply;
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (cli_call(cli, "getMonitorData", STR(""), CLI_ANSWER_MS, &reply, &e) < 0)
        return cli_fail(cli, &e);
    ui_data(reply);
    return 0;
}

const struct cmd cmd_jlist_entry = {
    .name = "jlist",
    .args = "",
    .summary = "print all processes as JSON",
    .run = run,
};
