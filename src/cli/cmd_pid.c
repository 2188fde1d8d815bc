/* SPDX-License-Identifier: MIT
 * pm2 pid: the process ids of a name, or of all. */
#include <string.h>

#include "cli/cmd.h"
#include "json/read.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    const char *name = args->position.count > 0 ? args->position.at[0] : NULL;
    size_t i;
    json_t *row;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON list = cli_ask(cli, "c.list", STR(""), CLI_ANSWER_MS);
    if (!list)
        return 1;
    json_array_foreach (list, i, row) {
        const char *is = json_get_str(row, "name");
        if (name && (!is || strcmp(is, name) != 0))
            continue;
        long long pid = json_integer_value(json_object_get(row, "pid"));
        buf_printf(&out, "%s%lld", out.len > 0 ? "\n" : "", pid);
    }
    ui_line(&cli->ui, UI_OUT, buf_str(&out));
    if (out.len == 0 && name)
        ui_warn(&cli->ui, "No process is named %s", name);
    return 0; /* always, as PM2 */
}

const struct cmd cmd_pid_entry = {
    .name = "pid",
    .args = "[app_name]",
    .summary = "print the process ids of an app, or of all",
    .run = run,
};
