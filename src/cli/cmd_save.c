/* SPDX-License-Identifier: MIT
 * pm2 save, pm2 cleardump: what is kept for resurrect. The daemon writes. */
#include <stdlib.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "json/read.h"
#include "json/write.h"

static const struct opt save_opts[] = {
    {.flags = "-f --force", .help = "save an empty list, too", .kind = SC_FLAG},
};

/* PM2 has the variable as well. */
static bool is_forced(const struct args *args)
{
    const char *variable = getenv("FORCE");
    return args_has(args, "--force") || (variable && *variable);
}

static int run_save(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kbool(&w, "force", is_forced(args));
    jw_obj_end(&w);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    ui_info(&cli->ui, "Saving current process list...");
    AUTO_JSON answer = cli_ask(cli, "c.save", buf_str(&request), 0);
    if (!answer)
        return 1;
    if (json_get_bool(answer, "skipped", false)) {
        ui_message(&cli->ui, UI_OUT, UI_WARN, "PM2 is not managing any process, skipping save...");
        ui_message(&cli->ui, UI_OUT, UI_WARN, "To force saving use: pm2 save --force");
        return 0;
    }
    ui_info(&cli->ui, "Successfully saved in %s", json_get_str(answer, "file"));
    return 0;
}

static int run_cleardump(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON answer = cli_ask(cli, "c.cleardump", STR(""), 0);
    if (!answer)
        return 1;
    ui_info(&cli->ui, "Successfully created %s", json_get_str(answer, "file"));
    return 0;
}

const struct cmd cmd_save_entry = {
    .name = "save",
    .aliases = {"dump"},
    .args = "",
    CMD_OPTS(save_opts),
    .summary = "keep the list of processes for resurrect",
    .flags = CMD_NO_EXTRA,
    .run = run_save,
};

const struct cmd cmd_cleardump_entry = {
    .name = "cleardump",
    .args = "",
    .summary = "make the kept list an empty one",
    .flags = CMD_NO_EXTRA,
    .run = run_cleardump,
};
