/* SPDX-License-Identifier: MIT
 * Requests of the compact methods and the lines that PM2 prints about them. */
#include "cli/actions.h"

#include <string.h>

#include "cli/ui/inspect.h"
#include "json/read.h"

extern char **environ;

void action_tell(struct cli *cli, const char *method, const char *target, const json_t *ids)
{
    AUTO(buf) text = BUF_INIT;
    inspect_value(&text, ids);
    ui_info(&cli->ui, "Applying action %s on app [%s](ids: %s)", method, target, text.data);
}

void action_tell_done(struct cli *cli, const char *name, long long id)
{
    ui_info(&cli->ui, "[%s](%lld) ✓", name ? name : "", id);
}

void action_tell_warnings(struct cli *cli, const json_t *warnings)
{
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        ui_message(&cli->ui, UI_OUT, UI_WARN, "%s", text ? text : "");
    }
}

int action_fail(struct cli *cli, const char *text)
{
    bool nobody = strcmp(text, "No process found") == 0; /* PM2 only warns then, but exits 1 */
    ui_message(&cli->ui, UI_ERR, nobody ? UI_WARN : UI_ERROR, "%s", text);
    return 1;
}

void action_write_changes(const struct args *args, struct jw *w)
{
    jw_key(w, "options");
    args_write_options(args, w);
    if (!args->has_literal)
        return;
    jw_key(w, "args");
    jw_arr_begin(w);
    for (size_t i = 0; i < args->literal.count; i++)
        jw_str(w, args->literal.at[i]);
    jw_arr_end(w);
}

void action_write_env(struct jw *w)
{
    jw_key(w, "env");
    jw_obj_begin(w);
    for (char **at = environ; *at; at++) {
        const char *eq = strchr(*at, '=');
        if (!eq || eq == *at)
            continue;
        jw_key_str(w, (struct str){*at, (size_t)(eq - *at)});
        jw_str(w, eq + 1);
    }
    jw_kstr(w, "PM2_USAGE", "CLI"); /* apps of PM2 see it, and some look for it */
    jw_obj_end(w);
}

static void write_request(struct cli *cli, const struct args *args, const struct action *action,
                          const char *target, struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", action->name);
    jw_kstr(&w, "target", target);
    jw_kstr(&w, "cwd", cli->cwd);
    if (action->changes) {
        action_write_changes(args, &w);
        if (args_has(args, "--update-env"))
            action_write_env(&w);
    }
    jw_obj_end(&w);
}

/* One target; exit code. */
static int act_on(struct cli *cli, const struct args *args, const struct action *action,
                  const char *target)
{
    AUTO(buf) request = BUF_INIT;
    struct err e = {0};
    struct str reply;
    size_t i;
    json_t *done;
    write_request(cli, args, action, target, &request);
    if (cli_call(cli, "c.act", buf_str(&request), 0, &reply, &e) < 0)
        return action_fail(cli, e.msg);
    AUTO_JSON result = json_read(reply, &e);
    if (!result)
        return cli_fail(cli, &e);
    action_tell(cli, action->method, target, json_object_get(result, "ids"));
    json_array_foreach (json_object_get(result, "done"), i, done) {
        action_tell_done(cli, json_get_str(done, "name"),
                         json_integer_value(json_object_get(done, "id")));
    }
    action_tell_warnings(cli, json_object_get(result, "warnings"));
    const char *error = json_get_str(result, "error");
    return error ? action_fail(cli, error) : 0;
}

int action_run(struct cli *cli, const struct args *args, const struct action *action)
{
    for (size_t i = 0; i < args->position.count; i++)
        if (cli_refuse_config(cli, args->position.at[i]))
            return 1;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    for (size_t i = 0; i < args->position.count; i++) {
        AUTO(buf) notice = BUF_INIT;
        if (action->notice && !args_has(args, "--update-env")) {
            style_add(&notice, cli->ui.color[UI_OUT], STYLE_BLUE_BOLD, str_from(action->notice));
            ui_line(&cli->ui, UI_OUT, buf_str(&notice));
        }
        ui_flush();
        int code = act_on(cli, args, action, args->position.at[i]);
        if (code != 0)
            return code;
    }
    return cli_list(cli, args);
}
