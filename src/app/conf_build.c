/* SPDX-License-Identifier: MIT
 * A conf from what a user typed, step by step: validate, name, folder, environment, script,
 * interpreter, mode, user; then everything in PM2's order of keys (tools compare them). Pure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/interp.h"
#include "app/names.h"
#include "app/schema.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

/* One start under way. */
struct build {
    const struct app_request *rq;
    const struct app_world *w;
    json_t *options; /* validated attributes, growing */
    json_t *env;
    char *cwd;
    struct script script;
    const char *typed;    /* the script as typed */
    char *interpreter;    /* chosen here; NULL when the user named one */
    const char *node_arg; /* that the choice needs; static */
};

static void build_fini(struct build *b)
{
    json_decref(b->options);
    json_decref(b->env);
    free(b->cwd);
    free(b->interpreter);
    script_fini(&b->script);
}

static int put(json_t *object, const char *key, json_t *take_value, struct err *e)
{
    return json_object_set_new(object, key, take_value) < 0 ? out_of_memory(e) : 0;
}

static int put_default(json_t *object, const char *key, json_t *take_value, struct err *e)
{
    if (!json_has(object, key))
        return put(object, key, take_value, e);
    json_decref(take_value);
    return 0;
}

/* ---- steps ---- */

static int set_args(json_t *options, json_t *args, struct err *e)
{
    if (!args || (json_is_array(args) && json_array_size(args) == 0))
        return 0;
    json_t *list = schema_convert(schema_find("args"), args, e);
    if (!list)
        return e && e->code ? e->code : -EINVAL;
    return put(options, "args", list, e);
}

static int set_name(struct build *b, struct err *e)
{
    const char *given = json_get_str(b->options, "name");
    AUTO(buf) name = BUF_INIT;
    if (given && *given)
        buf_add_c(&name, given);
    else if (name_default(b->typed, &name) < 0)
        return out_of_memory(e);
    int rc = name_check(name.data, e);
    return rc < 0 ? rc : put(b->options, "name", json_string(name.data), e);
}

static int validate(struct build *b, struct err *e)
{
    AUTO_JSON none = json_object();
    b->options = schema_validate(b->rq->options ? b->rq->options : none, true, NULL, e);
    if (!b->options)
        return e->code;
    const char *ns = json_get_str(b->options, "namespace");
    if (ns && !*ns)
        json_object_del(b->options, "namespace");
    b->typed = b->rq->script ? b->rq->script : json_get_str(b->options, "script");
    int rc = b->typed && *b->typed ? 0 : err_set(e, -EINVAL, "No script path - aborting");
    if (rc == 0 && (rc = set_name(b, e)) == 0 && (rc = set_args(b->options, b->rq->args, e)) == 0 &&
        (rc = put_default(b->options, "filter_env", json_array(), e)) == 0 &&
        (rc = put_default(b->options, "namespace", json_string("default"), e)) == 0 &&
        (rc = put_default(b->options, "watch", json_false(), e)) == 0)
        rc = put(b->options, "username", json_string(b->w->username ? b->w->username : ""), e);
    if (rc == 0 && json_is_false(json_object_get(b->options, "automation")))
        rc = put(b->options, "pmx", json_false(), e);
    return rc;
}

static struct interp_place place_of(const struct build *b)
{
    return (struct interp_place){.path = json_get_str(b->env, "PATH"), .cwd = b->cwd};
}

static int find_script(struct build *b, struct err *e)
{
    b->cwd = conf_resolve_cwd(b->options, b->rq, e);
    if (!b->cwd)
        return e->code;
    b->env = env_from_request(b->rq, b->options, e);
    if (!b->env)
        return e->code;
    int rc = script_find(&b->script, b->typed, json_object_get(b->options, "args"), b->cwd,
                         json_get_str(b->env, "PATH"), b->w, e);
    if (rc == 0 && b->script.args)
        rc = json_object_set(b->options, "args", b->script.args) < 0 ? out_of_memory(e) : 0;
    return rc < 0 ? rc : conf_check_folder(b->cwd, b->w, e);
}

/* The script as such, where nothing else looks into it. */
static int check_script(const struct build *b, bool executes_itself, struct err *e)
{
    const char *path = b->script.path;
    int code = 0;
    bool is_folder = b->w->kind(b->w->ctx, path, &code) == FILE_FOLDER;
    if (executes_itself && is_folder)
        return err_set(e, -EISDIR, "%s is a folder and cannot be executed", path);
    if (executes_itself && !b->w->is_executable(b->w->ctx, path))
        return err_set(e, -EACCES, "%s is not executable (chmod +x)", path);
    if (!executes_itself && !is_folder && !b->w->is_readable(b->w->ctx, path))
        return err_set(e, -EACCES, "cannot read %s: %s", path, err_text(EACCES));
    return 0;
}

static int use_given_interpreter(struct build *b, const char *given, struct err *e)
{
    bool is_none = strcmp(given, "none") == 0;
    if (b->script.is_shell_line && !is_none)
        return err_set(e, -EINVAL,
                       "\"%s\" is a shell line and takes no interpreter: put the arguments of the "
                       "script into args or behind --",
                       b->typed);
    struct interp_place place = place_of(b);
    char *interpreter = NULL;
    int rc = interp_check(given, &place, b->rq->cwd, b->w, &interpreter, e);
    if (rc == 0)
        rc = check_script(b, is_none, e);
    if (rc == 0)
        rc = put(b->options, "exec_interpreter", json_string(interpreter), e);
    free(interpreter);
    return rc;
}

/* The argument that the chosen interpreter needs goes before those of the user. */
static int add_node_arg(struct build *b, struct err *e)
{
    AUTO_JSON list = json_array();
    json_t *given = json_object_get(b->options, "node_args");
    if (json_array_append_new(list, json_string(b->node_arg)) < 0 ||
        (given && json_array_extend(list, given) < 0))
        return out_of_memory(e);
    return put(b->options, "node_args", json_incref(list), e);
}

static int choose_interpreter(struct build *b, struct err *e)
{
    const char *given = json_get_str(b->options, "exec_interpreter");
    int rc = 0;
    if (given && *given) {
        rc = use_given_interpreter(b, given, e);
    } else {
        json_object_del(b->options, "exec_interpreter");
        struct interp_place place = place_of(b);
        if (b->script.is_shell_line)
            rc = (b->interpreter = strdup("none")) ? 0 : out_of_memory(e);
        else
            rc = interp_choose(b->script.path, &place, b->w, &b->interpreter, &b->node_arg, e);
    }
    return rc == 0 && b->node_arg ? add_node_arg(b, e) : rc;
}

static const char *interpreter_of(const struct build *b)
{
    return b->interpreter ? b->interpreter : json_get_str(b->options, "exec_interpreter");
}

int conf_set_mode(json_t *conf, const char *mode, struct err *e)
{
    if (strncmp(mode, "cluster", 7) == 0)
        return err_set(e, -ENOSYS,
                       "cluster mode is not available yet; add -x to run N instances in fork mode");
    return put(conf, "exec_mode", json_string("fork_mode"), e);
}

static int choose_mode(struct build *b, struct err *e)
{
    const char *mode = json_get_str(b->options, "exec_mode");
    const json_t *instances = json_object_get(b->options, "instances");
    int n = app_conf_instances(b->options, b->w->cpu_count, e);
    if (n < 0)
        return n;
    int rc = 0;
    if (json_is_true(json_object_get(b->options, "execute_command")))
        rc = conf_set_mode(b->options, "fork", e);
    else if (mode)
        rc = conf_set_mode(b->options, mode, e);
    else if (instances && interp_can_cluster(interpreter_of(b)))
        rc = conf_set_mode(b->options, "cluster", e);
    /* PM2's rule: no number, or "one per processor", means one set of files for all. */
    if (rc == 0 && json_integer_value(instances) == 0)
        rc = put_default(b->options, "merge_logs", json_true(), e);
    return rc;
}

/* ---- user ---- */

/* A user or group as text, whatever way it was given. */
static const char *id_text(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        return *json_string_value(value) ? json_string_value(value) : NULL;
    if (!json_is_number(value))
        return NULL;
    (void)snprintf(text, size, "%.17g", json_number_value(value));
    return text;
}

int conf_set_user(json_t *options, json_t *env, const struct app_world *w, struct err *e)
{
    char uid_text[32], gid_text[32], home[4096] = "";
    const char *user = id_text(json_object_get(options, "uid"), uid_text, sizeof(uid_text));
    const char *group = id_text(json_object_get(options, "gid"), gid_text, sizeof(gid_text));
    if (!user && !group)
        return 0;
    if (!w->is_root)
        return err_set(e, -EPERM, "To use --uid and --gid please run pm2 as root");
    long long uid = -1, gid = -1;
    int rc = w->find_user(w->ctx, user, group, &uid, &gid, home, sizeof(home), e);
    if (rc < 0)
        return rc;
    if (user && (rc = put(options, "uid", json_integer(uid), e)) < 0)
        return rc;
    if ((rc = put(options, "gid", json_integer(gid), e)) < 0)
        return rc;
    /* PM2 changes HOME but neither USER nor LOGNAME. */
    return user && *home ? put(env, "HOME", json_string(home), e) : 0;
}

/* ---- assembly ---- */

/* Attributes that end up under other keys, or have done their work. */
static const char *const consumed[] = {"script",   "out_file", "error_file",
                                       "log_file", "pid_file", "execute_command"};

static bool is_consumed(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(consumed); i++) {
        if (strcmp(consumed[i], key) == 0)
            return true;
    }
    return false;
}

/* What was given or has a default, in the order of the table; then env_NAME. */
static json_t *ordered_attributes(const json_t *options)
{
    AUTO_JSON conf = json_object();
    for (size_t i = 0; i < schema_row_count; i++) {
        json_t *value = json_object_get(options, schema_rows[i].name);
        if (value && !is_consumed(schema_rows[i].name) &&
            json_object_set(conf, schema_rows[i].name, value) < 0)
            return NULL;
    }
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)options, key, value) {
        if (strncmp(key, "env_", 4) == 0 && json_object_set(conf, key, value) < 0)
            return NULL;
    }
    return json_incref(conf);
}

/* The environment gets its last key, which PM2 puts there for the settings of modules. */
static int finish_env(struct build *b, struct err *e)
{
    int rc = conf_set_user(b->options, b->env, b->w, e);
    if (rc == 0)
        rc = env_for_interpreter(b->env, interpreter_of(b), e);
    if (rc == 0)
        rc = put_default(b->env, json_get_str(b->options, "name"), json_object(), e);
    if (rc == 0 && json_object_set(b->options, "env", b->env) < 0)
        rc = out_of_memory(e);
    return rc;
}

static json_t *assemble(struct build *b, json_t *warnings, struct err *e)
{
    AUTO_JSON conf = ordered_attributes(b->options);
    if (!conf) {
        out_of_memory(e);
        return NULL;
    }
    if (put_default(conf, "node_args", json_array(), e) < 0 ||
        put(conf, "pm_exec_path", json_string(b->script.path), e) < 0 ||
        put(conf, "pm_cwd", json_string(b->cwd), e) < 0 ||
        put_default(conf, "exec_interpreter", json_string(interpreter_of(b)), e) < 0 ||
        put_default(conf, "exec_mode", json_string("fork_mode"), e) < 0 ||
        put_default(conf, "instances", json_integer(1), e) < 0 ||
        conf_set_paths(conf, b->options, b->rq, b->w, false, warnings, e) < 0 ||
        put(conf, "km_link", json_false(), e) < 0)
        return NULL;
    return json_incref(conf);
}

json_t *app_conf_from_request(const struct app_request *rq, const struct app_world *w,
                              json_t *warnings, struct err *e)
{
    struct err local = {0};
    struct build b = {.rq = rq, .w = w};
    json_t *conf = NULL;
    if (validate(&b, &local) == 0 && find_script(&b, &local) == 0 &&
        choose_interpreter(&b, &local) == 0 && choose_mode(&b, &local) == 0 &&
        finish_env(&b, &local) == 0)
        conf = assemble(&b, warnings, &local);
    if (conf && b.node_arg)
        (void)json_array_append_new(
            warnings, json_string("TypeScript without bun needs Node.js 22.6 or newer"));
    build_fini(&b);
    if (!conf)
        err_set(e, local.code ? local.code : -ENOMEM, "%s", local.msg);
    return conf;
}
