/* SPDX-License-Identifier: MIT
 * pm2 attach: what is typed here goes to the standard input of a process, what the process prints
 * comes here. Ends with its own standard input. */
#include <errno.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/lines.h"
#include "os/clock.h"
#include "json/read.h"
#include "json/write.h"

#define CHUNK_BYTES   65536
#define LAST_WORDS_MS 200 /* how long the answer to the last line is waited for */

struct attach {
    struct cli *cli;
    long long id;
    const char *separator;
    struct lines typed;
};

static void send_line(void *ctx, const struct line_stream *from, struct str line)
{
    struct attach *a = ctx;
    struct err e = {0};
    struct str ignored;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) request = BUF_INIT;
    (void)from;
    buf_add_str(&text, line);
    buf_add_c(&text, a->separator);
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kint(&w, "pm_id", a->id);
    jw_key(&w, "line");
    jw_slice(&w, buf_str(&text));
    jw_obj_end(&w);
    if (cli_call(a->cli, "sendLineToStdin", buf_str(&request), CLI_ANSWER_MS, &ignored, &e) < 0)
        ui_error(&a->cli->ui, "Error: %s", e.msg);
}

static void show(struct attach *a, struct str topic, struct str payload)
{
    struct err ignored;
    int64_t id;
    if (!str_eq_c(topic, "log:out") && !str_eq_c(topic, "log:err"))
        return;
    AUTO_JSON event = json_read(payload, &ignored);
    const json_t *data = json_object_get(event, "data");
    if (json_is_string(data) && json_get_int(json_object_get(event, "process"), "pm_id", &id) &&
        id == a->id)
        ui_text(&a->cli->ui, UI_OUT,
                (struct str){json_string_value(data), json_string_length(data)});
}

/* False at the end of the input. */
static bool take_input(struct attach *a)
{
    char chunk[CHUNK_BYTES];
    ssize_t n;
    do
        n = read(STDIN_FILENO, chunk, sizeof(chunk));
    while (n < 0 && errno == EINTR);
    if (n > 0)
        lines_feed(&a->typed, a->id, 0, (struct str){chunk, (size_t)n}, send_line, a);
    else
        lines_flush(&a->typed, send_line, a);
    return n > 0;
}

/* Both directions until the input ends; exit code. */
static int pass(struct attach *a)
{
    struct err e = {0};
    struct pub_event event;
    bool typing = true;
    int64_t end_ms = 0;
    for (;;) {
        int64_t left_ms = typing ? -1 : end_ms - clock_mono_ms();
        if (!typing && left_ms <= 0)
            return 0;
        int rc = client_event(a->cli->client, (int)left_ms, typing ? STDIN_FILENO : -1, &event, &e);
        if (rc < 0)
            return cli_fail(a->cli, &e);
        if (rc > 0) {
            show(a, event.topic, event.payload);
        } else if (typing) {
            typing = take_input(a);
            end_ms = clock_mono_ms() + LAST_WORDS_MS;
        }
        if (ui_flush() < 0)
            return 1;
    }
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct attach a = {.cli = cli,
                       .separator = args->position.count > 1 ? args->position.at[1] : "\n"};
    if (!str_to_int(str_from(args->position.at[0]), &a.id)) {
        ui_line(&cli->ui, UI_ERR, STR("pm_id must be a process number (not a process name)"));
        return 1;
    }
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    if (client_subscribe(cli->client, &e) < 0)
        return cli_fail(cli, &e);
    lines_init(&a.typed);
    int code = pass(&a);
    lines_fini(&a.typed);
    return code;
}

const struct cmd cmd_attach_entry = {
    .name = "attach",
    .args = "<pm_id> [separator]",
    .summary = "connect this terminal to a process",
    .run = run,
};
