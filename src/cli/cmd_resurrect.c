/* SPDX-License-Identifier: MIT
 * pm2 resurrect: what was saved is there again. */
#include "cli/cmd.h"
#include "json/read.h"

/* PM2's words, and why. True when there was a file. */
static bool tell_failed(struct cli *cli, const char *path, const json_t *failed)
{
    if (!failed)
        return true;
    if (json_get_bool(failed, "missing", false)) {
        ui_error(&cli->ui, "Failed to read dump file in %s", path);
        return false;
    }
    ui_error(&cli->ui, "Failed to parse dump file in %s", path);
    ui_error(&cli->ui, "%s", json_get_str(failed, "error"));
    return true;
}

/* True when a file was there. */
static bool tell_files(struct cli *cli, const json_t *answer)
{
    const char *file = json_get_str(answer, "file");
    const char *backup = json_get_str(answer, "backup");
    const json_t *failed = json_object_get(answer, "file_failed");
    ui_info(&cli->ui, "Restoring processes located in %s", file);
    bool exists = tell_failed(cli, file, failed);
    if (!failed)
        return exists;
    ui_info(&cli->ui, "Restoring processes located in %s", backup);
    if (tell_failed(cli, backup, json_object_get(answer, "backup_failed")))
        exists = true;
    return exists;
}

static void tell_processes(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(answer, "restored"), i, one)
        ui_info(&cli->ui, "Process %s restored", json_get_str(one, "script"));
    json_array_foreach (json_object_get(answer, "errors"), i, one) {
        const char *name = json_get_str(one, "name");
        ui_error(&cli->ui, "%s cannot be restored: %s", name ? name : "an app",
                 json_get_str(one, "error"));
    }
}

static int run(struct cli *cli, const struct args *args)
{
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    ui_info(&cli->ui, "Resurrecting");
    AUTO_JSON answer = cli_ask(cli, "c.resurrect", STR(""), 0);
    if (!answer)
        return 1;
    bool exists = tell_files(cli, answer);
    bool found = json_get_bool(answer, "found", false);
    if (!found)
        ui_error(&cli->ui,
                 exists ? "No processes restored" : "No processes saved; DUMP file doesn't exist");
    tell_processes(cli, answer);
    int code = cli_list(cli, args);
    /* One app that cannot start is no reason to fail: at boot, the others would be ended for it. */
    return exists && !found ? 1 : code;
}

const struct cmd cmd_resurrect_entry = {
    .name = "resurrect",
    .args = "",
    .summary = "start what was saved",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
