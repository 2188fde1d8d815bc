/* SPDX-License-Identifier: MIT
 * pm2 id: the ids of a name. */
#include <string.h>

#include "cli/cmd.h"
#include "cli/ui/inspect.h"
#include "json/read.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    const char *name = args->position.at[0];
    size_t i;
    json_t *row;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON list = cli_ask(cli, "c.list", STR(""), CLI_ANSWER_MS);
    AUTO_JSON ids = json_array();
    if (!list)
        return 1;
    json_array_foreach (list, i, row) {
        const char *is = json_get_str(row, "name");
        if (is && strcmp(is, name) == 0)
            json_array_append(ids, json_object_get(row, "id"));
    }
    inspect_value(&out, ids);
    ui_line(&cli->ui, UI_OUT, buf_str(&out));
    if (json_array_size(ids) == 0)
        ui_warn(&cli->ui, "No process is named %s", name);
    return 0; /* always, as PM2 */
}

const struct cmd cmd_id_entry = {
    .name = "id",
    .args = "<name>",
    .summary = "print the ids of the processes with this name",
    .run = run,
};
