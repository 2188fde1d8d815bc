/* SPDX-License-Identifier: MIT
 * pm2 list */
#include <time.h>

#include "cli/cmd.h"
#include "cli/ui/time.h"
#include "os/clock.h"

#define REFRESH_MS   900
#define CLEAR_SCREEN "\033[2J\033[0f"

/* Again and again, until a signal ends it or nobody reads it. */
static int list_again(struct cli *cli, const struct args *args)
{
    for (;;) {
        AUTO(buf) head = BUF_INIT;
        buf_add_c(&head, CLEAR_SCREEN "Last refresh:  ");
        time_iso(&head, clock_wall_ms());
        ui_line(&cli->ui, UI_OUT, buf_str(&head));
        if (cli_list_once(cli, args) != 0 || ui_flush() < 0)
            return 1;
        nanosleep(&(struct timespec){.tv_nsec = REFRESH_MS * 1000000L}, NULL);
    }
}

static int run(struct cli *cli, const struct args *args)
{
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    return args_has(args, "--watch") ? list_again(cli, args) : cli_list(cli, args);
}

const struct cmd cmd_list_entry = {
    .name = "list",
    .aliases = {"ls", "l", "ps", "status"},
    .args = "",
    .summary = "show all processes; with --watch again and again",
    .run = run,
};
