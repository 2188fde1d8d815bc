/* SPDX-License-Identifier: MIT
 * pm2 send: one line to the standard input of a process. */
#include "cli/cmd.h"
#include "json/read.h"
#include "json/write.h"

/* The id as the daemon wants it: a number where it is one. */
static void write_id(struct jw *w, const char *word)
{
    long long id;
    jw_key(w, "pm_id");
    if (str_to_int(str_from(word), &id))
        jw_int(w, id);
    else
        jw_str(w, word);
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct str reply;
    AUTO(buf) request = BUF_INIT;
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "%s\n", args->position.at[1]);
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    write_id(&w, args->position.at[0]);
    jw_kstr(&w, "line", line.data);
    jw_obj_end(&w);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (cli_call(cli, "sendLineToStdin", buf_str(&request), CLI_ANSWER_MS, &reply, &e) < 0) {
        ui_error(&cli->ui, "Error: %s", e.msg);
        return 1;
    }
    return cli_list(cli, args);
}

const struct cmd cmd_send_entry = {
    .name = "send",
    .args = "<pm_id> <line>",
    .summary = "write a line to the standard input of a process",
    .run = run,
};
