/* SPDX-License-Identifier: MIT
 * pm2 env: the variables that a process got, in the reverse of their order, as PM2 prints them. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/mem.h"
#include "cli/ui/text.h"
#include "json/read.h"
#include "json/write.h"

/* Sorted. Attributes and state that PM2 does not show among the variables. */
static const char *const hidden[] = {
    "args",
    "automation",
    "autorestart",
    "autostart",
    "axm_actions",
    "axm_dynamic",
    "axm_monitor",
    "axm_options",
    "created_at",
    "env",
    "exec_interpreter",
    "exec_mode",
    "exit_code",
    "exit_signal",
    "filter_env",
    "instance_var",
    "instances",
    "kill_retry_time",
    "merge_logs",
    "name",
    "node_args",
    "pm_cwd",
    "pm_err_log_path",
    "pm_exec_path",
    "pm_id",
    "pm_out_log_path",
    "pm_pid_path",
    "pm_uptime",
    "pmx",
    "prev_restart_delay",
    "restart_time",
    "status",
    "stop_exit_codes",
    "treekill",
    "unstable_restarts",
    "username",
    "vizion",
    "watch",
    "windowsHide",
};

static int by_name(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool is_hidden(const char *key, const json_t *value)
{
    return json_is_object(value) ||
           bsearch(key, hidden, ARRAY_LEN(hidden), sizeof(hidden[0]), by_name);
}

/* As JavaScript makes text of a value. */
static void add_text(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        text_clean(out, str_from(json_string_value(value)));
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i > 0)
                buf_add_byte(out, ',');
            add_text(out, json_array_get(value, i));
        }
    } else {
        struct jw w = jw_to(out);
        jw_dom(&w, value);
    }
}

static void show(struct cli *cli, const json_t *env)
{
    const char **keys = mem_alloc(json_object_size(env) * sizeof(*keys));
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)env, key, value)
        if (!is_hidden(key, value))
            keys[count++] = key;
    while (count-- > 0) {
        AUTO(buf) line = BUF_INIT;
        AUTO(buf) text = BUF_INIT;
        add_text(&text, json_object_get(env, keys[count]));
        buf_printf(&line, "%s: ", keys[count]);
        style_add(&line, cli->ui.color[UI_OUT], STYLE_GREEN, buf_str(&text));
        ui_line(&cli->ui, UI_OUT, buf_str(&line));
    }
    free((void *)keys);
}

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    jw_obj_begin(&w);
    jw_kstr(&w, "id", args->position.at[0]);
    jw_obj_end(&w);
    AUTO_JSON env = cli_ask(cli, "c.env", buf_str(&request), CLI_ANSWER_MS);
    if (!env)
        return 1;
    show(cli, env);
    return 0;
}

const struct cmd cmd_env_entry = {
    .name = "env",
    .args = "<id>",
    .summary = "print the environment variables of a process",
    .run = run,
};
