/* SPDX-License-Identifier: MIT
 * From the words of a start to a process file that means the same. */
#include "cli/config_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/names.h"
#include "app/schema.h"
#include "cli/actions.h"
#include "os/fd.h"
#include "json/read.h"

#define INDENT 2

/* How the app was started, and not what it is. */
static const char *const not_kept[] = {"force", "write"};

static json_t *make(struct cli *cli, const struct args *args, const char *script, const char *name)
{
    struct err ignored = {0};
    AUTO_JSON given = action_options(cli, args);
    AUTO_JSON checked = schema_validate(given, false, NULL, &ignored);
    json_t *app = json_pack("{s:s, s:s}", "name", name, "script", script);
    json_t *words = json_array();
    for (size_t i = 0; i < args->literal.count; i++)
        json_array_append_new(words, json_string(args->literal.at[i]));
    for (size_t i = 0; i < ARRAY_LEN(not_kept); i++)
        json_object_del(checked, not_kept[i]);
    json_object_update(app, checked ? checked : given);
    json_object_set_new(app, "name", json_string(name));
    if (json_array_size(words) > 0)
        json_object_set(app, "args", words);
    json_decref(words);
    return app;
}

/* As any program writes a file of the user's: with his umask, over what is there. */
static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

int config_out_write(struct cli *cli, const struct args *args, const char *script)
{
    AUTO(buf) name = BUF_INIT;
    AUTO(buf) path = BUF_INIT;
    const char *given = args_value(args, "--name");
    if (given)
        buf_add_c(&name, given);
    else if (name_default(script, &name) < 0)
        return 1;
    buf_printf(&path, "%s/", cli->cwd);
    if (name_stem(name.data, &path) < 0)
        return 1;
    buf_add_c(&path, "-pm2.json");
    AUTO_JSON app = make(cli, args, script, name.data);
    char *text = json_dumps(app, JSON_INDENT(INDENT));
    ui_info(&cli->ui, "Writing configuration to %s", path.data);
    int rc = text ? write_text(path.data, text) : -ENOMEM;
    free(text);
    if (rc == 0)
        return 0;
    ui_error(&cli->ui, "cannot write %s: %s", path.data, err_text(rc));
    return 1;
}
