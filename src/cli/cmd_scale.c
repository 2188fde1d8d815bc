/* SPDX-License-Identifier: MIT
 * pm2 scale */
#include "cli/actions.h"
#include "cli/cmd.h"
#include "json/read.h"
#include "json/write.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    size_t i;
    json_t *item;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "name", args->position.at[0]);
    jw_kstr(&w, "number", args->position.at[1]);
    jw_obj_end(&w);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON answer = cli_ask(cli, "c.scale", buf_str(&request), 0);
    if (!answer)
        return 1;
    json_array_foreach (json_object_get(answer, "added"), i, item)
        ui_info(&cli->ui, "Scaling up application");
    json_array_foreach (json_object_get(answer, "removed"), i, item) {
        long long id = json_integer_value(json_object_get(item, "id"));
        ui_info(&cli->ui, "Applying action deleteProcessId on app [%lld](ids: [ %lld ])", id, id);
        action_tell_done(cli, json_get_str(item, "name"), id);
    }
    const char *error = json_get_str(answer, "error");
    return error ? action_fail(cli, error) : cli_list(cli, args);
}

const struct cmd cmd_scale_entry = {
    .name = "scale",
    .args = "<app_name> <number>",
    .summary = "change the number of processes of an app",
    .run = run,
};
