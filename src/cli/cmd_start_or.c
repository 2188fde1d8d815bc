/* SPDX-License-Identifier: MIT
 * pm2 startOrRestart, startOrReload, startOrGracefulReload: the apps of a process file, whatever
 * they do now. */
#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/files.h"

static int run_file(struct cli *cli, const struct args *args, const char *action,
                    const char *method)
{
    const char *target = args->position.at[0];
    const struct file_order order = {.action = action, .method = method};
    if (!files_check(cli, target))
        return 1;
    int code = files_run(cli, args, target, &order);
    return code ? code : cli_list(cli, args);
}

static int run_restart(struct cli *cli, const struct args *args)
{
    return run_file(cli, args, "start", "restartProcessId");
}

static int run_reload(struct cli *cli, const struct args *args)
{
    return run_file(cli, args, "reload", "reloadProcessId");
}

const struct cmd cmd_start_or_restart_entry = {
    .name = "startOrRestart",
    .args = "<json>",
    .summary = "start or restart the apps of a file",
    .flags = CMD_ATTRIBUTES,
    .run = run_restart,
};

const struct cmd cmd_start_or_reload_entry = {
    .name = "startOrReload",
    .aliases = {"startOrGracefulReload"},
    .args = "<json>",
    .summary = "start or reload the apps of a file",
    .flags = CMD_ATTRIBUTES,
    .run = run_reload,
};
