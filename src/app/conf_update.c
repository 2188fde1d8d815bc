/* SPDX-License-Identifier: MIT
 * The options of a restart merged into the conf of an existing app. Pure.
 *
 * PM2 stores new log files, folders and interpreters on a restart and then goes on using the old
 * ones; here they take effect. What makes an app another one stays as it is: script, number of
 * processes, exec_mode. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/interp.h"
#include "app/names.h"
#include "app/schema.h"
#include "base/attr.h"
#include "json/read.h"

/* Attributes that are not just copied: they have a step of their own, or no meaning here. */
static const char *const not_copied[] = {
    "script",
    "name",
    "env",
    "args",
    "cwd",
    "exec_interpreter",
    "uid",
    "gid",
    "out_file",
    "exec_mode",
    "error_file",
    "log_file",
    "pid_file",
    "username",
    "force",
    "instances",
    "execute_command",
};

static bool is_copied(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(not_copied); i++) {
        if (strcmp(not_copied[i], key) == 0)
            return false;
    }
    return true;
}

static int copy_attributes(json_t *conf, const json_t *options, struct err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)options, key, value) {
        if (is_copied(key) && json_object_set(conf, key, value) < 0)
            return out_of_memory(e);
    }
    return 0;
}

static int update_mode(json_t *conf, const json_t *options, struct err *e)
{
    const char *mode = json_get_str(options, "exec_mode");
    if (!mode && json_has(options, "listen")) /* not every mode goes with it */
        mode = json_get_str(conf, "exec_mode");
    const char *interpreter = json_get_str(conf, "exec_interpreter");
    return mode ? conf_set_mode(conf, mode, interpreter ? interpreter : "none", e) : 0;
}

static int update_name(json_t *conf, const json_t *options, struct err *e)
{
    json_t *name = json_object_get(options, "name");
    if (!name)
        return 0;
    int rc = name_check(json_string_value(name), e);
    if (rc == 0 && json_object_set(conf, "name", name) < 0)
        rc = out_of_memory(e);
    return rc;
}

/* The line of a shell command, without what an earlier start put behind it; NULL when the conf is
 * something else. */
static const char *shell_line_of(const json_t *conf)
{
    const json_t *args = json_object_get(conf, "args");
    const char *path = json_get_str(conf, "pm_exec_path");
    const char *interpreter = json_get_str(conf, "exec_interpreter");
    const char *base = path ? strrchr(path, '/') : NULL;
    const char *first = json_string_value(json_array_get(args, 0));
    if (!base || !first || !interpreter || strcmp(interpreter, "none") != 0)
        return NULL;
    if (strcmp(first, "-c") != 0 || (strcmp(base, "/bash") != 0 && strcmp(base, "/sh") != 0))
        return NULL;
    return json_string_value(json_array_get(args, 1));
}

static int update_args(json_t *conf, const json_t *options, const struct app_request *rq,
                       struct err *e)
{
    json_t *given = json_object_get(options, "args");
    if (rq->args && !(json_is_array(rq->args) && json_array_size(rq->args) == 0))
        given = rq->args;
    if (!given)
        return 0;
    AUTO_JSON list = schema_convert(schema_find("args"), given, e);
    if (!list)
        return e->code ? e->code : out_of_memory(e);
    const char *line = shell_line_of(conf);
    AUTO_JSON whole = line ? shell_line_args(line, list) : json_incref(list);
    return !whole || json_object_set(conf, "args", whole) < 0 ? out_of_memory(e) : 0;
}

static int update_env(json_t *conf, const json_t *options, const struct app_request *rq,
                      struct err *e)
{
    json_t *env = json_object_get(conf, "env");
    if (!json_is_object(env))
        return err_set(e, -EINVAL, "env: expected an object");
    if (rq->env && !json_is_object(rq->env))
        return err_set(e, -EINVAL, "env: expected an object");
    json_t *from = json_object_get(conf, CONF_ENV_FROM);
    int rc = env_merge_caller(env, from, rq->env, json_object_get(conf, "filter_env"), e);
    return rc < 0 ? rc : env_merge_options(env, from, options, rq, e);
}

static int update_place(json_t *conf, const json_t *options, const struct app_request *rq,
                        const struct app_world *w, struct err *e)
{
    if (!json_has(options, "cwd"))
        return 0;
    char *cwd = conf_resolve_cwd(options, rq, e);
    if (!cwd)
        return e->code;
    int rc = conf_check_folder(cwd, w, e);
    if (rc == 0)
        rc = env_set_own(json_object_get(conf, "env"), json_object_get(conf, CONF_ENV_FROM), "PWD",
                         json_string(cwd), ENV_OF_PM2, e);
    if (rc == 0 && (json_object_set(conf, "cwd", json_object_get(options, "cwd")) < 0 ||
                    json_object_set_new(conf, "pm_cwd", json_string(cwd)) < 0))
        rc = out_of_memory(e);
    free(cwd);
    return rc;
}

static int update_interpreter(json_t *conf, const json_t *options, const struct app_request *rq,
                              const struct app_world *w, struct err *e)
{
    const char *given = json_get_str(options, "exec_interpreter");
    json_t *env = json_object_get(conf, "env");
    if (!given || !*given)
        return 0;
    const char *cwd = json_get_str(conf, "pm_cwd");
    struct interp_place place = {.path = json_get_str(env, "PATH"), .cwd = cwd ? cwd : "/"};
    char *interpreter = NULL;
    int rc = interp_check(given, &place, rq->cwd ? rq->cwd : "/", w, &interpreter, e);
    if (rc == 0)
        rc = env_for_interpreter(env, json_object_get(conf, CONF_ENV_FROM), interpreter, e);
    if (rc == 0 && json_object_set_new(conf, "exec_interpreter", json_string(interpreter)) < 0)
        rc = out_of_memory(e);
    free(interpreter);
    return rc;
}

static int update_user(json_t *conf, json_t *options, const struct app_world *w, struct err *e)
{
    int rc = conf_set_user(options, json_object_get(conf, "env"),
                           json_object_get(conf, CONF_ENV_FROM), w, e);
    static const char *const keys[] = {"uid", "gid"};
    for (size_t i = 0; i < ARRAY_LEN(keys) && rc == 0; i++) {
        json_t *value = json_object_get(options, keys[i]);
        if (value && json_object_set(conf, keys[i], value) < 0)
            rc = out_of_memory(e);
    }
    return rc;
}

/* What the daemon itself puts into a conf, and a new one from the file does not have. */
static const char *const kept[] = {"created_at", "_km_monitored", "pmx_module", "module_conf"};

static int keep(json_t *to, const json_t *from, const char *key)
{
    json_t *value = key && *key ? json_object_get(from, key) : NULL;
    return value && json_object_set(to, key, value) < 0 ? -ENOMEM : 0;
}

json_t *app_conf_renew(const json_t *have, const json_t *want)
{
    AUTO_JSON conf = json_copy((json_t *)want);
    AUTO_JSON env = json_copy(json_object_get(want, "env"));
    const json_t *had = json_object_get(have, "env");
    if (!conf || !env)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (keep(conf, have, kept[i]) < 0)
            return NULL;
    if (keep(env, had, "unique_id") < 0 ||
        keep(env, had, json_get_str(want, "increment_var")) < 0 ||
        json_object_set(conf, "env", env) < 0)
        return NULL;
    return json_incref(conf);
}

int app_conf_update(json_t *conf, const struct app_request *rq, const struct app_world *w,
                    struct err *e)
{
    struct err local = {0};
    const char *at;
    AUTO_JSON none = json_object();
    AUTO_JSON options = schema_validate(rq->options ? rq->options : none, false, NULL, &local);
    /* Everything happens to a copy, so that an error leaves the conf as it was. */
    AUTO_JSON copy = json_deep_copy(conf);
    int rc = !options ? local.code : copy ? 0 : out_of_memory(&local);
    if (rc == 0 && (rc = copy_attributes(copy, options, &local)) == 0 &&
        (rc = update_name(copy, options, &local)) == 0 &&
        (rc = update_args(copy, options, rq, &local)) == 0 &&
        (rc = update_env(copy, options, rq, &local)) == 0 &&
        (rc = update_place(copy, options, rq, w, &local)) == 0 &&
        (rc = update_interpreter(copy, options, rq, w, &local)) == 0 &&
        (rc = update_mode(copy, options, &local)) == 0 &&
        (rc = update_user(copy, options, w, &local)) == 0)
        rc = conf_set_paths(copy, options, rq, w, true, NULL, &at, &local);
    if (rc == 0 && json_object_update(conf, copy) < 0)
        rc = out_of_memory(&local);
    return rc < 0 ? err_set(e, rc, "%s", local.msg) : 0;
}
