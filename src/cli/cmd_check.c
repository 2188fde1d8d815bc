/* SPDX-License-Identifier: MIT
 * pm2 check: everything that a start of a process file would find wrong with it, without a daemon
 * and without starting anything. */
#include <stdlib.h>

#include "app/app_set.h"
#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/files.h"
#include "host/world.h"
#include "json/read.h"
#include "json/write.h"

/* Of our environment what a check goes by. */
static json_t *own_environment(void)
{
    static const char *const names[] = {"PATH", "HOME"};
    json_t *env = json_object();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value)
            json_object_set_new(env, names[i], json_string(value));
    }
    return env;
}

static void tell(struct cli *cli, const char *target, const struct app_set_notes *notes,
                 enum ui_stream to, enum ui_prefix prefix)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct app_set_note *n = &notes->items[i];
        if (n->line > 0)
            ui_message(&cli->ui, to, prefix, "%s:%ld: %s: %s", target, n->line, n->path, n->text);
        else if (n->path && n->path[0])
            ui_message(&cli->ui, to, prefix, "%s: %s: %s", target, n->path, n->text);
        else
            ui_message(&cli->ui, to, prefix, "%s: %s", target, n->text);
    }
}

/* Apps whose script, folder or interpreter is not there; their number. */
static size_t tell_failures(struct cli *cli, const char *target, const struct app_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct app_set_item *item = &set->items[i];
        if (!item->failure)
            continue;
        ui_error(&cli->ui, "%s: %s: %s", target, item->name, item->failure);
        count++;
    }
    return count;
}

static int build(struct cli *cli, const struct args *args, const struct procfile *file,
                 struct app_set *ret, struct err *e)
{
    struct app_world world;
    AUTO_JSON env = own_environment();
    AUTO_JSON only = files_only(args);
    const char *env_name = args_value(args, "--env");
    struct app_set_request rq = {
        .apps = file->apps,
        .apps_at = file->apps_at,
        .file = file->path,
        .lines = file->lines,
        .only = only,
        .env_name = env_name,
        .deploy_env =
            json_object_get(env_name ? json_object_get(file->deploy, env_name) : NULL, "env"),
        .cwd = cli->cwd,
        .env = env,
        .home = cli->paths.home,
        .log_dir = cli->paths.log_dir,
        .pid_dir = cli->paths.pid_dir,
        .is_check = true,
    };
    world_init(&world);
    return app_set_build(&rq, &world, ret, e);
}

/* Most files are right: lines are looked for when there is something to say, and then all of it is
 * found a second time. */
static int build_with_lines(struct cli *cli, const struct args *args, struct procfile *file,
                            struct app_set *ret, struct err *e)
{
    int rc = build(cli, args, file, ret, e);
    if (rc < 0 || ret->errors.count + ret->warnings.count == 0)
        return rc;
    app_set_fini(ret);
    rc = procfile_find_lines(file);
    return rc < 0 ? err_set(e, rc, "out of memory") : build(cli, args, file, ret, e);
}

static int check(struct cli *cli, const struct args *args, struct procfile *file,
                 const char *target)
{
    struct err e = {0};
    struct app_set set = {0};
    if (build_with_lines(cli, args, file, &set, &e) < 0)
        return cli_fail(cli, &e);
    tell(cli, target, &set.warnings, UI_OUT, UI_WARN);
    tell(cli, target, &set.errors, UI_ERR, UI_ERROR);
    size_t errors = set.errors.count + tell_failures(cli, target, &set);
    if (errors == 0)
        ui_info(&cli->ui, "%s: %zu app%s, no errors", target, set.count, set.count == 1 ? "" : "s");
    app_set_fini(&set);
    return errors > 0;
}

/* What was read, as the Node package hands it on to the daemon. */
static int print(struct cli *cli, const struct procfile *file)
{
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_obj_begin(&w);
    jw_kdom(&w, "apps", file->apps);
    jw_kstr(&w, "apps_at", file->apps_at);
    if (file->path)
        jw_kstr(&w, "file", file->path);
    if (file->lines)
        jw_kdom(&w, "lines", file->lines);
    if (file->deploy)
        jw_kdom(&w, "deploy", file->deploy);
    jw_obj_end(&w);
    ui_line(&cli->ui, UI_OUT, buf_str(&text));
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    struct procfile file;
    bool prints = args_has(args, "--print");
    const char *target = args->position.at[0];
    if (!files_check(cli, target))
        return 1;
    if (files_read(cli, target, !prints, &file) != 0)
        return 1;
    int code = prints ? print(cli, &file) : check(cli, args, &file, target);
    procfile_fini(&file);
    return code;
}

static const struct opt options[] = {
    {"--print", NULL, "print what was read as JSON, check nothing", SC_FLAG, false},
};

const struct cmd cmd_check_entry = {
    .name = "check",
    .args = "<json>",
    .summary = "look for errors in a process file, start nothing",
    .flags = CMD_ATTRIBUTES,
    CMD_OPTS(options),
    .run = run,
};
