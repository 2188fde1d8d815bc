/* SPDX-License-Identifier: MIT
 * The environment of an app: what is kept of the caller's, and what PM2 tells the process about
 * itself. What the app declares itself: conf_env_own.c. Pure.
 *
 * Variables never touch the configuration. (In PM2 they share one name space: a caller's variable
 * called `name` or `restart_delay` silently becomes the app's.) */
#include <errno.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/listen.h"
#include "app/schema.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"
#include "json/write.h"

/* ---- lists of names ---- */

static bool is_listed(const char *const *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], key) == 0)
            return true;
    }
    return false;
}
#define IS_LISTED(list, key) is_listed((list), ARRAY_LEN(list), (key))

/* Whoever finds these writes into the channel of another process. */
static const char *const channel_names[] = {
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
    "PM2_INSTANCE_SOCK",
};

/* What the daemon keeps about a process beside its attributes, as PM2 names it. */
static const char *const state_names[] = {
    "pm_id",
    "status",
    "pm_uptime",
    "created_at",
    "restart_time",
    "unstable_restarts",
    "exit_code",
    "prev_restart_delay",
    "unique_id",
    "version",
    "node_version",
    "versioning",
    "vizion_running",
    "km_link",
    "_km_monitored",
    "updateEnv",
    "_pm2_version",
    "pm_exec_path",
    "pm_cwd",
    "pm_pid_path",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_log_path",
    "axm_actions",
    "axm_monitor",
    "axm_options",
    "axm_dynamic",
    "command",
    "NODE_APP_INSTANCE",
};

/* What stays with filter_env true: what cron gives a job. Without it hardly anything runs. */
static const char *const minimal_names[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL"};

/* No variable of the same name hides these from the process. */
static const char *const fixed_names[] = {
    "name",      "namespace",        "pm_exec_path",    "pm_cwd",
    "exec_mode", "pm_pid_path",      "pm_out_log_path", "pm_log_path",
    "pm_id",     "exec_interpreter", "pm_err_log_path", "status",
    "pm_uptime", "created_at",       "restart_time",    "unstable_restarts",
};

/* The same, but only as the launch gives them: a conf from a dump has old ones at its top level. */
static const char *const launch_names[] = {"PM2_HOME", "unique_id"};

bool env_is_bad_name(const char *key)
{
    return !*key || strchr(key, '=');
}

bool env_is_channel_name(const char *key)
{
    return IS_LISTED(channel_names, key);
}

static bool is_variable_name(const char *key)
{
    return !env_is_bad_name(key) && !env_is_channel_name(key);
}

/* ---- from the caller ---- */

static bool is_attribute(const char *key)
{
    for (size_t i = 0; i < schema_row_count; i++) {
        if (strcmp(schema_rows[i].name, key) == 0)
            return true;
    }
    return false;
}

static bool is_filtered(const json_t *filter, const char *key)
{
    if (json_is_true(filter))
        return !IS_LISTED(minimal_names, key);
    if (json_is_string(filter))
        return strcmp(json_string_value(filter), key) == 0;
    for (size_t i = 0; i < json_array_size(filter); i++) {
        const char *part = json_string_value(json_array_get(filter, i));
        if (part && *part && strstr(key, part))
            return true;
    }
    return false;
}

/* What an earlier caller gave and this one does not have. */
static int forget_old(json_t *env, const json_t *from, const json_t *caller, struct err *e)
{
    AUTO_JSON old = json_copy(env);
    if (!old)
        return out_of_memory(e);
    const char *key;
    json_t *value;
    json_object_foreach (old, key, value) {
        if (!json_has(from, key) && !json_has(caller, key) && strcmp(key, "unique_id") != 0)
            json_object_del(env, key);
    }
    return 0;
}

static bool is_of_pm2(const json_t *from, const char *key)
{
    const char *source = json_get_str(from, key);
    return source && strcmp(source, ENV_OF_PM2) == 0;
}

int env_merge_caller(json_t *env, json_t *from, json_t *caller, const json_t *filter, struct err *e)
{
    if (caller && json_object_size(from) > 0 && forget_old(env, from, caller, e) < 0)
        return -ENOMEM;
    /* A caller that runs under PM2 itself has the whole configuration of its own process in its
     * environment; none of it is meant for the new app. */
    bool under_pm2 = json_has(caller, "pm_id");
    const char *own_instance_var = under_pm2 ? json_get_str(caller, "instance_var") : NULL;
    const char *key;
    json_t *value;
    json_object_foreach (caller, key, value) {
        if (!is_variable_name(key) || is_filtered(filter, key) || is_of_pm2(from, key))
            continue;
        if (under_pm2 && (is_attribute(key) || IS_LISTED(state_names, key) ||
                          (own_instance_var && strcmp(own_instance_var, key) == 0)))
            continue;
        if (json_is_null(value) || json_is_object(value) || json_is_array(value))
            continue;
        if (json_object_set_nocheck(env, key, value) < 0) /* it was a key before */
            return out_of_memory(e);
        json_object_del(from, key);
    }
    return 0;
}

/* ---- of the process ---- */

/* Add "key=value" as JavaScript would print the value; null, objects and arrays are left out. */
static int add_variable(json_t *vars, const char *key, const json_t *value)
{
    if (!is_variable_name(key))
        return 0;
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "%s=", key);
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING: buf_add_c(&text, json_string_value(value)); break;
    case JSON_INTEGER: buf_printf(&text, "%lld", (long long)json_integer_value(value)); break;
    case JSON_REAL: json_number_text(&text, json_real_value(value)); break;
    case JSON_TRUE: buf_add_c(&text, "true"); break;
    case JSON_FALSE: buf_add_c(&text, "false"); break;
    default: return 0;
    }
    if (buf_oom(&text))
        return -ENOMEM;
    return json_object_set_new(vars, key, json_stringn(text.data, text.len)) < 0 ? -ENOMEM : 0;
}

static bool is_fixed(const char *key, const json_t *conf, const json_t *state)
{
    const char *instance_var = json_get_str(conf, "instance_var");
    return IS_LISTED(fixed_names, key) || (instance_var && strcmp(instance_var, key) == 0) ||
           (IS_LISTED(launch_names, key) && json_has(state, key));
}

/* PM2's own values: of the conf, renewed by those of the launch. They give way to the variables in
 * `vars`, but for the fixed ones. */
static int add_own(json_t *vars, const json_t *conf, const json_t *state)
{
    AUTO_JSON own = json_copy((json_t *)conf);
    if (!own || (state && json_object_update(own, (json_t *)state) < 0))
        return -ENOMEM;
    const char *key;
    json_t *value;
    json_object_foreach (own, key, value) {
        if (strcmp(key, "env") == 0 || (json_has(vars, key) && !is_fixed(key, conf, state)))
            continue;
        if (add_variable(vars, key, value) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int set_text(json_t *vars, const char *key, const struct buf *text)
{
    json_t *value = buf_oom(text) ? NULL : json_sprintf("%s=%s", key, text->data);
    return json_object_set_new(vars, key, value) < 0 ? -ENOMEM : 0;
}

/* What sd_listen_fds_with_names(3) reads. The child itself writes its pid into the blanks. */
static int add_listen(json_t *vars, const json_t *conf)
{
    AUTO(buf) count = BUF_INIT;
    AUTO(buf) names = BUF_INIT;
    AUTO(buf) room = BUF_INIT;
    size_t n = listen_count(conf);
    if (n == 0)
        return 0;
    buf_printf(&count, "%zu", n);
    buf_add_c(&room, "          ");
    for (size_t i = 0; i < n; i++) {
        struct listen_address a;
        const char *text = listen_text(conf, i);
        if (i > 0)
            buf_add_byte(&names, ':');
        if (text && listen_parse(text, &a, NULL) == 0)
            listen_write_name(&a, &names);
    }
    int rc = set_text(vars, "LISTEN_FDS", &count);
    if (rc == 0)
        rc = set_text(vars, "LISTEN_FDNAMES", &names);
    return rc < 0 ? rc : set_text(vars, "LISTEN_PID", &room);
}

/* Behind the sockets, else fd 3, as Node.js expects of a parent that made a channel. */
static int add_channel(json_t *list, const json_t *conf)
{
    json_t *fd = json_sprintf("NODE_CHANNEL_FD=%zu", 3 + listen_count(conf));
    if (json_array_append_new(list, fd) < 0)
        return -ENOMEM;
    json_t *mode = json_string("NODE_CHANNEL_SERIALIZATION_MODE=json");
    return json_array_append_new(list, mode) < 0 ? -ENOMEM : 0;
}

/* What makes it a worker of a cluster. */
static int add_unique_id(json_t *list, const json_t *conf, const json_t *state)
{
    const char *mode = json_get_str(conf, "exec_mode");
    int64_t id;
    if (!mode || strcmp(mode, "cluster_mode") != 0 || listen_count(conf) > 0 ||
        !json_get_int(state, "pm_id", &id))
        return 0;
    json_t *text = json_sprintf("NODE_UNIQUE_ID=%lld", (long long)id + 1); /* 0 is none */
    return json_array_append_new(list, text) < 0 ? -ENOMEM : 0;
}

json_t *app_environment(const json_t *conf, const json_t *state, bool channel)
{
    AUTO_JSON vars = json_object();
    AUTO_JSON list = json_array();
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(conf, "env"), key, value) {
        if (add_variable(vars, key, value) < 0)
            return NULL;
    }
    if (!vars || !list || add_own(vars, conf, state) < 0)
        return NULL;
    if (channel && add_listen(vars, conf) < 0)
        return NULL;
    json_object_foreach (vars, key, value) {
        if (json_array_append(list, value) < 0)
            return NULL;
    }
    if (channel && (add_channel(list, conf) < 0 || add_unique_id(list, conf, state) < 0))
        return NULL;
    return json_incref(list);
}
