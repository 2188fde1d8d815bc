/* SPDX-License-Identifier: MIT
 * Modules that are there. */
#include "cli/modules.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/actions.h"
#include "cli/module_dir.h"
#include "cli/module_word.h"
#include "cli/settings_file.h"
#include "json/read.h"
#include "json/write.h"

static void say(struct cli *cli, enum ui_stream to, const char *prefix, enum style style,
                const char *text)
{
    AUTO(buf) line = BUF_INIT;
    style_add(&line, cli->ui.color[to], style, str_from(prefix));
    buf_add_c(&line, text);
    ui_line(&cli->ui, to, buf_str(&line));
}

void modules_say(struct cli *cli, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    say(cli, UI_OUT, "[PM2][Module] ", STYLE_GREEN, text);
}

void modules_complain(struct cli *cli, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    say(cli, UI_ERR, "[PM2][Module][ERROR] ", STYLE_RED, text);
}

const char *modules_register_of(const json_t *settings, const char *name)
{
    if (json_has(json_object_get(settings, MODULES_NPM), name))
        return MODULES_NPM;
    return json_has(json_object_get(settings, MODULES_TAR), name) ? MODULES_TAR : NULL;
}

/* ---- what is to be started ---- */

/* The list that the package has, or a list of the one app or script that it names. */
static json_t *list_of(const json_t *package)
{
    json_t *apps = json_object_get(package, "apps");
    json_t *bin = json_object_get(package, "bin");
    json_t *main = json_object_get(package, "main");
    if (!apps)
        apps = json_object_get(package, "pm2");
    if (json_is_object(apps) && json_has(apps, "apps"))
        apps = json_object_get(apps, "apps");
    if (json_is_array(apps))
        return json_deep_copy(apps);
    if (json_is_object(apps))
        return json_pack("[o]", json_deep_copy(apps));
    if (json_is_object(bin))
        bin = json_object_iter_value(json_object_iter(bin));
    json_t *script = json_is_string(bin) ? bin : json_is_string(main) ? main : NULL;
    return json_pack("[{s:O?}]", "script", script);
}

/* The script lies in the package, whatever `cwd` says. */
static void place_script(json_t *app, const char *folder)
{
    const char *script = json_get_str(app, "script");
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/%s", folder, script ? script : "index.js");
    if ((!script || script[0] != '/') && access(path.data, F_OK) == 0)
        json_object_set_new(app, "script", json_string(path.data));
}

static int complete(json_t *app, const char *name, bool is_named, const char *folder, struct err *e)
{
    const char *own = json_get_str(app, "name");
    AUTO(buf) full = BUF_INIT;
    if (!json_is_object(app))
        return err_set(e, -EINVAL, "package.json of %s: apps: expected objects", name);
    place_script(app, folder);
    if (!json_get_str(app, "script"))
        return err_set(e, -EINVAL,
                       "%s is no module: its package.json has no apps, bin or main to start", name);
    buf_add_c(&full, name);
    if (is_named && own && strcmp(own, name) != 0)
        buf_printf(&full, ":%s", own);
    json_object_set_new(app, "name", json_string(full.data));
    if (!json_has(app, "cwd"))
        json_object_set_new(app, "cwd", json_string(folder));
    return 0;
}

json_t *modules_apps(const json_t *package, const char *name, const char *folder, bool is_tar,
                     struct err *e)
{
    size_t i;
    json_t *app;
    AUTO_JSON apps = list_of(package);
    if (json_array_size(apps) == 0) {
        err_set(e, -EINVAL, "package.json of %s: apps is empty", name);
        return NULL;
    }
    json_array_foreach (apps, i, app)
        if (complete(app, name, is_tar || json_array_size(apps) > 1, folder, e) < 0)
            return NULL;
    return json_incref(apps);
}

/* ---- processes ---- */

json_t *modules_start(struct cli *cli, const json_t *apps, const char *folder)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", "start");
    jw_kbool(&w, "module", true);
    jw_kdom(&w, "apps", apps);
    jw_kstr(&w, "apps_at", "apps");
    jw_kstr(&w, "cwd", folder);
    int code = action_write_env(cli, &w, true);
    jw_obj_end(&w);
    return code ? NULL : cli_ask(cli, "c.file", buf_str(&request), 0);
}

static bool is_of(const char *process, const char *name)
{
    size_t n = strlen(name);
    return process && strncmp(process, name, n) == 0 && (process[n] == '\0' || process[n] == ':');
}

json_t *modules_processes(struct cli *cli, const char *name, bool *ret_taken)
{
    size_t i;
    json_t *row;
    AUTO_JSON list = cli_ask(cli, "c.list", STR("{\"brief\":true}"), CLI_ANSWER_MS);
    json_t *ids = list ? json_array() : NULL;
    if (ret_taken)
        *ret_taken = false;
    json_array_foreach (list, i, row) {
        const char *process = json_get_str(row, "name");
        bool is_module = json_get_bool(row, "module", false);
        if (is_module && is_of(process, name))
            json_array_append(ids, json_object_get(row, "id"));
        else if (!is_module && ret_taken && process && strcmp(process, name) == 0)
            *ret_taken = true;
    }
    return ids;
}

int64_t modules_restarts(struct cli *cli, const char *name)
{
    size_t i;
    json_t *row;
    int64_t most = 0;
    AUTO_JSON list = cli_ask(cli, "c.list", STR("{\"brief\":true}"), CLI_ANSWER_MS);
    json_array_foreach (list, i, row) {
        int64_t n = 0;
        if (json_get_bool(row, "module", false) && is_of(json_get_str(row, "name"), name) &&
            json_get_int(row, "restarts", &n) && n > most)
            most = n;
    }
    return list ? most : -1;
}

int modules_end(struct cli *cli, const char *name)
{
    size_t i;
    json_t *id;
    AUTO_JSON ids = modules_processes(cli, name, NULL);
    if (!ids)
        return 1;
    json_array_foreach (ids, i, id) {
        AUTO(buf) request = BUF_INIT;
        char target[24];
        struct jw w = jw_to(&request);
        (void)snprintf(target, sizeof(target), "%lld", (long long)json_integer_value(id));
        jw_obj_begin(&w);
        jw_kstr(&w, "action", "delete");
        jw_kstr(&w, "target", target);
        jw_kstr(&w, "cwd", cli->cwd);
        jw_obj_end(&w);
        AUTO_JSON answer = cli_ask(cli, "c.act", buf_str(&request), 0);
        if (!answer)
            return 1;
    }
    return 0;
}

int modules_tell_daemon(struct cli *cli)
{
    AUTO_JSON answer = cli_ask(cli, "c.settings", STR(""), 0);
    return answer ? 0 : 1;
}

/* ---- with a new daemon ---- */

static void start_one(struct cli *cli, const char *name, bool is_tar)
{
    struct err e = {0};
    AUTO(buf) folder = BUF_INIT;
    module_dir_package(cli->paths.module_dir, name, is_tar, &folder);
    if (!module_name_ok(name)) /* of a file that somebody edited */
        err_set(&e, -EINVAL, "that is no name of a module");
    AUTO_JSON package = e.code == 0 ? module_dir_read(folder.data, &e) : NULL;
    AUTO_JSON apps = package ? modules_apps(package, name, folder.data, is_tar, &e) : NULL;
    AUTO_JSON there = apps ? modules_processes(cli, name, NULL) : NULL;
    if (!apps)
        modules_complain(cli, "%s is not started: %s; pm2 uninstall %s, or install it again", name,
                         e.msg, name);
    if (!there || json_array_size(there) > 0)
        return;
    AUTO_JSON answer = modules_start(cli, apps, folder.data);
    size_t i;
    json_t *app;
    json_array_foreach (json_object_get(answer, "apps"), i, app)
        if (json_has(app, "error"))
            modules_complain(cli, "%s is not started: %s", name, json_get_str(app, "error"));
    if (json_array_size(json_object_get(answer, "errors")) > 0)
        modules_complain(cli, "%s is not started: its package.json has errors; install it again",
                         name);
}

/* Its lines are on stderr, like those of the launch: standard output may be JSON. */
static void start_registered(struct cli *cli, const json_t *names, bool is_tar)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)names, name, value) {
        AUTO(buf) line = BUF_INIT;
        buf_printf(&line, "Starting %s module %s", is_tar ? "TAR" : "NPM", name);
        say(cli, UI_ERR, "[PM2][Module] ", STYLE_GREEN, line.data);
        start_one(cli, name, is_tar);
    }
}

void modules_start_all(struct cli *cli)
{
    AUTO_JSON settings = settings_file_read(cli);
    start_registered(cli, json_object_get(settings, MODULES_NPM), false);
    start_registered(cli, json_object_get(settings, MODULES_TAR), true);
}
