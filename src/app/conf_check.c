/* SPDX-License-Identifier: MIT
 * A conf from outside: PM2's own client (RPC prepare), other programs, dump files. Nothing is
 * believed; unknown keys stay, because tools and dumps carry their own. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/interp.h"
#include "app/names.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "json/read.h"

static int expect(const char *key, const char *type, const json_t *value, struct err *e)
{
    return err_set(e, -EINVAL, "Expect \"%s\" to be a typeof [object %s], but now is [object %s]",
                   key, type, value ? json_type_name(value) : "Undefined");
}

/* ---- what has to be there ---- */

static int check_env(const json_t *conf, struct err *e)
{
    const json_t *env = json_object_get(conf, "env");
    if (!json_is_object(env))
        return expect("env", "Object", env, e);
    const json_t *from = json_object_get(conf, CONF_ENV_FROM);
    if (from && !json_is_object(from))
        return expect(CONF_ENV_FROM, "Object", from, e);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)env, key, value) {
        if (!*key || strchr(key, '='))
            return err_set(e, -EINVAL, "env: \"%s\" is no name for a variable", key);
    }
    return 0;
}

static int check_paths(const json_t *conf, struct err *e)
{
    static const struct {
        const char *key;
        bool required;
    } paths[] = {{"pm_exec_path", true},    {"pm_cwd", true},      {"pm_out_log_path", true},
                 {"pm_err_log_path", true}, {"pm_pid_path", true}, {"pm_log_path", false}};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const json_t *value = json_object_get(conf, paths[i].key);
        if (!value && !paths[i].required)
            continue;
        if (!json_is_string(value))
            return expect(paths[i].key, "String", value, e);
        if (json_string_value(value)[0] != '/')
            return err_set(e, -EINVAL, "\"%s\" must be an absolute path, but now is \"%s\"",
                           paths[i].key, json_string_value(value));
    }
    return 0;
}

static int check_required(const json_t *conf, struct err *e)
{
    const json_t *name = json_object_get(conf, "name");
    if (!json_is_string(name))
        return expect("name", "String", name, e);
    int rc = name_check(json_string_value(name), e);
    if (rc == 0)
        rc = check_env(conf, e);
    return rc < 0 ? rc : check_paths(conf, e);
}

/* ---- attributes ---- */

/* In PM2 every variable of the environment is copied to the top level of the process, so that a
 * dump of PM2 may have text from a variable `time` where an attribute is expected. */
static bool came_from_env(const json_t *conf, const char *key)
{
    const json_t *variable = json_object_get(json_object_get(conf, "env"), key);
    return variable && json_equal(variable, json_object_get(conf, key));
}

/* One attribute, if it is there: 0 with the new value in *ret (NULL = leave it out). */
static int check_attribute(const struct schema_row *row, const json_t *conf, json_t **ret,
                           struct err *e)
{
    struct err local = {0};
    const json_t *value = json_object_get(conf, row->name);
    *ret = NULL;
    if (json_is_null(value))
        return 0;
    json_t *converted = schema_convert(row, value, &local);
    if (!converted && local.code == 0)
        return out_of_memory(e);
    if (!converted && !came_from_env(conf, row->name))
        return err_set(e, local.code, "%s", local.msg);
    *ret = converted;
    return 0;
}

static int check_attributes(json_t *conf, struct err *e)
{
    /* PM2's daemon takes text for one argument; only its client splits. */
    json_t *args = json_object_get(conf, "args");
    if (json_is_string(args) && came_from_env(conf, "args"))
        json_object_del(conf, "args");
    else if (json_is_string(args) && json_object_set_new(conf, "args", json_pack("[O]", args)) < 0)
        return out_of_memory(e);
    for (size_t i = 0; i < schema_row_count; i++) {
        const struct schema_row *row = &schema_rows[i];
        if (!json_has(conf, row->name))
            continue;
        json_t *value;
        int rc = check_attribute(row, conf, &value, e);
        if (rc < 0)
            return rc;
        if (!value)
            json_object_del(conf, row->name);
        else if (json_object_set_new(conf, row->name, value) < 0)
            return out_of_memory(e);
    }
    return 0;
}

/* ---- what is filled in ---- */

static int fill_interpreter(json_t *conf, const struct app_world *w, struct err *e)
{
    const char *given = json_get_str(conf, "exec_interpreter");
    if (given && *given)
        return strncmp(given, "node@", 5) != 0
                   ? 0
                   : err_set(e, -ENOSYS, "interpreter %s is not available yet", given);
    struct interp_place place = {
        .path = json_get_str(json_object_get(conf, "env"), "PATH"),
        .cwd = json_get_str(conf, "pm_cwd"),
    };
    char *interpreter = NULL;
    const char *node_arg;
    int rc =
        interp_choose(json_get_str(conf, "pm_exec_path"), &place, w, &interpreter, &node_arg, e);
    if (rc == 0 && json_object_set_new(conf, "exec_interpreter", json_string(interpreter)) < 0)
        rc = out_of_memory(e);
    if (rc == 0 && node_arg && json_array_size(json_object_get(conf, "node_args")) == 0 &&
        json_object_set_new(conf, "node_args", json_pack("[s]", node_arg)) < 0)
        rc = out_of_memory(e);
    free(interpreter);
    return rc;
}

static int fill_defaults(json_t *conf, struct err *e)
{
    const char *ns = json_get_str(conf, "namespace");
    if ((!ns || !*ns) && json_object_set_new(conf, "namespace", json_string("default")) < 0)
        return out_of_memory(e);
    if (!json_has(conf, "node_args") && json_object_set_new(conf, "node_args", json_array()) < 0)
        return out_of_memory(e);
    for (size_t i = 0; i < schema_row_count; i++) {
        const struct schema_row *row = &schema_rows[i];
        if (row->def && !json_has(conf, row->name) &&
            json_object_set_new(conf, row->name, schema_default(row)) < 0)
            return out_of_memory(e);
    }
    return 0;
}

int app_conf_check(json_t *conf, const struct app_world *w, struct err *e)
{
    if (!json_is_object(conf))
        return expect("app", "Object", conf, e);
    int rc = check_required(conf, e);
    if (rc == 0)
        rc = check_attributes(conf, e);
    if (rc == 0 && (rc = app_conf_instances(conf, w->cpu_count, e)) > 0)
        rc = 0;
    if (rc == 0)
        rc = conf_set_user(conf, json_object_get(conf, "env"), json_object_get(conf, CONF_ENV_FROM),
                           w, e);
    if (rc == 0)
        rc = fill_interpreter(conf, w, e);
    if (rc == 0) {
        const char *mode = json_get_str(conf, "exec_mode");
        rc = conf_set_mode(conf, mode ? mode : "fork", json_get_str(conf, "exec_interpreter"), e);
    }
    return rc < 0 ? rc : fill_defaults(conf, e);
}
