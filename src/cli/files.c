/* SPDX-License-Identifier: MIT
 * Process files as targets. */
#include "cli/files.h"

#include <string.h>

#include "app/schema.h"
#include "base/attr.h"
#include "cli/actions.h"
#include "cli/foreground.h"
#include "cli/last_words.h"
#include "cli/secret_fd.h"
#include "json/read.h"
#include "json/write.h"

bool files_is(const char *target)
{
    return procfile_kind(target) != PROCFILE_NONE;
}

bool files_check(struct cli *cli, const char *target)
{
    if (files_is(target))
        return true;
    ui_error(&cli->ui, "%s is not a process file (.json, .yml, .config.js ...)", target);
    return false;
}

int files_read(struct cli *cli, const char *target, bool lazily, struct procfile *ret)
{
    struct err e = {0};
    ui_flush(); /* what a JavaScript file prints comes behind what we printed */
    int rc = lazily ? procfile_read_lazily(target, cli->cwd, ret, &e)
                    : procfile_read(target, cli->cwd, ret, &e);
    if (rc == 0)
        return 0;
    /* "File X malformated" has a line to itself, as in PM2; what is wrong comes below */
    char *why = strstr(e.msg, "malformated: ");
    char *blank = why ? strchr(why, ' ') : NULL;
    if (blank) {
        blank[-1] = '\0';
        ui_error(&cli->ui, "%s\n%s", e.msg, blank + 1);
    } else {
        ui_error(&cli->ui, "%s", e.msg);
    }
    return 1;
}

json_t *files_only(const struct args *args)
{
    json_t *names = json_array();
    const char *at = args_value(args, "--only");
    while (at && *at) {
        size_t n = strcspn(at, ", ");
        if (n > 0)
            json_array_append_new(names, json_stringn(at, n));
        at += n + (at[n] != '\0');
    }
    return names;
}

/* Of the attributes on the command line only these reach apps of a file, as in PM2. */
static void write_overlay(struct cli *cli, const struct args *args, struct jw *w)
{
    static const char *const keys[] = {"namespace", "watch", "uid", "gid", "cwd"};
    AUTO_JSON given = action_options(cli, args);
    jw_key(w, "overlay");
    jw_obj_begin(w);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_has(given, keys[i]))
            jw_kdom(w, keys[i], json_object_get(given, keys[i]));
    jw_obj_end(w);
}

static int write_request(struct cli *cli, const struct args *args, const struct procfile *file,
                         const char *action, struct buf *out)
{
    const char *env_name = args_value(args, "--env");
    AUTO_JSON only = files_only(args);
    AUTO_JSON given = action_options(cli, args);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", action);
    jw_kdom(&w, "apps", file->apps);
    jw_kstr(&w, "apps_at", file->apps_at);
    if (file->path)
        jw_kstr(&w, "file", file->path);
    if (file->lines)
        jw_kdom(&w, "lines", file->lines);
    if (env_name) {
        const json_t *stage = json_object_get(file->deploy, env_name);
        jw_kstr(&w, "env_name", env_name);
        if (json_is_object(json_object_get(stage, "env")))
            jw_kdom(&w, "deploy_env", json_object_get(stage, "env"));
    }
    jw_kdom(&w, "only", only);
    write_overlay(cli, args, &w);
    if (args_has(args, "--prune"))
        jw_kbool(&w, "prune", true);
    if (json_get_bool(given, "force", false))
        jw_kbool(&w, "force", true);
    int code = action_write_parallel(cli, args, &w);
    jw_kstr(&w, "cwd", cli->cwd);
    if (code == 0)
        code = action_write_env(cli, &w, true);
    jw_obj_end(&w);
    return code;
}

/* ---- what came of it ---- */

static void tell_note(struct cli *cli, const char *target, const json_t *note)
{
    const char *path = json_get_str(note, "path");
    const char *text = json_get_str(note, "text");
    int64_t line = 0;
    if (action_tell_folder(cli, text))
        return;
    bool has_line = json_get_int(note, "line", &line);
    if (!path || !*path)
        ui_message(&cli->ui, UI_OUT, UI_WARN, "%s", text);
    else if (has_line)
        ui_message(&cli->ui, UI_OUT, UI_WARN, "%s (%s, %s:%lld)", text, path, target,
                   (long long)line);
    else
        ui_message(&cli->ui, UI_OUT, UI_WARN, "%s (%s)", text, path);
}

bool files_tell_notes(struct cli *cli, const char *target, const json_t *answer)
{
    size_t i;
    json_t *note;
    const json_t *errors = json_object_get(answer, "errors");
    size_t count = json_array_size(errors);
    json_array_foreach (json_object_get(answer, "warnings"), i, note)
        tell_note(cli, target, note);
    json_array_foreach (errors, i, note)
        tell_note(cli, target, note);
    if (count > 0)
        ui_error(&cli->ui, "%s: %zu error%s, nothing was done", target, count,
                 count == 1 ? "" : "s");
    return count > 0;
}

static bool is_step(const json_t *app, const char *step)
{
    const char *has = json_get_str(app, "step");
    return has && strcmp(has, step) == 0;
}

static void tell_schedules(struct cli *cli, const json_t *apps)
{
    size_t i;
    json_t *app;
    json_array_foreach (apps, i, app)
        if (!is_step(app, "keep"))
            action_tell_schedule(cli, json_get_str(app, "cron_restart"));
}

static void tell_restarts(struct cli *cli, const json_t *apps, const struct file_order *order)
{
    size_t i, k;
    json_t *app, *id;
    json_array_foreach (apps, i, app)
        if (is_step(app, "restart") && !order->terse)
            action_tell(cli, order->method, json_get_str(app, "name"), json_object_get(app, "ids"));
    json_array_foreach (apps, i, app) {
        if (json_has(app, "note"))
            ui_message(&cli->ui, UI_OUT, UI_WARN, "%s", json_get_str(app, "note"));
        if (is_step(app, "restart") && !json_has(app, "error"))
            json_array_foreach (json_object_get(app, "ids"), k, id)
                action_tell_done(cli, json_get_str(app, "name"), json_integer_value(id));
    }
}

static void tell_missing(struct cli *cli, const json_t *apps)
{
    AUTO(buf) names = BUF_INIT;
    size_t i;
    json_t *app;
    json_array_foreach (apps, i, app)
        if (is_step(app, "start"))
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", json_get_str(app, "name"));
    if (names.len > 0)
        ui_message(&cli->ui, UI_OUT, UI_WARN, "Applications %s not running, starting...",
                   names.data);
}

static void tell_starts(struct cli *cli, const json_t *apps)
{
    size_t i, k;
    json_t *app, *id;
    tell_missing(cli, apps);
    json_array_foreach (apps, i, app) {
        const char *name = json_get_str(app, "name");
        if (!is_step(app, "start"))
            continue;
        if (json_has(app, "wait_ready"))
            ui_message(&cli->ui, UI_OUT, UI_WARN,
                       "App %s has option 'wait_ready' set, waiting for app to be ready...", name);
        if (json_has(app, "error"))
            continue;
        ui_info(&cli->ui, "App [%s] launched (%lld instances)", name,
                json_integer_value(json_object_get(app, "instances")));
        json_array_foreach (json_object_get(app, "ids"), k, id)
            foreground_note(cli, json_integer_value(id));
    }
}

/* Errors of single apps; exit code. */
static int tell_failures(struct cli *cli, const json_t *apps)
{
    int code = 0;
    size_t i;
    json_t *app;
    json_array_foreach (apps, i, app) {
        const char *error = json_get_str(app, "error");
        if (!error)
            continue;
        if (json_has(app, "failed"))
            last_words_tell(cli, json_object_get(app, "failed"));
        ui_error(&cli->ui, json_has(app, "launched") ? "Process failed to launch %s" : "Error: %s",
                 error);
        code = 1;
    }
    return code;
}

static void tell_ended(struct cli *cli, const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        action_tell_done(cli, json_get_str(item, "name"),
                         json_integer_value(json_object_get(item, "id")));
}

int files_tell(struct cli *cli, const char *target, const struct file_order *order,
               const json_t *answer)
{
    const char *error = json_get_str(answer, "error");
    const json_t *apps = json_object_get(answer, "apps");
    if (files_tell_notes(cli, target, answer))
        return 1;
    tell_ended(cli, json_object_get(answer, "done"));
    tell_ended(cli, json_object_get(answer, "removed"));
    if (error)
        return action_fail(cli, error);
    tell_schedules(cli, apps);
    tell_restarts(cli, apps, order);
    tell_starts(cli, apps);
    return tell_failures(cli, apps);
}

json_t *files_ask(struct cli *cli, const struct args *args, const char *target, const char *action)
{
    AUTO(buf) request = BUF_INIT;
    struct procfile file;
    json_t *answer = NULL;
    if (files_read(cli, target, false, &file) != 0)
        return NULL;
    if (secret_fd_apps(cli, file.apps) == 0 &&
        write_request(cli, args, &file, action, &request) == 0 && cli_connect(cli, CLI_LAUNCH) == 0)
        answer = cli_ask(cli, "c.file", buf_str(&request), 0);
    procfile_fini(&file);
    return answer;
}

int files_run(struct cli *cli, const struct args *args, const char *target,
              const struct file_order *order)
{
    AUTO_JSON answer = files_ask(cli, args, target, order->action);
    return answer ? files_tell(cli, target, order, answer) : 1;
}
