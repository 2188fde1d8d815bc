/* SPDX-License-Identifier: MIT
 * pm2 jlist: the daemon's own JSON, byte for byte, no newline behind it. */
#include "cli/cmd.h"
#include "cli/redact.h"
#include "json/read.h"
#include "json/write.h"

/* The list without the values that the user does not want to see. */
static int print_redacted(const struct redact *r, struct cli *cli, struct str reply)
{
    struct err e = {0};
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&out);
    AUTO_JSON list = json_read(reply, &e);
    if (!list)
        return cli_fail(cli, &e);
    redact_list(r, list);
    jw_dom(&w, list);
    ui_data(buf_str(&out));
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct str reply;
    (void)args;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (cli_call(cli, "getMonitorData", STR(""), CLI_ANSWER_MS, &reply, &e) < 0)
        return cli_fail(cli, &e);
    struct redact redact;
    int code = redact_init(&redact, cli);
    if (code == 0 && redact.is_on)
        code = print_redacted(&redact, cli, reply);
    else if (code == 0)
        ui_data(reply);
    redact_fini(&redact);
    return code;
}

const struct cmd cmd_jlist_entry = {
    .name = "jlist",
    .args = "",
    .summary = "print all processes as JSON",
    .run = run,
};
