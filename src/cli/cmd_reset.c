/* SPDX-License-Identifier: MIT
 * pm2 reset: counters back to zero. */
#include <string.h>

#include "cli/cmd.h"
#include "json/read.h"

/* PM2's exit code stays 0 when an id is unknown; the error is shown on stderr. */
static void reset_id(struct cli *cli, long long id)
{
    AUTO(buf) arg = BUF_INIT;
    struct err e = {0};
    struct str reply;
    buf_printf(&arg, "%lld", id);
    ui_info(&cli->ui, "Resetting meta for process id %lld", id);
    if (cli_call(cli, "resetMetaProcessId", buf_str(&arg), CLI_ANSWER_MS, &reply, &e) < 0)
        ui_error(&cli->ui, "%s", e.msg);
}

/* Number of processes, or -1 after an error was printed. */
static int reset_named(struct cli *cli, const char *name)
{
    size_t i;
    json_t *row;
    int count = 0;
    AUTO_JSON list = cli_ask(cli, "c.list", STR(""), CLI_ANSWER_MS);
    if (!list)
        return -1;
    json_array_foreach (list, i, row) {
        const char *is = json_get_str(row, "name");
        if (strcmp(name, "all") != 0 && (!is || strcmp(is, name) != 0))
            continue;
        reset_id(cli, json_integer_value(json_object_get(row, "id")));
        count++;
    }
    return count;
}

static int run(struct cli *cli, const struct args *args)
{
    const char *target = args->position.at[0];
    long long id;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (str_to_int(str_from(target), &id)) {
        reset_id(cli, id);
    } else {
        int count = reset_named(cli, target);
        if (count == 0 && strcmp(target, "all") != 0)
            ui_line(&cli->ui, UI_ERR, STR("Unknown process name")); /* without prefix, as PM2 */
        if (count < 0 || (count == 0 && strcmp(target, "all") != 0))
            return 1;
    }
    return cli_list(cli, args);
}

const struct cmd cmd_reset_entry = {
    .name = "reset",
    .args = "<name|id|all>",
    .summary = "set the restart counters of processes to zero",
    .run = run,
};
