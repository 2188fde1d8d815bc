/* SPDX-License-Identifier: MIT
 * pm2 startup, pm2 unstartup: the init system starts what was saved, or does so no more. Programs
 * are run by their arguments; what goes into files is quoted in startup.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/child.h"
#include "cli/cmd.h"
#include "cli/mem.h"
#include "cli/startup.h"
#include "cli/ui/inspect.h"
#include "os/atomic_file.h"
#include "os/users.h"

#define SYSTEM_PATH "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
#define RULER       "-----------------------------------------------------------"

struct setup {
    struct cli *cli;
    const struct startup_platform *platform;
    struct startup_facts facts;
    struct buf pm2, pm2_home, path, home, user;
};

/* ---- where we are ---- */

static bool is_in_path(const char *program)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        AUTO(buf) file = BUF_INIT;
        size_t n = strcspn(path, ":");
        buf_printf(&file, "%.*s/%s", (int)n, path, program);
        if (n > 0 && access(file.data, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

static const struct startup_platform *detect(void)
{
    const struct startup_platform *p;
    for (size_t i = 0; (p = startup_at(i)) != NULL; i++)
        if (is_in_path(startup_mark(p)))
            return p;
    return NULL;
}

static void print_style(const struct cli *cli, enum style style, const char *text)
{
    AUTO(buf) out = BUF_INIT;
    style_add(&out, cli->ui.color[UI_OUT], style, str_from(text));
    ui_line(&cli->ui, UI_OUT, buf_str(&out));
}

static void print_plain(const struct cli *cli, const char *text)
{
    ui_line(&cli->ui, UI_OUT, str_from(text));
}

static void tell_other(const struct cli *cli, const char *found, const char *given)
{
    AUTO(buf) out = BUF_INIT;
    buf_printf(&out,
               RULER "\n PM2 detected %s but you precised %s\n"
                     " Please verify that your choice is indeed your init system\n"
                     " If you arent sure, just run : pm2 startup\n" RULER,
               found, given);
    ui_line(&cli->ui, UI_OUT, buf_str(&out));
}

/* The platform that was given, or is found. 0, or the exit code. */
static int choose_platform(struct setup *s, const struct args *args)
{
    struct cli *cli = s->cli;
    AUTO(buf) name = BUF_INIT;
    const struct startup_platform *found = detect();
    const char *given = args->position.count > 0 ? args->position.at[0] : NULL;
    s->platform = given ? startup_find(given) : found;
    if (found) {
        style_add(&name, cli->ui.color[UI_OUT], STYLE_BOLD, str_from(startup_name(found)));
        ui_info(&cli->ui, "Init System found: %s", name.data);
    }
    if (found && given && s->platform != found && !(s->platform && startup_is_own(s->platform)))
        tell_other(cli, startup_name(found), given);
    if (s->platform)
        return 0;
    if (given)
        ui_error(&cli->ui, "Unknown platform / init system name: %s", given);
    else
        ui_error(&cli->ui, "Init system not found: name one (systemd, upstart, systemv, openrc, "
                           "launchd, rcd, rcd-openbsd, smf)");
    return 1;
}

/* ---- facts ---- */

static const char *nonempty(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int find_program(struct buf *ret, struct err *e)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n < 0)
        return err_set(e, -errno, "cannot find out where pm2 is: %s", err_text(errno));
    buf_add(ret, path, (size_t)n);
    return 0;
}

/* Whose apps they are, and where his home is. */
static void find_user(struct setup *s, const struct args *args)
{
    struct err e = {0};
    struct user_ids me = {0};
    struct user_ids other = {0};
    bool is_known = cli_me(&me);
    const char *given = args_value(args, "-u");
    const char *shell = nonempty("USER") ? nonempty("USER") : nonempty("LOGNAME");
    buf_add_c(&s->user, given ? given : shell ? shell : is_known ? me.name : "");
    bool is_other = given && users_lookup(given, NULL, &other, &e) == 0 && other.home[0];
    if (given && e.code)
        ui_warn(&s->cli->ui, "%s", e.msg);
    const char *home = args_value(args, "--hp");
    if (!home)
        home = is_other ? other.home : nonempty("HOME") ? nonempty("HOME") : me.home;
    buf_add_c(&s->home, home);
    /* PM2_HOME of this shell is that of its user. */
    if (args_value(args, "--hp") || (is_other && is_known && other.uid != me.uid))
        buf_printf(&s->pm2_home, "%s/.pm2", home);
    else
        buf_add_c(&s->pm2_home, s->cli->paths.home);
    user_ids_fini(&me);
    user_ids_fini(&other);
}

static int find_facts(struct setup *s, const struct args *args, struct err *e)
{
    const char *path = getenv("PATH");
    int rc = find_program(&s->pm2, e);
    if (rc < 0)
        return rc;
    find_user(s, args);
    buf_printf(&s->path, "%s%s" SYSTEM_PATH, path ? path : "", path && *path ? ":" : "");
    s->facts = (struct startup_facts){
        .user = s->user.data,
        .service = args_value(args, "--service-name"),
        .pm2 = s->pm2.data,
        .pm2_home = s->pm2_home.data,
        .path = s->path.data,
        .home = s->home.data,
        .wait_ip = args_has(args, "--wait-ip"),
        .keep_apps = args_has(args, "--keep-apps"),
    };
    return startup_check(&s->facts, e);
}

/* ---- not root ---- */

static void add_word(struct buf *out, const char *word)
{
    bool is_plain = *word;
    for (const char *at = word; *at; at++)
        is_plain = is_plain && (strchr("/._-+=:,@", *at) || (*at >= '0' && *at <= '9') ||
                                (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'));
    buf_add_c(out, is_plain ? "" : "'");
    for (const char *at = word; *at; at++)
        buf_printf(out, *at == '\'' ? "'\\''" : "%c", *at);
    buf_add_c(out, is_plain ? "" : "'");
}

/* The line that root would have to type; for PM2's sake with node in its PATH. */
static void advise_sudo(const struct setup *s, const struct args *args, const char *command,
                        const char *verb)
{
    AUTO(buf) line = BUF_INIT;
    AUTO(buf) folder = BUF_INIT;
    buf_add_c(&folder, s->facts.pm2);
    char *slash = strrchr(folder.data, '/');
    if (slash)
        buf_truncate(&folder, slash > folder.data ? (size_t)(slash - folder.data) : 1);
    buf_add_c(&line, "sudo env PATH=$PATH:");
    add_word(&line, folder.data);
    buf_add_byte(&line, ' ');
    add_word(&line, s->facts.pm2);
    buf_printf(&line, " %s %s -u %s --hp ", command, startup_name(s->platform), s->facts.user);
    add_word(&line, s->facts.home);
    if (s->facts.service)
        buf_printf(&line, " --service-name %s", s->facts.service);
    if (args_has(args, "--wait-ip"))
        buf_add_c(&line, " --wait-ip");
    if (s->facts.keep_apps)
        buf_add_c(&line, " --keep-apps");
    ui_info(&s->cli->ui, "To %s the Startup Script, copy/paste the following command:", verb);
    ui_line(&s->cli->ui, UI_OUT, buf_str(&line));
}

/* ---- programs ---- */

/* Run a program to its end; its exit code, or negative. */
static int run_words(const json_t *words, struct err *e)
{
    size_t n = json_array_size(words);
    const char **argv = mem_alloc((n + 1) * sizeof(argv[0]));
    for (size_t i = 0; i < n; i++)
        argv[i] = json_string_value(json_array_get(words, i));
    argv[n] = NULL;
    int code = child_run((char *const *)argv, NULL, e);
    free(argv);
    return code;
}

static char *line_of(const json_t *words)
{
    struct buf line = BUF_INIT;
    size_t i;
    json_t *word;
    json_array_foreach ((json_t *)words, i, word)
        buf_printf(&line, "%s%s", i > 0 ? " " : "", json_string_value(word));
    return buf_detach(&line);
}

/* One command of a list; true when it succeeded. */
static bool execute(struct cli *cli, const json_t *words)
{
    struct err e = {0};
    AUTO(buf) shown = BUF_INIT;
    char *line = line_of(words);
    style_add(&shown, cli->ui.color[UI_OUT], STYLE_BOLD, str_from(line));
    ui_info(&cli->ui, "[-] Executing: %s...", shown.data);
    free(line);
    int code = run_words(words, &e);
    if (code < 0)
        ui_error(&cli->ui, "%s", e.msg);
    else if (code > 0)
        ui_message(&cli->ui, UI_ERR, UI_PLAIN, "[ERROR] Exit code : %d", code);
    if (code != 0)
        return false;
    AUTO(buf) done = BUF_INIT;
    style_add(&done, cli->ui.color[UI_OUT], STYLE_BOLD, STR("[v] Command successfully executed."));
    ui_info(&cli->ui, "%s", done.data);
    return true;
}

/* ---- startup ---- */

static void tell_plan(const struct setup *s, const struct startup_plan *plan)
{
    const struct cli *cli = s->cli;
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) list = BUF_INIT;
    json_t *lines = json_array();
    size_t i;
    json_t *words;
    json_array_foreach (plan->enable, i, words) {
        char *line = line_of(words);
        json_array_append_new(lines, json_string(line));
        free(line);
    }
    inspect_value(&list, lines);
    json_decref(lines);
    style_add(&head, cli->ui.color[UI_OUT], STYLE_BOLD, STR("Platform"));
    buf_printf(&head, " %s", startup_name(s->platform));
    ui_line(&cli->ui, UI_OUT, buf_str(&head));
    print_style(cli, STYLE_BOLD, "Template");
    ui_line(&cli->ui, UI_OUT, buf_str(&plan->text));
    print_style(cli, STYLE_BOLD, "Target path");
    print_plain(cli, plan->file);
    print_style(cli, STYLE_BOLD, "Command list");
    ui_line(&cli->ui, UI_OUT, buf_str(&list));
}

static void make_folder_of(const char *file)
{
    AUTO(buf) folder = BUF_INIT;
    buf_add_c(&folder, file);
    for (char *at = folder.data + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(folder.data, 0755); /* what fails is told when the file is written */
        *at = '/';
    }
}

/* systemd ends a user's services when he logs out, and starts them when he logs in. */
static void tell_linger(const struct setup *s)
{
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "$ sudo loginctl enable-linger %s", s->facts.user);
    ui_info(&s->cli->ui, "To start at boot and not at the log-in:");
    print_style(s->cli, STYLE_BOLD, line.data);
    print_plain(s->cli, "");
}

static int install(const struct setup *s, const struct startup_plan *plan)
{
    struct err e = {0};
    struct cli *cli = s->cli;
    size_t i;
    json_t *words;
    ui_info(&cli->ui, "Writing init configuration in %s", plan->file);
    make_folder_of(plan->file);
    if (file_replace(plan->file, buf_str(&plan->text), &e) == 0 && chmod(plan->file, 0644) < 0)
        err_set(&e, -errno, "cannot change the mode of %s: %s", plan->file, err_text(errno));
    if (e.code) {
        ui_error(&cli->ui, "Failure when trying to write startup script");
        return cli_fail(cli, &e);
    }
    ui_info(&cli->ui, "Making script booting at startup...");
    json_array_foreach (plan->enable, i, words)
        if (!execute(cli, words))
            return 1;
    AUTO(buf) undo = BUF_INIT;
    buf_printf(&undo, "$ pm2 unstartup %s", startup_name(s->platform));
    if (startup_is_own(s->platform))
        tell_linger(s);
    print_style(cli, STYLE_BLUE_BOLD, "+---------------------------------------+");
    ui_info(&cli->ui, "Freeze a process list on reboot via:");
    print_style(cli, STYLE_BOLD, "$ pm2 save");
    print_plain(cli, "");
    ui_info(&cli->ui, "Remove init script via:");
    print_style(cli, STYLE_BOLD, undo.data);
    return 0;
}

/* ---- unstartup ---- */

/* All commands are tried: one that fails shall not keep the file in its place. */
static int uninstall(const struct setup *s, const struct startup_plan *plan)
{
    struct cli *cli = s->cli;
    bool ok = true;
    size_t i;
    json_t *words;
    if (access(plan->file, F_OK) < 0 && errno == ENOENT) {
        ui_info(&cli->ui, "%s is not there: nothing to disable", plan->file);
        return 0;
    }
    json_array_foreach (plan->disable, i, words)
        ok = execute(cli, words) && ok;
    if (unlink(plan->file) < 0) {
        ui_error(&cli->ui, "cannot remove %s: %s", plan->file, err_text(errno));
        return 1;
    }
    AUTO(buf) done = BUF_INIT;
    style_add(&done, cli->ui.color[UI_OUT], STYLE_BOLD, STR("Init file disabled."));
    ui_info(&cli->ui, "%s", done.data);
    return ok ? 0 : 1;
}

/* ---- both ---- */

static int with_plan(struct setup *s, const struct args *args, bool is_removal)
{
    struct err e = {0};
    struct startup_plan plan;
    int code = choose_platform(s, args);
    if (code != 0)
        return code;
    if (find_facts(s, args, &e) < 0)
        return cli_fail(s->cli, &e);
    if (s->facts.keep_apps && !startup_can_keep(s->platform)) {
        ui_error(&s->cli->ui, "--keep-apps: only with systemd, not with %s",
                 startup_name(s->platform));
        return 1;
    }
    if (geteuid() != 0 && !startup_is_own(s->platform)) {
        advise_sudo(s, args, is_removal ? "unstartup" : "startup",
                    is_removal ? "unsetup" : "setup");
        return 1;
    }
    if (startup_plan_init(&plan, s->platform, &s->facts, &e) < 0)
        return cli_fail(s->cli, &e);
    if (is_removal) {
        code = uninstall(s, &plan);
    } else {
        tell_plan(s, &plan);
        code = install(s, &plan);
    }
    startup_plan_fini(&plan);
    return code;
}

static int run(struct cli *cli, const struct args *args, bool is_removal)
{
    struct setup s = {.cli = cli,
                      .pm2 = BUF_INIT,
                      .pm2_home = BUF_INIT,
                      .path = BUF_INIT,
                      .home = BUF_INIT,
                      .user = BUF_INIT};
    int code = with_plan(&s, args, is_removal);
    buf_fini(&s.pm2);
    buf_fini(&s.pm2_home);
    buf_fini(&s.path);
    buf_fini(&s.home);
    buf_fini(&s.user);
    return code;
}

static int run_startup(struct cli *cli, const struct args *args)
{
    return run(cli, args, false);
}

static int run_unstartup(struct cli *cli, const struct args *args)
{
    return run(cli, args, true);
}

static const struct opt options[] = {
    {"--keep-apps", NULL, "systemd: apps survive a restart of the service", SC_FLAG, false},
};

const struct cmd cmd_startup_entry = {
    .name = "startup",
    .args = "[platform]",
    CMD_OPTS(options),
    .summary = "start at boot what was saved",
    .run = run_startup,
};

const struct cmd cmd_unstartup_entry = {
    .name = "unstartup",
    .args = "[platform]",
    .summary = "do not start at boot",
    .run = run_unstartup,
};
