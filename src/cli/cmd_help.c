/* SPDX-License-Identifier: MIT
 * pm2 help [command] */
#include "cli/cmd.h"
#include "cli/help.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    const struct cmd *cmd = NULL;
    if (args->position.count > 0) {
        cmd = cmd_find(args->position.at[0]);
        if (!cmd) {
            ui_error(&cli->ui, "there is no command %s", args->position.at[0]);
            return 1;
        }
    }
    if (cmd)
        help_command(cmd, &out);
    else
        help_all(&out);
    ui_text(&cli->ui, UI_OUT, buf_str(&out));
    return 0;
}

const struct cmd cmd_help_entry = {
    .name = "help",
    .args = "[command]",
    .summary = "explain a command, or list them all",
    .run = run,
};
