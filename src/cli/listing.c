/* SPDX-License-Identifier: MIT
 * `pm2 list`, and the list that most commands print when they are done. */
#include <errno.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/foreground.h"
#include "cli/ui/proc_table.h"
#include "cli/ui/time.h"
#include "os/clock.h"
#include "json/read.h"

/* On stderr, so that the table stays easy to take apart. */
static void tell_reasons(struct cli *cli, const struct proc_row *rows, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(buf) age = BUF_INIT;
        if (!rows[i].reason)
            continue;
        time_span(&age, now_ms - rows[i].reason_at);
        ui_warn(&cli->ui, "App %s (id %lld) cannot start: %s (since %s)", rows[i].name,
                (long long)rows[i].id, rows[i].reason, age.data);
    }
}

int cli_list_once(struct cli *cli, const struct args *args)
{
    AUTO(buf) out = BUF_INIT;
    size_t count;
    if (cli->ui.silent)
        return 0;
    bool is_mini = args_has(args, "--mini-list");
    AUTO_JSON list =
        cli_ask(cli, "c.list", is_mini ? STR("") : STR("{\"brief\":true}"), CLI_ANSWER_MS);
    struct proc_row *rows = list ? proc_rows(list, &count) : NULL;
    if (!rows)
        return 1;
    const struct proc_table_look look = {.columns = cli->ui.columns[UI_OUT],
                                         .color = cli->ui.color[UI_OUT],
                                         .frames = cli->ui.frames,
                                         .now_ms = clock_wall_ms()};
    if (is_mini) {
        proc_mini_draw(rows, count, look.now_ms, &out);
    } else {
        proc_rows_sort(rows, count, args_value(args, "--sort"));
        proc_table_draw(rows, count, &look, &out);
    }
    ui_text(&cli->ui, UI_OUT, buf_str(&out));
    tell_reasons(cli, rows, count, look.now_ms);
    free(rows);
    return 0;
}

int cli_list(struct cli *cli, const struct args *args)
{
    int code = cli_list_once(cli, args);
    return code ? code : foreground_run(cli);
}
