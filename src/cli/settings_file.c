/* SPDX-License-Identifier: MIT
 * module_conf.json, read and replaced as a whole. */
#include "cli/settings_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "client/home.h"
#include "os/atomic_file.h"
#include "json/read.h"

#define INDENT 4 /* as PM2 writes it; people edit the file by hand */

json_t *settings_file_read(struct cli *cli)
{
    struct err e = {0};
    AUTO(buf) text = BUF_INIT;
    int rc = file_read(cli->paths.module_conf, LIMIT_SETTINGS_BYTES, &text, &e);
    if (rc == -ENOENT)
        return json_object();
    json_t *root = rc == 0 ? json_read(buf_str(&text), &e) : NULL;
    if (json_is_object(root))
        return root;
    ui_error(&cli->ui, "%s cannot be used: %s; mend it or move it away", cli->paths.module_conf,
             root ? "it is not an object" : e.msg);
    json_decref(root);
    return NULL;
}

static int write_back(struct cli *cli, const json_t *root, struct err *e)
{
    char *text = json_dumps(root, JSON_INDENT(INDENT));
    if (!text)
        return err_set(e, -ENOMEM, "out of memory");
    int rc = file_replace(cli->paths.module_conf, str_from(text), e);
    free(text);
    return rc;
}

int settings_file_change(struct cli *cli, settings_change_fn *change, const void *ctx)
{
    struct err e = {0};
    const struct home_spec home = {.home = cli->paths.home,
                                   .log_dir = cli->paths.log_dir,
                                   .pid_dir = cli->paths.pid_dir,
                                   .module_dir = cli->paths.module_dir,
                                   .module_conf = cli->paths.module_conf};
    int lock = home_prepare(&home, &e);
    if (lock == 0)
        lock = lock_folder(cli->paths.home, &e);
    if (lock < 0)
        return cli_fail(cli, &e);
    AUTO_JSON root = settings_file_read(cli);
    int code = root ? 0 : 1;
    if (root && (change(root, ctx, &e) < 0 || write_back(cli, root, &e) < 0))
        code = cli_fail(cli, &e);
    lock_free(lock);
    return code;
}

static void tell_value(struct cli *cli, const char *module, const char *key, const json_t *value)
{
    AUTO(buf) text = BUF_INIT;
    if (json_is_string(value)) {
        buf_add_c(&text, json_string_value(value));
    } else {
        char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        buf_add_c(&text, json ? json : "");
        free(json);
    }
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "$ pm2 set %s:%s %s", module, key, buf_str(&text).n > 0 ? text.data : "");
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

void settings_tell(struct cli *cli, const json_t *root, const char *only)
{
    const char *module, *key;
    json_t *own, *value;
    json_object_foreach ((json_t *)root, module, own) {
        AUTO(buf) head = BUF_INIT;
        bool shown = json_is_object(own) && (!only || strcmp(only, module) == 0);
        bool is_register =
            strcmp(module, "module-db-v2") == 0 || strcmp(module, "tar-modules") == 0;
        if (!shown || is_register) /* what is installed, not a setting */
            continue;
        style_add(&head, cli->ui.color[UI_OUT], STYLE_BOLD, STR("Module: "));
        style_add(&head, cli->ui.color[UI_OUT], STYLE_BOLD_BLUE, str_from(module));
        ui_line(&cli->ui, UI_OUT, buf_str(&head));
        json_object_foreach (own, key, value)
            tell_value(cli, module, key, value);
    }
}
