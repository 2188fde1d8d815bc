/* SPDX-License-Identifier: MIT
 * pm2 trigger: have apps carry out an action that they have registered, and show what they return.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/cmd.h"
#include "json/read.h"
#include "json/write.h"

static void tell_count(struct cli *cli, const char *action, size_t count)
{
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) line = BUF_INIT;
    buf_printf(&text, "%zu processes have received command %s", count, action);
    style_add(&line, cli->ui.color[UI_OUT], STYLE_BOLD, buf_str(&text));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static int tell_reply(struct cli *cli, const json_t *reply)
{
    AUTO(buf) line = BUF_INIT;
    const char *error = json_get_str(reply, "error");
    long long id = json_integer_value(json_object_get(reply, "id"));
    if (error) {
        ui_error(&cli->ui, "[%s:%lld] %s", json_get_str(reply, "name"), id, error);
        return 1;
    }
    const json_t *value = json_object_get(json_object_get(reply, "data"), "return");
    char *json = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    buf_printf(&line, "[%s:%lld:%s]=%s", json_get_str(reply, "name"), id,
               json_get_str(reply, "namespace"), json ? json : "undefined");
    free(json);
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
    return 0;
}

/* 0 = not given. */
static int read_timeout(struct cli *cli, const struct args *args, int64_t *ret)
{
    long long seconds = 0;
    const char *text = args_value(args, "--timeout");
    if (text &&
        (!str_to_int(str_from(text), &seconds) || seconds < 1 || seconds > LIMIT_DELAY_MS / 1000)) {
        ui_error(&cli->ui, "--timeout %s: expected seconds", text);
        return 1;
    }
    *ret = seconds * 1000;
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    size_t i;
    json_t *reply;
    int64_t timeout_ms;
    int code = 0;
    if (read_timeout(cli, args, &timeout_ms) != 0)
        return 1;
    const char *action = args->position.at[1];
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", args->position.at[0]);
    jw_kstr(&w, "action", action);
    if (args->position.count > 2)
        jw_kstr(&w, "params", args->position.at[2]);
    jw_kstr(&w, "cwd", cli->cwd);
    if (timeout_ms > 0)
        jw_kint(&w, "timeout_ms", timeout_ms);
    jw_obj_end(&w);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    AUTO_JSON answer = cli_ask(cli, "c.trigger", buf_str(&request), 0);
    if (!answer)
        return 1;
    const json_t *replies = json_object_get(answer, "replies");
    tell_count(cli, action, json_array_size(replies));
    json_array_foreach (replies, i, reply)
        code = tell_reply(cli, reply) != 0 ? 1 : code;
    return code;
}

/* clang-format off */
static const struct opt options[] = {
    {"--timeout", "<seconds>", "how long to wait for the answer of an app (300)", SC_VALUE, false},
};
/* clang-format on */

const struct cmd cmd_trigger_entry = {
    .name = "trigger",
    .args = "<id|proc_name|namespace|all> <action_name> [params]",
    CMD_OPTS(options),
    .summary = "have apps carry out an action, show what it returns",
    .run = run,
};
