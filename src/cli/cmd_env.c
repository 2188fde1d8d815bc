/* SPDX-License-Identifier: MIT
 * pm2 env: the variables that a process got, in the reverse of their order, as PM2 prints them. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/mem.h"
#include "cli/redact.h"
#include "cli/ui/text.h"
#include "json/read.h"
#include "json/write.h"

static const struct opt options[] = {
    {"--explain", NULL, "by name or id, and each variable with the place it comes from", SC_FLAG,
     false},
};

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

/* Where a variable came from: what isn't among the app's is an attribute that pm2 hands on, and
 * what has no source is from the shell of the start, unless the programs of pm2 put it there. */
static const char *source_of(const json_t *env, const json_t *from, const char *key)
{
    static const char *const own[] = {"PM2_USAGE", "unique_id"};
    const char *source = json_get_str(from, key);
    if (source)
        return source;
    if (!json_has(json_object_get(env, "env"), key))
        return "pm2";
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (strcmp(key, own[i]) == 0)
            return "pm2";
    return from ? "shell" : "unknown";
}

static void show_one(struct cli *cli, const json_t *env, const json_t *from, const char *key,
                     bool explains)
{
    AUTO(buf) line = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) source = BUF_INIT;
    add_text(&text, json_object_get(env, key));
    buf_printf(&line, "%s: ", key);
    style_add(&line, cli->ui.color[UI_OUT], STYLE_GREEN, buf_str(&text));
    if (explains) {
        buf_add_c(&source, "  (");
        text_clean(&source, str_from(source_of(env, from, key)));
        buf_add_byte(&source, ')');
        style_add(&line, cli->ui.color[UI_OUT], STYLE_GREY, buf_str(&source));
    }
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static void show(struct cli *cli, const json_t *env, const json_t *from, bool explains)
{
    const char **keys = mem_alloc(json_object_size(env) * sizeof(*keys));
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)env, key, value)
        if (!is_hidden(key, value))
            keys[count++] = key;
    while (count-- > 0)
        show_one(cli, env, from, keys[count], explains);
    free((void *)keys);
}

/* Each process that the name or id means, under a title when there are several. */
static int show_explained(struct cli *cli, const json_t *list, const char *target)
{
    size_t i;
    json_t *proc;
    if (json_array_size(list) == 0) {
        ui_error(&cli->ui, "Process or Namespace %s not found", target);
        return 1;
    }
    json_array_foreach (list, i, proc) {
        const char *name = json_get_str(proc, "name");
        AUTO(buf) title = BUF_INIT;
        buf_printf(&title, "%s%lld|", i > 0 ? "\n" : "",
                   (long long)json_integer_value(json_object_get(proc, "id")));
        text_clean(&title, str_from(name ? name : ""));
        if (json_array_size(list) > 1)
            ui_line(&cli->ui, UI_OUT, buf_str(&title));
        show(cli, json_object_get(proc, "env"), json_object_get(proc, "from"), true);
    }
    return 0;
}

/* One environment, or with --explain a list of them. */
static void redact_answer(const struct redact *r, json_t *answer, bool is_list)
{
    size_t i;
    json_t *proc;
    if (!is_list)
        redact_env(r, answer);
    json_array_foreach (answer, i, proc)
        redact_env(r, json_object_get(proc, "env"));
}

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    jw_obj_begin(&w);
    bool explains = args_has(args, "--explain");
    jw_kstr(&w, "id", args->position.at[0]);
    jw_kbool(&w, "explain", explains);
    jw_obj_end(&w);
    AUTO_JSON answer = cli_ask(cli, "c.env", buf_str(&request), CLI_ANSWER_MS);
    if (!answer)
        return 1;
    struct redact redact;
    int code = redact_init(&redact, cli);
    if (code != 0)
        return code;
    redact_answer(&redact, answer, explains);
    redact_fini(&redact);
    if (explains)
        return show_explained(cli, answer, args->position.at[0]);
    show(cli, answer, NULL, false);
    return 0;
}

const struct cmd cmd_env_entry = {
    .name = "env",
    .args = "<id>",
    CMD_OPTS(options),
    .summary = "print the environment variables of a process",
    .run = run,
};
