/* SPDX-License-Identifier: MIT
 * pm2 flush, and what is told to logs by their daemon: pm2 reloadLogs. */
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "json/read.h"
#include "json/write.h"

/* ---- flush ---- */

static bool is_flushed(const json_t *flushed, const char *path)
{
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)flushed, i, item)
        if (path && strcmp(json_string_value(item), path) == 0)
            return true;
    return false;
}

/* PM2's lines: one head for each process, then its files. */
static void tell_process(struct cli *cli, const json_t *row, const json_t *flushed)
{
    static const char *const keys[] = {"out_log", "err_log", "log"};
    ui_info(&cli->ui, "Flushing:");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *path = json_get_str(row, keys[i]);
        if (is_flushed(flushed, path))
            ui_info(&cli->ui, "%s", path);
    }
}

static json_t *ask_target(struct cli *cli, const char *method, const char *target)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", target);
    jw_kstr(&w, "cwd", cli->cwd);
    jw_obj_end(&w);
    return cli_ask(cli, method, buf_str(&request), CLI_ANSWER_MS);
}

static int flush(struct cli *cli, const char *target)
{
    size_t i;
    json_t *row;
    AUTO_JSON rows = ask_target(cli, "c.logs", target);
    if (!rows)
        return 1;
    bool is_all = strcmp(target, "all") == 0;
    if (!is_all && json_array_size(rows) == 0) {
        /* PM2's exit code is 0 */
        ui_warn(&cli->ui, "Process or Namespace %s not found: nothing of it was emptied", target);
        return 0;
    }
    AUTO_JSON answer = ask_target(cli, "c.flush", target);
    if (!answer)
        return 1;
    const json_t *flushed = json_object_get(answer, "flushed");
    if (is_flushed(flushed, cli->paths.log_file))
        ui_info(&cli->ui, "Flushing %s", cli->paths.log_file);
    json_array_foreach (rows, i, row)
        tell_process(cli, row, flushed);
    return 0;
}

static int run_flush(struct cli *cli, const struct args *args)
{
    int code = 0;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (args->position.count == 0)
        code = flush(cli, "all");
    for (size_t i = 0; i < args->position.count && code == 0; i++)
        code = flush(cli, args->position.at[i]);
    if (code == 0)
        ui_info(&cli->ui, "Logs flushed");
    return code;
}

const struct cmd cmd_flush_entry = {
    .name = "flush",
    .args = "[id|name|namespace|/regex/...]",
    .summary = "empty log files; without a target all of them, and the daemon's own",
    .run = run_flush,
};

/* ---- reloadLogs ---- */

static int run_reload_logs(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    ui_line(&cli->ui, UI_OUT, STR("Reloading all logs..."));
    AUTO_JSON answer = cli_ask(cli, "reloadLogs", STR(""), CLI_ANSWER_MS);
    if (!answer)
        return 1;
    ui_line(&cli->ui, UI_OUT, STR("All logs reloaded"));
    return 0;
}

const struct cmd cmd_reload_logs_entry = {
    .name = "reloadLogs",
    .args = "",
    .summary = "open all log files anew, after they were renamed",
    .run = run_reload_logs,
};
