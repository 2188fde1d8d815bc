/* SPDX-License-Identifier: MIT
 * pm2 sendSignal: by id when the target is a number, else by name. */
#include "base/attr.h"
#include "cli/cmd.h"
#include "json/write.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    struct err e = {0};
    struct str reply;
    long long id;
    const char *signal = args->position.at[0];
    const char *target = args->position.at[1];
    bool by_id = str_to_int(str_from(target), &id);
    const char *what = by_id ? "id" : "name";
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "signal", signal);
    if (by_id)
        jw_kint(&w, "process_id", id);
    else
        jw_kstr(&w, "process_name", target);
    jw_obj_end(&w);
    ui_info(&cli->ui, "Sending signal to process %s %s", what, target);
    if (cli_call(cli, by_id ? "sendSignalToProcessId" : "sendSignalToProcessName",
                 buf_str(&request), 0, &reply, &e) < 0) {
        ui_line(&cli->ui, UI_ERR, str_from(e.msg)); /* without prefix, as PM2 */
        return 1;
    }
    ui_message(&cli->ui, UI_OUT, UI_PLAIN, "successfully sent signal %s to process %s %s", signal,
               what, target);
    return cli_list(cli, args);
}

const struct cmd cmd_send_signal_entry = {
    .name = "sendSignal",
    .args = "<signal> <pm2_id|name>",
    .summary = "send a signal to processes",
    .run = run,
};
