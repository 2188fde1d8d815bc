/* SPDX-License-Identifier: MIT
 * pm2 ping */
#include "cli/cmd.h"
#include "cli/ui/inspect.h"
#include "json/read.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON pong = cli_ask(cli, "ping", STR(""), CLI_ANSWER_MS);
    if (!pong)
        return 1;
    inspect_value(&out, pong);
    ui_line(&cli->ui, UI_OUT, buf_str(&out));
    return 0;
}

const struct cmd cmd_ping_entry = {
    .name = "ping",
    .args = "",
    .summary = "ask the daemon for a sign of life; starts it when none runs",
    .run = run,
};
