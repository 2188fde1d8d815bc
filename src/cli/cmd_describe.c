/* SPDX-License-Identifier: MIT
 * pm2 describe: all there is to say about a process, in tables. */
#include "cli/cmd.h"
#include "cli/detail.h"
#include "cli/redact.h"
#include "os/clock.h"
#include "json/read.h"
#include "json/write.h"

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    const char *target = args->position.at[0];
    struct jw w = jw_to(&request);
    size_t i;
    json_t *proc;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    jw_obj_begin(&w);
    jw_kstr(&w, "target", target);
    jw_obj_end(&w);
    AUTO_JSON list = cli_ask(cli, "c.describe", buf_str(&request), CLI_ANSWER_MS);
    if (!list)
        return 1;
    if (json_array_size(list) == 0) {
        ui_warn(&cli->ui, "%s doesn't exist", target);
        return 1;
    }
    struct redact redact;
    int code = redact_init(&redact, cli);
    if (code != 0)
        return code;
    redact_list(&redact, list);
    redact_fini(&redact);
    json_array_foreach (list, i, proc) {
        AUTO(buf) out = BUF_INIT;
        const struct detail_look look = {.columns = cli->ui.columns[UI_OUT],
                                         .color = cli->ui.color[UI_OUT],
                                         .frames = cli->ui.frames,
                                         .now_ms = clock_wall_ms()};
        detail_draw(proc, &look, &out);
        ui_text(&cli->ui, UI_OUT, buf_str(&out));
    }
    return 0;
}

const struct cmd cmd_describe_entry = {
    .name = "describe",
    .aliases = {"desc", "info", "show"},
    .args = "<name|id>",
    .summary = "show all about a process",
    .run = run,
};
