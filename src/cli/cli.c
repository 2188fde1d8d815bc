/* SPDX-License-Identifier: MIT
 * From the command line to a command: parsing, the cases that need no daemon, dispatch. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/foreground.h"
#include "cli/help.h"
#include "cli/mem.h"
#include "os/users.h"

static const char *env_get(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static bool env_is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

/* PM2 looks for -s in the raw words, so that even errors of parsing are silent. */
static bool wants_silence(int argc, char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-s") == 0 || strcmp(argv[i], "--silent") == 0)
            return true;
    return env_is_set("PM2_SILENT");
}

bool cli_me(struct user_ids *ret)
{
    char uid[16];
    struct err ignored;
    snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    return users_lookup(uid, NULL, ret, &ignored) == 0;
}

static int cli_init(struct cli *cli, struct err *e)
{
    struct user_ids me = {0};
    cli->cwd = getcwd(NULL, 0);
    if (!cli->cwd)
        cli->cwd = mem_dup("/", 1); /* the folder was removed: absolute paths still work */
    if (!env_is_set("HOME"))
        (void)cli_me(&me);
    int rc = pm2_paths_init(&cli->paths, env_get, NULL, me.home[0] ? me.home : NULL, cli->cwd, e);
    user_ids_fini(&me);
    return rc;
}

static void cli_fini(struct cli *cli)
{
    client_free(cli->client);
    json_decref(cli->acted);
    json_decref(cli->descriptors);
    pm2_paths_fini(&cli->paths);
    free(cli->cwd);
}

/* commander's look, which scripts compare: a blank line above and below, two blanks in front. */
static int usage_error(struct cli *cli, const char *text)
{
    AUTO(buf) out = BUF_INIT;
    buf_printf(&out, "\n  error: %s\n\n", text);
    ui_text(&cli->ui, UI_ERR, buf_str(&out));
    return 1;
}

static int short_usage(struct cli *cli)
{
    AUTO(buf) out = BUF_INIT;
    help_usage(&out);
    ui_text(&cli->ui, UI_OUT, buf_str(&out));
    return 1;
}

static int unknown_command(struct cli *cli)
{
    AUTO(buf) text = BUF_INIT;
    style_add(&text, cli->ui.color[UI_OUT], STYLE_BOLD, STR("Command not found"));
    ui_message(&cli->ui, UI_OUT, UI_ERROR, "%s", text.data);
    ui_line(&cli->ui, UI_OUT, STR(""));
    return short_usage(cli);
}

static int too_many_words(struct cli *cli, const char *word)
{
    AUTO(buf) out = BUF_INIT;
    ui_info(&cli->ui, "\nUnknown command argument: %s", word);
    help_all(&out);
    ui_text(&cli->ui, UI_OUT, buf_str(&out));
    return 1;
}

static int show_help(struct cli *cli, const struct cmd *cmd)
{
    AUTO(buf) out = BUF_INIT;
    if (cmd)
        help_command(cmd, &out);
    else
        help_all(&out);
    ui_text(&cli->ui, UI_OUT, buf_str(&out));
    return 0;
}

static int run_command(struct cli *cli, const struct cmd *cmd, struct args *a)
{
    struct err e = {0};
    char missing[128];
    if (args_later(a))
        return cli_not_available(cli, args_later(a)->typed);
    if (!(cmd->flags & CMD_LITERAL))
        args_take_literal(a);
    if (args_missing(a, cmd->args, missing, sizeof(missing))) {
        err_set(&e, -EINVAL, "missing required argument `%s'", missing);
        return usage_error(cli, e.msg);
    }
    if ((cmd->flags & CMD_NO_EXTRA) && a->position.count > 0)
        return too_many_words(cli, a->position.at[0]);
    if (cli_init(cli, &e) < 0)
        return cli_fail(cli, &e);
    cli->stays = args_has(a, "--no-daemon");
    if (cli->stays)
        ui_line(&cli->ui, UI_OUT, STR("pm2 launched in no-daemon mode"));
    int code = cmd->run(cli, a);
    foreground_end(cli);
    return code;
}

static int dispatch(struct cli *cli, struct args *a)
{
    struct err e = {0};
    const struct cmd *cmd = a->command ? cmd_find(a->command) : NULL;
    if (args_has(a, "--version")) {
        ui_line(&cli->ui, UI_OUT, STR(CLI_PM2_VERSION));
        return 0;
    }
    if (cmd && !cmd->run)
        return cli_not_available(cli, a->command);
    if (args_parse_own(a, cmd ? cmd->opts : NULL, cmd ? cmd->opt_count : 0, &e) < 0)
        return usage_error(cli, e.msg);
    if (args_has(a, "--dump-commands")) {
        AUTO(buf) out = BUF_INIT;
        help_dump(&out);
        ui_data(buf_str(&out));
        return 0;
    }
    if (a->help && (cmd || !a->command))
        return show_help(cli, cmd);
    if (!a->command)
        return short_usage(cli);
    return cmd ? run_command(cli, cmd, a) : unknown_command(cli);
}

int cli_main(int argc, char *const *argv)
{
    struct cli cli = {0};
    struct args a;
    struct err e = {0};
    args_init(&a);
    int parsed = args_parse(&a, argc, argv, &e);
    const struct ui_flags flags = {.silent = wants_silence(argc, argv),
                                   .color = args_has(&a, "--color"),
                                   .no_color = args_has(&a, "--no-color")};
    ui_init(&cli.ui, &flags);
    int code = parsed < 0 ? usage_error(&cli, e.msg) : dispatch(&cli, &a);
    args_fini(&a);
    int rc = ui_flush();
    if (rc < 0 && code == 0) {
        if (rc != -EPIPE)
            ui_error(&cli.ui, "cannot write the output: %s", err_text(rc));
        code = 1;
    }
    cli_fini(&cli);
    return code;
}
