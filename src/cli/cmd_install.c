/* SPDX-License-Identifier: MIT
 * pm2 install, pm2 module:update. The new module is made ready beside the old one, and changes
 * places with it when it is whole; what fails before changes nothing. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/files.h"
#include "cli/module_dir.h"
#include "cli/module_fetch.h"
#include "cli/module_word.h"
#include "cli/modules.h"
#include "cli/settings_file.h"
#include "client/home.h"
#include "os/atomic_file.h"
#include "os/clock.h"
#include "json/read.h"

#define SAFE_MS       3000 /* how long a new module is looked at, unless --safe says */
#define SAFE_RESTARTS 2    /* more of them: it does not work. PM2's number */
#define LOOK_MS       100

struct install {
    struct cli *cli;
    struct module_fetch fetch;
    const char *old_register; /* where it was registered; NULL = new */
    json_t *old_entry;        /* and what was noted there; borrowed */
    bool had;                 /* the old one is in the staging folder */
    int64_t safe_ms;          /* 0 = not asked for */
};

/* ---- registration ---- */

/* package.json's `config` are the settings that are not there yet. */
static void add_config(json_t *root, const char *name, const json_t *config)
{
    const char *key;
    json_t *value;
    if (!json_is_object(config))
        return;
    if (!json_is_object(json_object_get(root, name)))
        json_object_set_new(root, name, json_object());
    json_t *own = json_object_get(root, name);
    json_object_foreach ((json_t *)config, key, value)
        if (!json_has(own, key))
            json_object_set(own, key, value);
}

static void put_entry(json_t *root, const char *reg, const char *name, json_t *take_entry)
{
    if (!json_is_object(json_object_get(root, reg)))
        json_object_set_new(root, reg, json_object());
    json_object_set_new(json_object_get(root, reg), name, take_entry);
}

static void drop_entries(json_t *root, const char *name)
{
    (void)json_object_del(json_object_get(root, MODULES_NPM), name);
    (void)json_object_del(json_object_get(root, MODULES_TAR), name);
}

static int add_registration(json_t *root, const void *ctx, struct err *e)
{
    const struct module_fetch *f = ctx;
    (void)e;
    drop_entries(root, f->name);
    if (f->is_tar)
        put_entry(root, MODULES_TAR, f->name,
                  json_pack("{s:s,s:s,s:I}", "source", "tarball", "install_url", f->source.data,
                            "installed_at", (json_int_t)clock_wall_ms()));
    else
        put_entry(root, MODULES_NPM, f->name, json_object());
    add_config(root, f->name, json_object_get(f->package, "config"));
    return 0;
}

static int restore_registration(json_t *root, const void *ctx, struct err *e)
{
    const struct install *in = ctx;
    (void)e;
    drop_entries(root, in->fetch.name);
    if (in->old_register)
        put_entry(root, in->old_register, in->fetch.name, json_incref(in->old_entry));
    return 0;
}

/* ---- starting, and going back ---- */

static int start(struct cli *cli, const char *name, bool is_tar)
{
    static const struct file_order order = {.action = "start", .method = "restartProcessId"};
    struct err e = {0};
    AUTO(buf) folder = BUF_INIT;
    module_dir_package(cli->paths.module_dir, name, is_tar, &folder);
    AUTO_JSON package = module_dir_read(folder.data, &e);
    AUTO_JSON apps = package ? modules_apps(package, name, folder.data, is_tar, &e) : NULL;
    if (!apps)
        return cli_fail(cli, &e);
    AUTO_JSON answer = modules_start(cli, apps, folder.data);
    return answer ? files_tell(cli, "package.json", &order, answer) : 1;
}

static int go_back(struct install *in)
{
    struct cli *cli = in->cli;
    struct err e = {0};
    const char *name = in->fetch.name;
    AUTO(buf) place = BUF_INIT;
    (void)modules_end(cli, name);
    module_dir_package(cli->paths.module_dir, name, true, &place);
    int rc = in->had
                 ? module_dir_swap(in->fetch.stage.data, cli->paths.module_dir, name, &in->had, &e)
                 : module_dir_remove(place.data, &e);
    if (rc < 0)
        return cli_fail(cli, &e);
    if (settings_file_change(cli, restore_registration, in) != 0 || modules_tell_daemon(cli) != 0)
        return 1;
    if (in->old_register) {
        (void)start(cli, name, strcmp(in->old_register, MODULES_TAR) == 0);
        modules_complain(cli, "The new %s does not work: the one before is back", name);
    } else {
        modules_complain(cli, "%s does not work: it was removed; its logs are in %s", name,
                         cli->paths.log_dir);
    }
    return 1;
}

/* True when the module went on running. */
static bool is_stable(const struct install *in)
{
    int64_t end = clock_mono_ms() + in->safe_ms;
    do {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
        int64_t restarts = modules_restarts(in->cli, in->fetch.name);
        if (restarts < 0 || restarts > SAFE_RESTARTS)
            return false;
    } while (clock_mono_ms() < end);
    return true;
}

/* ---- one module ---- */

/* Before anything changes: can it be started, and under its name? */
static int check(struct install *in)
{
    struct cli *cli = in->cli;
    struct err e = {0};
    bool is_taken;
    AUTO(buf) folder = BUF_INIT;
    const char *name = in->fetch.name;
    if (in->fetch.is_tar)
        buf_add_str(&folder, buf_str(&in->fetch.stage));
    else
        buf_printf(&folder, "%s/node_modules/%s", in->fetch.stage.data, name);
    AUTO_JSON apps = modules_apps(in->fetch.package, name, folder.data, in->fetch.is_tar, &e);
    if (!apps)
        return cli_fail(cli, &e);
    AUTO_JSON there = modules_processes(cli, name, &is_taken);
    if (!there)
        return 1;
    if (is_taken)
        modules_complain(cli, "An app is called %s: delete it, or give it another name", name);
    return is_taken;
}

static int put_in_place(struct install *in)
{
    struct cli *cli = in->cli;
    struct err e = {0};
    const struct module_fetch *f = &in->fetch;
    if (modules_end(cli, f->name) != 0)
        return 1;
    if (module_dir_swap(f->stage.data, cli->paths.module_dir, f->name, &in->had, &e) < 0) {
        if (in->old_register)
            (void)start(cli, f->name, strcmp(in->old_register, MODULES_TAR) == 0);
        return cli_fail(cli, &e);
    }
    if (settings_file_change(cli, add_registration, f) != 0 || modules_tell_daemon(cli) != 0 ||
        start(cli, f->name, f->is_tar) != 0)
        return go_back(in);
    return in->safe_ms > 0 && !is_stable(in) ? go_back(in) : 0;
}

static int tell_installed(struct cli *cli, const char *name, bool is_tar)
{
    AUTO_JSON settings = settings_file_read(cli);
    settings_tell(cli, settings, name);
    modules_say(cli, is_tar ? "Module INSTALLED and STARTED"
                            : "Module successfully installed and launched");
    modules_say(cli, "Checkout module options: `$ pm2 conf`");
    return settings ? 0 : 1;
}

static int get_and_place(struct install *in, const char *guess)
{
    struct cli *cli = in->cli;
    struct err e = {0};
    AUTO_JSON settings = settings_file_read(cli);
    if (!settings)
        return 1;
    bool is_known = modules_register_of(settings, guess) != NULL;
    if (is_known)
        modules_say(cli, "Module already installed. Updating.");
    if (!in->fetch.is_tar && !module_fetch_is_archive(in->fetch.word))
        modules_say(cli, "Calling [NPM] to install %s ...", guess);
    if (module_fetch(&in->fetch, guess, &e) < 0) {
        ui_error(&cli->ui, "%s", e.msg);
        ui_error(&cli->ui, "Installation failed via NPM, %s",
                 is_known ? "module has been restored to prev version" : "nothing was changed");
        return 1;
    }
    modules_say(cli, "Module downloaded");
    in->old_register = modules_register_of(settings, in->fetch.name);
    if (in->old_register)
        in->old_entry =
            json_object_get(json_object_get(settings, in->old_register), in->fetch.name);
    int code = check(in);
    if (code == 0)
        code = put_in_place(in);
    return code == 0 ? tell_installed(cli, in->fetch.name, in->fetch.is_tar) : code;
}

static int install(struct cli *cli, const char *word, bool is_tar, int64_t safe_ms)
{
    struct err e = {0};
    AUTO(buf) guess = BUF_INIT;
    module_word_name(word, &guess);
    if (word[0] == '-' || word[0] == '\0') {
        ui_error(&cli->ui, "\"%s\" is not a module: expected a name, folder, tarball or URL", word);
        return 1;
    }
    int lock = lock_folder(cli->paths.module_dir, &e); /* one at a time */
    if (lock < 0)
        return cli_fail(cli, &e);
    struct install in = {
        .cli = cli,
        .safe_ms = safe_ms,
        .fetch = {.cli = cli, .word = word, .is_tar = is_tar},
    };
    buf_init(&in.fetch.root);
    buf_init(&in.fetch.stage);
    buf_init(&in.fetch.source);
    int code = get_and_place(&in, guess.data);
    module_fetch_fini(&in.fetch);
    lock_free(lock);
    return code;
}

/* ---- a module that is being developed ---- */

struct config_of {
    const char *name;
    const json_t *config;
};

static int add_own_config(json_t *root, const void *ctx, struct err *e)
{
    const struct config_of *own = ctx;
    (void)e;
    add_config(root, own->name, own->config);
    return 0;
}

/* Started where it is, and again when a file changes; not registered. */
static int install_here(struct cli *cli)
{
    static const struct file_order order = {.action = "start", .method = "restartProcessId"};
    struct err e = {0};
    size_t i;
    json_t *app;
    bool is_taken;
    AUTO_JSON package = module_dir_read(cli->cwd, &e);
    const char *own = json_get_str(package, "name");
    const char *name = own ? own : strrchr(cli->cwd, '/') + 1;
    AUTO_JSON apps = package ? modules_apps(package, name, cli->cwd, false, &e) : NULL;
    if (!apps)
        return cli_fail(cli, &e);
    json_array_foreach (apps, i, app)
        json_object_set_new(app, "watch", json_true());
    AUTO_JSON there = modules_processes(cli, name, &is_taken);
    if (is_taken)
        modules_complain(cli, "An app is called %s: delete it, or give it another name", name);
    const struct config_of config = {name, json_object_get(package, "config")};
    modules_say(cli, "Installing local module in DEVELOPMENT MODE with WATCH auto restart");
    if (!there || is_taken || settings_file_change(cli, add_own_config, &config) != 0 ||
        modules_end(cli, name) != 0)
        return 1;
    AUTO_JSON answer = modules_start(cli, apps, cli->cwd);
    return answer ? files_tell(cli, "package.json", &order, answer) : 1;
}

/* ---- commands ---- */

static int read_safe(struct cli *cli, const struct args *args, int64_t *ret)
{
    long long ms = SAFE_MS;
    const char *text = args_value(args, "--safe");
    *ret = 0;
    if (!args_has(args, "--safe"))
        return 0;
    if (text && (!str_to_int(str_from(text), &ms) || ms < 1 || ms > LIMIT_DELAY_MS)) {
        ui_error(&cli->ui, "--safe %s: expected milliseconds", text);
        return 1;
    }
    *ret = ms;
    return 0;
}

static int run_install(struct cli *cli, const struct args *args)
{
    int64_t safe_ms;
    const char *word = args->position.at[0];
    if (read_safe(cli, args, &safe_ms) != 0 || cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    bool is_here = module_word_kind(word) == MODULE_HERE;
    int code =
        is_here ? install_here(cli) : install(cli, word, args_has(args, "--tarball"), safe_ms);
    return code ? code : cli_list(cli, args);
}

/* What a module was installed from; npm notes it in its prefix. A version is one of the registry,
 * of which the latest is wanted. */
static char *source_of(struct cli *cli, const json_t *settings, const char *name, bool is_tar)
{
    struct err e = {0};
    AUTO(buf) folder = BUF_INIT;
    AUTO(buf) word = BUF_INIT;
    const json_t *entry = json_object_get(json_object_get(settings, MODULES_TAR), name);
    module_dir_package(cli->paths.module_dir, name, true, &folder);
    AUTO_JSON prefix = is_tar ? NULL : module_dir_read(folder.data, &e);
    const char *spec = is_tar ? json_get_str(entry, "install_url")
                              : json_get_str(json_object_get(prefix, "dependencies"), name);
    if (spec && (is_tar || strchr(spec, ':') || strchr(spec, '/')))
        buf_add_c(&word, spec);
    else
        buf_printf(&word, "%s@latest", name);
    return buf_detach(&word);
}

static int run_update(struct cli *cli, const struct args *args)
{
    int64_t safe_ms;
    const char *name = args->position.at[0];
    AUTO_JSON settings = settings_file_read(cli);
    const char *reg = modules_register_of(settings, name);
    if (settings && !reg)
        modules_complain(cli, "Unknown module %s: pm2 install %s", name, name);
    if (!reg || read_safe(cli, args, &safe_ms) != 0 || cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    bool is_tar = strcmp(reg, MODULES_TAR) == 0;
    char *word = source_of(cli, settings, name, is_tar);
    int code = word ? install(cli, word, is_tar, safe_ms) : 1;
    free(word);
    return code ? code : cli_list(cli, args);
}

/* clang-format off */
static const struct opt options[] = {
    {"--tarball", NULL, "it is an archive that pm2 package made", SC_FLAG, false},
    {"--safe", "[ms]", "undo it when the module restarts more than twice in this time (3000)", SC_OPTIONAL, false},
};
/* clang-format on */

const struct cmd cmd_install_entry = {
    .name = "install",
    .aliases = {"module:install"},
    .args = "<module>",
    CMD_OPTS(options),
    .summary = "install a module: name, folder, tarball or git URL",
    .run = run_install,
};

const struct cmd cmd_module_update_entry = {
    .name = "module:update",
    .args = "<module>",
    .opts = &options[1],
    .opt_count = 1,
    .summary = "install a module again from where it came from",
    .run = run_update,
};
