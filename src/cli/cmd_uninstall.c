/* SPDX-License-Identifier: MIT
 * pm2 uninstall */
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/module_dir.h"
#include "cli/module_word.h"
#include "cli/modules.h"
#include "cli/settings_file.h"
#include "os/atomic_file.h"
#include "json/read.h"

static int forget(json_t *root, const void *ctx, struct err *e)
{
    const char *name = ctx;
    (void)e;
    (void)json_object_del(json_object_get(root, MODULES_NPM), name);
    (void)json_object_del(json_object_get(root, MODULES_TAR), name);
    return 0;
}

/* Its settings stay, as in PM2: it may come back. */
static int remove_one(struct cli *cli, const char *name)
{
    struct err e = {0};
    AUTO(buf) folder = BUF_INIT;
    modules_say(cli, "Uninstalling module %s", name);
    if (settings_file_change(cli, forget, name) != 0 || modules_end(cli, name) != 0 ||
        modules_tell_daemon(cli) != 0)
        return 1;
    if (!module_name_ok(name)) /* of a file that somebody edited */
        return 0;
    module_dir_package(cli->paths.module_dir, name, true, &folder);
    modules_say(cli, "Deleting %s", folder.data);
    return module_dir_remove(folder.data, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int remove_some(struct cli *cli, const json_t *settings, const char *word)
{
    static const char *const registers[] = {MODULES_NPM, MODULES_TAR};
    int code = 0;
    AUTO(buf) name = BUF_INIT;
    module_word_name(word, &name);
    if (strcmp(word, "all") != 0) {
        if (modules_register_of(settings, name.data))
            return remove_one(cli, name.data);
        modules_say(cli, "Uninstalling module %s", name.data);
        modules_complain(cli, "Unknown module");
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(registers); i++) {
        const char *each;
        json_t *value;
        json_object_foreach (json_object_get(settings, registers[i]), each, value)
            if (code == 0)
                code = remove_one(cli, each);
    }
    return code;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    int lock = lock_folder(cli->paths.module_dir, &e);
    if (lock < 0)
        return cli_fail(cli, &e);
    AUTO_JSON settings = settings_file_read(cli);
    int code = settings ? remove_some(cli, settings, args->position.at[0]) : 1;
    lock_free(lock);
    return code ? code : cli_list(cli, args);
}

const struct cmd cmd_uninstall_entry = {
    .name = "uninstall",
    .aliases = {"module:uninstall"},
    .args = "<module>",
    .summary = "remove a module; its settings stay",
    .run = run,
};
