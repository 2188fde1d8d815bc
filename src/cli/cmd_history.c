/* SPDX-License-Identifier: MIT
 * pm2 history: what happened to processes, from the file that pm2d writes. */
#include <inttypes.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/past.h"
#include "cli/ui/text.h"
#include "json/read.h"
#include "json/write.h"

#define DEFAULT_LINES 50

static const struct opt options[] = {
    {"--lines", "<n>", "so many of the last events (50); 0: all", SC_VALUE, false},
    {"--json", NULL, "the records as they are, one on each line", SC_FLAG, false},
};

static void print_json(const json_t *record)
{
    AUTO(buf) line = BUF_INIT;
    struct jw w = jw_to(&line);
    jw_dom(&w, record);
    buf_add_byte(&line, '\n');
    ui_data(buf_str(&line));
}

static void print_line(struct cli *cli, const json_t *record)
{
    AUTO(buf) line = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    int64_t t = 0;
    int64_t id = 0;
    bool color = cli->ui.color[UI_OUT];
    (void)json_get_int(record, "t", &t);
    past_time(&text, t);
    style_add(&line, color, STYLE_GREY, buf_str(&text));
    buf_clear(&text);
    if (json_get_int(record, "id", &id))
        buf_printf(&text, "%s:%" PRId64, json_get_str(record, "name"), id);
    else
        buf_add_c(&text, "PM2");
    buf_add_c(&line, "  ");
    AUTO(buf) clean = BUF_INIT;
    text_clean(&clean, buf_str(&text));
    style_add(&line, color, STYLE_BOLD, buf_str(&clean));
    buf_clear(&text);
    past_text(&text, record);
    buf_add_c(&line, "  ");
    text_clean(&line, buf_str(&text));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    long long lines = DEFAULT_LINES;
    const char *wanted = args_value(args, "--lines");
    if (wanted && (!str_to_int(str_from(wanted), &lines) || lines < 0)) {
        ui_error(&cli->ui, "--lines takes a number, not %s", wanted);
        return 1;
    }
    const char *target = args->position.count > 0 ? args->position.at[0] : NULL;
    AUTO_JSON records = past_read(cli, target, &e);
    if (!records)
        return cli_fail(cli, &e);
    size_t count = json_array_size(records);
    size_t skip = lines > 0 && count > (size_t)lines ? count - (size_t)lines : 0;
    for (size_t i = skip; i < count; i++) {
        const json_t *record = json_array_get(records, i);
        if (args_has(args, "--json"))
            print_json(record);
        else
            print_line(cli, record);
    }
    if (count == 0)
        ui_warn(&cli->ui, "Nothing is known of %s", target ? target : "any process");
    return count == 0 && target ? 1 : 0;
}

const struct cmd cmd_history_entry = {
    .name = "history",
    .args = "[name|id|namespace]",
    CMD_OPTS(options),
    .summary = "what happened to processes, and who asked for it",
    .run = run,
};
