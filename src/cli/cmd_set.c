/* SPDX-License-Identifier: MIT
 * pm2 set, conf, multiset, unset: changing the settings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/secret.h"
#include "app/settings.h"
#include "base/attr.h"
#include "cli/actions.h"
#include "cli/cmd.h"
#include "cli/settings_file.h"
#include "json/read.h"
#include "json/write.h"

struct setting {
    json_t *path;
    const char *value; /* NULL removes */
};

/* A pattern that cannot be used must not be found out when it is needed. */
static int check_names(const struct setting *s, struct err *e)
{
    regex_t names;
    struct err why = {0};
    const char *owner = json_string_value(json_array_get(s->path, 0));
    const char *key = json_string_value(json_array_get(s->path, 1));
    if (!s->value || !key || strcmp(owner, "pm2") != 0 || strcmp(key, "secrets") != 0)
        return 0;
    AUTO_JSON value = json_string(s->value);
    int rc = secret_names(value, &names, &why);
    if (rc > 0)
        regfree(&names);
    return rc < 0 ? err_set(e, rc, "pm2:secrets: %s", why.msg) : 0;
}

static int put_one(json_t *root, const void *ctx, struct err *e)
{
    const struct setting *s = ctx;
    if (check_names(s, e) < 0)
        return e->code;
    int rc = settings_put(root, s->path, s->value);
    return rc < 0 ? err_set(e, rc, "out of memory") : 0;
}

static bool daemon_runs(struct cli *cli)
{
    return cli_connect(cli, 0) == 0;
}

/* The app or module that is called like the first part of the key starts again with the setting. A
 * name that nothing has is fine: the setting waits for it. */
static int restart_owner(struct cli *cli, const char *name)
{
    struct err e = {0};
    struct str reply;
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "name", name);
    jw_obj_end(&w);
    if (!daemon_runs(cli))
        return 0;
    if (cli_call(cli, "c.settings", buf_str(&request), 0, &reply, &e) < 0)
        return cli_fail(cli, &e);
    AUTO_JSON answer = json_read(reply, &e);
    const char *error = json_get_str(answer, "error");
    if (error)
        return action_fail(cli, error);
    if (json_array_size(json_object_get(answer, "done")) > 0)
        ui_info(&cli->ui, "Module %s restarted", name);
    return 0;
}

/* Store one setting and show what PM2 shows. */
static int set_one(struct cli *cli, const char *key, const char *value)
{
    struct err e = {0};
    AUTO_JSON path = settings_path(key, &e);
    if (!path)
        return cli_fail(cli, &e);
    const struct setting s = {.path = path, .value = value};
    const char *owner = json_string_value(json_array_get(path, 0));
    bool nested = json_array_size(path) > 1;
    int code = settings_file_change(cli, put_one, &s);
    if (code == 0 && nested)
        code = restart_owner(cli, owner);
    if (code != 0)
        return code;
    AUTO_JSON root = settings_file_read(cli);
    if (nested)
        ui_info(&cli->ui, "Setting changed");
    settings_tell(cli, root, nested ? owner : NULL);
    return root ? 0 : 1;
}

/* ---- set without a key: the user's editor ---- */

static const char *editor(void)
{
    const char *visual = getenv("VISUAL");
    const char *plain = getenv("EDITOR");
    return visual && *visual ? visual : plain && *plain ? plain : "vi";
}

static int edit(struct cli *cli)
{
    int status = 0;
    ui_flush();
    pid_t pid = fork();
    if (pid == 0) {
        /* The user's own words, which may hold options: a shell takes them apart, with the file as
         * its argument. */
        execl("/bin/sh", "sh", "-c", "exec $0 \"$1\"", editor(), cli->paths.module_conf, NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        ui_error(&cli->ui, "the editor %s failed; set EDITOR to another one", editor());
        return 1;
    }
    AUTO_JSON root = settings_file_read(cli);
    return root ? 0 : 1;
}

static int run_set(struct cli *cli, const struct args *args)
{
    const struct words *words = &args->position;
    if (words->count == 0)
        return edit(cli);
    return set_one(cli, words->at[0], words->count > 1 ? words->at[1] : NULL);
}

/* ---- multiset ---- */

struct pairs {
    char *words; /* its blanks become ends */
};

/* The next word of "a:b 1 c 'x y'"; NULL at the end. A word in quotes may hold blanks. */
static char *next_word(char **at)
{
    char *p = *at + strspn(*at, " ");
    if (*p == '\0')
        return NULL;
    char quote = *p == '"' || *p == '\'' ? *p : '\0';
    char *word = p + (quote != '\0');
    char *end = quote ? strchr(word, quote) : word + strcspn(word, " ");
    if (!end)
        end = word + strlen(word);
    *at = end + (*end != '\0');
    *end = '\0';
    return word;
}

static int put_many(json_t *root, const void *ctx, struct err *e)
{
    char *at = ((const struct pairs *)ctx)->words;
    char *key;
    int rc = 0;
    while (rc == 0 && (key = next_word(&at)) != NULL) {
        char *value = next_word(&at);
        AUTO_JSON path = settings_path(key, e);
        if (!path)
            return e->code;
        if (!value)
            return err_set(e, -EINVAL, "multiset: %s has no value", key);
        rc = put_one(root, &(struct setting){path, value}, e);
    }
    return rc;
}

/* Every app that the text names starts again once. */
static int restart_owners(struct cli *cli, const char *text)
{
    AUTO_JSON seen = json_object();
    char *copy = strdup(text);
    char *at = copy;
    char *key;
    int code = copy ? 0 : 1;
    while (code == 0 && (key = next_word(&at)) != NULL) {
        (void)next_word(&at);
        AUTO_JSON path = settings_path(key, NULL);
        const char *owner = json_string_value(json_array_get(path, 0));
        if (!owner || json_array_size(path) < 2 || json_has(seen, owner))
            continue;
        json_object_set_new(seen, owner, json_true());
        code = restart_owner(cli, owner);
    }
    free(copy);
    return code;
}

static int run_multiset(struct cli *cli, const struct args *args)
{
    struct pairs pairs = {.words = strdup(args->position.at[0])};
    int code = pairs.words ? settings_file_change(cli, put_many, &pairs) : 1;
    free(pairs.words);
    if (code == 0)
        code = restart_owners(cli, args->position.at[0]);
    if (code != 0)
        return code;
    AUTO_JSON root = settings_file_read(cli);
    settings_tell(cli, root, NULL);
    return root ? 0 : 1;
}

/* ---- unset ---- */

static int clear_all(json_t *root, const void *ctx, struct err *e)
{
    (void)ctx;
    (void)e;
    json_object_clear(root);
    return 0;
}

static int run_unset(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    const char *key = args->position.at[0];
    int code;
    if (strcmp(key, "all") == 0) {
        code = settings_file_change(cli, clear_all, NULL);
    } else {
        AUTO_JSON path = settings_path(key, &e);
        if (!path)
            return cli_fail(cli, &e);
        const struct setting s = {.path = path};
        code = settings_file_change(cli, put_one, &s);
    }
    if (code != 0)
        return code;
    AUTO_JSON root = settings_file_read(cli);
    settings_tell(cli, root, NULL);
    return root ? 0 : 1;
}

/* ---- get and conf ---- */

/* The value of a nested key. */
static int tell_key(struct cli *cli, const json_t *root, const json_t *path)
{
    AUTO(buf) line = BUF_INIT;
    bool color = cli->ui.color[UI_OUT];
    const json_t *value = settings_get(root, path);
    size_t last = json_array_size(path) - 1;
    if (!value)
        return 1;
    char *text = json_is_string(value) ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_add_c(&line, "Value for module ");
    style_add(&line, color, STYLE_BLUE, str_from(json_string_value(json_array_get(path, 0))));
    buf_add_c(&line, " key ");
    style_add(&line, color, STYLE_BLUE, str_from(json_string_value(json_array_get(path, last))));
    buf_add_c(&line, ": ");
    style_add(&line, color, STYLE_BOLD_GREEN, str_from(text ? text : ""));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
    free(text);
    return 0;
}

static int tell_some(struct cli *cli, const char *key)
{
    struct err e = {0};
    AUTO_JSON root = settings_file_read(cli);
    AUTO_JSON path = key ? settings_path(key, &e) : NULL;
    if (!root)
        return 1;
    if (key && !path)
        return cli_fail(cli, &e);
    if (!key) {
        settings_tell(cli, root, NULL);
        return 0;
    }
    if (json_array_size(path) > 1)
        return tell_key(cli, root, path);
    if (!settings_get(root, path))
        return 1; /* PM2 says nothing */
    settings_tell(cli, root, json_string_value(json_array_get(path, 0)));
    ui_line(&cli->ui, UI_OUT, STR("Modules configuration. Copy/Paste line to edit values."));
    return 0;
}

static int run_get(struct cli *cli, const struct args *args)
{
    return tell_some(cli, args->position.count > 0 ? args->position.at[0] : NULL);
}

/* `conf` shows everything, `config` what it is asked for; both set when a value is given. */
static int run_conf(struct cli *cli, const struct args *args)
{
    const struct words *words = &args->position;
    if (words->count > 1)
        return set_one(cli, words->at[0], words->at[1]);
    bool asks = words->count > 0 && strcmp(args->command, "config") == 0;
    return tell_some(cli, asks ? words->at[0] : NULL);
}

const struct cmd cmd_set_entry = {
    .name = "set",
    .args = "[key] [value]",
    .summary = "keep a setting; an app of this name starts again with it",
    .run = run_set,
};

const struct cmd cmd_multiset_entry = {
    .name = "multiset",
    .args = "<value>",
    .summary = "keep several settings: \"key value key value\"",
    .run = run_multiset,
};

const struct cmd cmd_unset_entry = {
    .name = "unset",
    .args = "<key>",
    .summary = "forget a setting, or all",
    .run = run_unset,
};

const struct cmd cmd_get_entry = {
    .name = "get",
    .args = "[key]",
    .summary = "show settings",
    .run = run_get,
};

const struct cmd cmd_conf_entry = {
    .name = "conf",
    .aliases = {"config"},
    .args = "[key] [value]",
    .summary = "show settings, or keep one",
    .run = run_conf,
};
