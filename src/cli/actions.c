/* SPDX-License-Identifier: MIT
 * Requests of the compact methods and the lines that PM2 prints about them. */
#include "cli/actions.h"

#include <string.h>

#include "base/limits.h"
#include "cli/ext.h"
#include "cli/files.h"
#include "cli/foreground.h"
#include "cli/last_words.h"
#include "cli/secret_fd.h"
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
    foreground_note(cli, id);
}

void action_tell_cron(struct cli *cli, const struct args *args)
{
    action_tell_schedule(cli, args_value(args, "--cron-restart"));
}

void action_tell_schedule(struct cli *cli, const char *pattern)
{
    if (!pattern)
        return;
    if (strcmp(pattern, "0") == 0)
        ui_info(&cli->ui, "disabling cron restart");
    else
        ui_info(&cli->ui, "cron restart at %s", pattern);
}

/* A stopped app may not stay so. */
static void warn_of_schedule(struct cli *cli, const json_t *done)
{
    AUTO(buf) name = BUF_INIT;
    const char *pattern = json_get_str(done, "cron_restart");
    if (!pattern)
        return;
    style_add(&name, cli->ui.color[UI_OUT], STYLE_BOLD, str_from(json_get_str(done, "name")));
    ui_message(&cli->ui, UI_OUT, UI_WARN, "App %s stopped but CRON RESTART is still UP %s",
               name.data ? name.data : "", pattern);
}

bool action_tell_folder(struct cli *cli, const char *warning)
{
    static const char missing[] = "Folder does not exist: ";
    if (strncmp(warning, missing, sizeof(missing) - 1) != 0)
        return false;
    ui_message(&cli->ui, UI_ERR, UI_WARN, "%s", warning);
    ui_info(&cli->ui, "Creating folder: %s", warning + sizeof(missing) - 1);
    return true;
}

void action_tell_warnings(struct cli *cli, const json_t *warnings)
{
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        if (text && !action_tell_folder(cli, text))
            ui_message(&cli->ui, UI_OUT, UI_WARN, "%s", text);
    }
}

int action_fail(struct cli *cli, const char *text)
{
    bool nobody = strcmp(text, "No process found") == 0; /* PM2 only warns then, but exits 1 */
    ui_message(&cli->ui, UI_ERR, nobody ? UI_WARN : UI_ERROR, "%s", text);
    return 1;
}

json_t *action_options(struct cli *cli, const struct args *args)
{
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    const char *extensions = args_value(args, "--ext");
    args_write_options(args, &w);
    json_t *options = json_read(buf_str(&text), NULL);
    if (options && extensions)
        ext_apply(cli, options, extensions);
    return options;
}

void action_write_changes(struct cli *cli, const struct args *args, struct jw *w)
{
    AUTO_JSON options = action_options(cli, args);
    jw_kdom(w, "options", options);
    if (!args->has_literal)
        return;
    jw_key(w, "args");
    jw_arr_begin(w);
    for (size_t i = 0; i < args->literal.count; i++)
        jw_str(w, args->literal.at[i]);
    jw_arr_end(w);
}

int action_write_env(struct cli *cli, struct jw *w, bool from_file)
{
    int code = 0;
    jw_key(w, "env");
    jw_obj_begin(w);
    for (char **at = environ; *at; at++) {
        const char *eq = strchr(*at, '=');
        if (!eq || eq == *at)
            continue;
        const char *text = secret_fd_text(cli, *at, eq + 1);
        jw_key_str(w, (struct str){*at, (size_t)(eq - *at)});
        jw_str(w, text ? text : "");
        code = text ? code : 1;
    }
    jw_kstr(w, "PM2_USAGE", "CLI"); /* apps of PM2 see these, and some look for them */
    if (from_file)
        jw_kstr(w, "PM2_JSON_PROCESSING", "true");
    jw_obj_end(w);
    return code;
}

int action_write_parallel(struct cli *cli, const struct args *args, struct jw *w)
{
    long long n;
    const char *text = args_value(args, "--parallel");
    if (!text)
        return 0;
    if (!str_to_int(str_from(text), &n) || n < 1 || n > LIMIT_INSTANCES) {
        ui_error(&cli->ui, "--parallel %s: expected a number from 1 to %d", text, LIMIT_INSTANCES);
        return 1;
    }
    jw_kint(w, "parallel", n);
    return 0;
}

static int write_request(struct cli *cli, const struct args *args, const struct action *action,
                         const char *target, struct buf *out)
{
    int code = 0;
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", action->name);
    jw_kstr(&w, "target", target);
    jw_kstr(&w, "cwd", cli->cwd);
    if (action->changes) {
        action_write_changes(cli, args, &w);
        if (args_has(args, "--update-env"))
            code = action_write_env(cli, &w, false);
        if (code == 0)
            code = action_write_parallel(cli, args, &w);
    }
    jw_obj_end(&w);
    return code;
}

static void tell_notice(struct cli *cli, const struct args *args, const struct action *action)
{
    AUTO(buf) notice = BUF_INIT;
    if (action->notice && !args_has(args, "--update-env")) {
        style_add(&notice, cli->ui.color[UI_OUT], STYLE_BLUE_BOLD, str_from(action->notice));
        ui_line(&cli->ui, UI_OUT, buf_str(&notice));
    }
    ui_flush();
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
    tell_notice(cli, args, action);
    if (action->changes)
        action_tell_cron(cli, args);
    if (write_request(cli, args, action, target, &request) != 0)
        return 1;
    if (cli_call(cli, "c.act", buf_str(&request), 0, &reply, &e) < 0)
        return action_fail(cli, e.msg);
    AUTO_JSON result = json_read(reply, &e);
    if (!result)
        return cli_fail(cli, &e);
    action_tell(cli, action->method, target, json_object_get(result, "ids"));
    json_array_foreach (json_object_get(result, "done"), i, done) {
        action_tell_done(cli, json_get_str(done, "name"),
                         json_integer_value(json_object_get(done, "id")));
        warn_of_schedule(cli, done);
    }
    action_tell_warnings(cli, json_object_get(result, "warnings"));
    const char *error = json_get_str(result, "error");
    if (error && action->tells_logs && json_has(result, "failed"))
        last_words_tell(cli, json_object_get(result, "failed"));
    return error ? action_fail(cli, error) : 0;
}

/* PM2's words, and its rule: --env without a file is an error here, and nothing in start. */
static int check_env_name(struct cli *cli, const struct args *args)
{
    if (!args_has(args, "--env") || files_is(args->position.at[0]))
        return 0;
    ui_error(&cli->ui, "Using --env [env] without passing the ecosystem.config.js does not work");
    return 1;
}

int action_run(struct cli *cli, const struct args *args, const struct action *action)
{
    int code = action->changes ? check_env_name(cli, args) : 0;
    cli->attaches = action->attaches && args_has(args, "--attach");
    if (code == 0 && cli_connect(cli, CLI_LAUNCH) < 0)
        code = 1;
    for (size_t i = 0; i < args->position.count && code == 0; i++) {
        const char *target = args->position.at[i];
        const struct file_order order = {.action = action->file,
                                         .method = action->method,
                                         .terse = strcmp(target, "-") == 0};
        if (action->file && files_is(target))
            code = files_run(cli, args, target, &order);
        else
            code = act_on(cli, args, action, target);
    }
    return code || action->no_list ? code : cli_list(cli, args);
}
