/* SPDX-License-Identifier: MIT
 * Collects what the user wrote and hands it on unchecked: the daemon normalises. */
#include "start_app.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/read.h"
#include "json/write.h"

extern char **environ;

struct pm2_app {
    json_t *options; /* attribute -> value */
    json_t *args;
    json_t *env;
    char *script;
    bool update_env;
    struct err failed; /* the first thing that went wrong */
};

struct pm2_app *pm2_app_new(const char *script)
{
    struct pm2_app *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->options = json_object();
    a->args = json_array();
    a->env = json_object();
    a->script = strdup(script ? script : "");
    if (a->options && a->args && a->env && a->script)
        return a;
    pm2_app_free(a);
    return NULL;
}

void pm2_app_free(struct pm2_app *a)
{
    if (!a)
        return;
    json_decref(a->options);
    json_decref(a->args);
    json_decref(a->env);
    free(a->script);
    free(a);
}

static void note(struct pm2_app *a, int code, const char *what, const char *why)
{
    if (a->failed.code == 0)
        err_set(&a->failed, code, "%s: %s", what, why);
}

static json_t *text_value(struct pm2_app *a, const char *what, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    if (value)
        return value;
    json_t *unchecked = text ? json_string_nocheck(text) : NULL;
    if (!text)
        note(a, -EINVAL, what, "no value");
    else if (unchecked)
        note(a, -EINVAL, what, "not UTF-8");
    else
        note(a, -ENOMEM, what, "out of memory");
    json_decref(unchecked);
    return NULL;
}

/* Takes `value`; NULL has been noted already. */
static void set(struct pm2_app *a, const char *attribute, json_t *value)
{
    if (value && json_object_set_new(a->options, attribute, value) < 0)
        note(a, -ENOMEM, attribute, "out of memory");
}

static void set_text(struct pm2_app *a, const char *attribute, const char *text)
{
    set(a, attribute, text_value(a, attribute, text));
}

static void set_number(struct pm2_app *a, const char *attribute, json_int_t number)
{
    json_t *value = json_integer(number);
    if (!value)
        note(a, -ENOMEM, attribute, "out of memory");
    set(a, attribute, value);
}

#define TEXT_SETTER(function, attribute)                                                           \
    void function(struct pm2_app *a, const char *text)                                             \
    {                                                                                              \
        set_text(a, attribute, text);                                                              \
    }

TEXT_SETTER(pm2_app_set_name, "name")
TEXT_SETTER(pm2_app_set_namespace, "namespace")
TEXT_SETTER(pm2_app_set_cwd, "cwd")
TEXT_SETTER(pm2_app_set_interpreter, "exec_interpreter")
TEXT_SETTER(pm2_app_set_out_log, "out_file")
TEXT_SETTER(pm2_app_set_error_log, "error_file")

#define NUMBER_SETTER(function, type, attribute)                                                   \
    void function(struct pm2_app *a, type number)                                                  \
    {                                                                                              \
        set_number(a, attribute, number);                                                          \
    }

NUMBER_SETTER(pm2_app_set_instances, int, "instances")
NUMBER_SETTER(pm2_app_set_max_restarts, int, "max_restarts")
NUMBER_SETTER(pm2_app_set_max_memory, int64_t, "max_memory_restart")
NUMBER_SETTER(pm2_app_set_kill_timeout, int, "kill_timeout")

void pm2_app_set_autorestart(struct pm2_app *a, int on)
{
    set(a, "autorestart", json_boolean(on));
}

void pm2_app_set_update_env(struct pm2_app *a, int on)
{
    a->update_env = on != 0;
}

void pm2_app_add_arg(struct pm2_app *a, const char *arg)
{
    json_t *value = text_value(a, "argument", arg);
    if (value && json_array_append_new(a->args, value) < 0)
        note(a, -ENOMEM, "argument", "out of memory");
}

void pm2_app_set_env(struct pm2_app *a, const char *name, const char *value)
{
    json_t *text = text_value(a, name, value);
    if (text && json_object_set_new(a->env, name, text) < 0)
        note(a, -ENOMEM, name, "out of memory");
}

void pm2_app_set_json(struct pm2_app *a, const char *attribute, const char *json)
{
    struct err e = {0};
    json_t *value = json_read(str_from(json), &e);
    if (!value)
        note(a, e.code, attribute, e.msg);
    set(a, attribute, value);
}

void start_app_write_environ(struct jw *w, const json_t *except)
{
    for (char **at = environ; at && *at; at++) {
        const char *eq = strchr(*at, '=');
        struct str name = {*at, eq ? (size_t)(eq - *at) : 0};
        if (name.n == 0 || json_object_getn(except, name.p, name.n))
            continue;
        jw_key_str(w, name);
        jw_str(w, eq + 1);
    }
}

static void write_env(const struct pm2_app *a, bool with_callers, struct jw *w)
{
    const char *key;
    json_t *value;
    jw_key(w, "env");
    jw_obj_begin(w);
    if (with_callers)
        start_app_write_environ(w, a->env);
    json_object_foreach (a->env, key, value)
        jw_kdom(w, key, value);
    jw_obj_end(w);
}

/* What a start and a restart have in common. */
static void write_changes(const struct pm2_app *a, struct jw *w)
{
    char cwd[PATH_MAX];
    /* The folder may have been removed: absolute paths still work. */
    jw_kstr(w, "cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "/");
    jw_kdom(w, "options", a->options);
    if (json_array_size(a->args) > 0)
        jw_kdom(w, "args", a->args);
}

int start_app_write(const struct pm2_app *a, struct buf *out, struct err *e)
{
    struct jw w = jw_to(out);
    if (a->failed.code < 0)
        return err_set(e, a->failed.code, "%s", a->failed.msg);
    if (!a->script[0])
        return err_set(e, -EINVAL, "pm2_app_new: no script");
    jw_obj_begin(&w);
    jw_key(&w, "targets");
    jw_arr_begin(&w);
    jw_str(&w, a->script);
    jw_arr_end(&w);
    jw_kbool(&w, "scripts", true); /* never the name or the id of what is there already */
    write_changes(a, &w);
    write_env(a, true, &w);
    jw_kbool(&w, "update_env", a->update_env);
    jw_obj_end(&w);
    return buf_oom(out) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int start_app_write_changes(const struct pm2_app *a, struct jw *w, struct err *e)
{
    if (a->failed.code < 0)
        return err_set(e, a->failed.code, "%s", a->failed.msg);
    if (a->update_env || json_object_size(a->env) > 0)
        write_env(a, a->update_env, w);
    write_changes(a, w);
    return 0;
}
