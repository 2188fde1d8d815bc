/* SPDX-License-Identifier: MIT
 * pm2 prettylist: the list in the form of Node's util.inspect, no newline behind it. */
#include "cli/cmd.h"
#include "cli/redact.h"
#include "cli/ui/inspect.h"
#include "json/read.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON list = cli_ask(cli, "getMonitorData", STR(""), CLI_ANSWER_MS);
    if (!list)
        return 1;
    struct redact redact;
    int code = redact_init(&redact, cli);
    if (code != 0)
        return code;
    redact_list(&redact, list);
    redact_fini(&redact);
    inspect_value(&out, list);
    ui_data(buf_str(&out));
    return 0;
}

const struct cmd cmd_prettylist_entry = {
    .name = "prettylist",
    .args = "",
    .summary = "print all processes in an indented form",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
