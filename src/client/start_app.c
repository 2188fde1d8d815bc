/* SPDX-License-Identifier: MIT
 * Collects what the user wrote and hands it on unchecked: the daemon normalises. */
#include "start_app.h"

#include <errno.h>
#include <limits.h>
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
    if (!text)
        note(a, -EINVAL, what, "no value");
    else if (!value)
        note(a, -EINVAL, what, "not UTF-8, or out of memory");
    return value;
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

void pm2_app_set_name(struct pm2_app *a, const char *name)
{
    set_text(a, "name", name);
}

void pm2_app_set_namespace(struct pm2_app *a, const char *name)
{
    set_text(a, "namespace", name);
}

void pm2_app_set_cwd(struct pm2_app *a, const char *path)
{
    set_text(a, "cwd", path);
}

void pm2_app_set_interpreter(struct pm2_app *a, const char *program)
{
    set_text(a, "exec_interpreter", program);
}

void pm2_app_set_out_log(struct pm2_app *a, const char *path)
{
    set_text(a, "out_file", path);
}

void pm2_app_set_error_log(struct pm2_app *a, const char *path)
{
    set_text(a, "error_file", path);
}

void pm2_app_set_instances(struct pm2_app *a, int count)
{
    set_number(a, "instances", count);
}

void pm2_app_set_autorestart(struct pm2_app *a, int on)
{
    set(a, "autorestart", json_boolean(on));
}

void pm2_app_set_max_restarts(struct pm2_app *a, int count)
{
    set_number(a, "max_restarts", count);
}

void pm2_app_set_max_memory(struct pm2_app *a, int64_t bytes)
{
    set_number(a, "max_memory_restart", bytes);
}

void pm2_app_set_kill_timeout(struct pm2_app *a, int timeout_ms)
{
    set_number(a, "kill_timeout", timeout_ms);
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

/* The caller's environment, with the application's own on top. */
static void write_env(const struct pm2_app *a, struct jw *w)
{
    const char *key;
    json_t *value;
    jw_obj_begin(w);
    for (char **at = environ; at && *at; at++) {
        const char *eq = strchr(*at, '=');
        if (!eq || eq == *at)
            continue;
        struct str name = {*at, (size_t)(eq - *at)};
        if (json_object_getn(a->env, name.p, name.n))
            continue;
        jw_key_str(w, name);
        jw_str(w, eq + 1);
    }
    json_object_foreach (a->env, key, value)
        jw_kdom(w, key, value);
    jw_obj_end(w);
}

int start_app_write(const struct pm2_app *a, struct buf *out, struct err *e)
{
    char cwd[PATH_MAX];
    struct jw w = jw_to(out);
    if (a->failed.code < 0)
        return err_set(e, a->failed.code, "%s", a->failed.msg);
    if (!a->script[0])
        return err_set(e, -EINVAL, "pm2_app_new: no script");
    if (!getcwd(cwd, sizeof(cwd)))
        return err_set(e, -errno, "cannot tell the current folder: %s", err_text(errno));
    jw_obj_begin(&w);
    jw_key(&w, "targets");
    jw_arr_begin(&w);
    jw_str(&w, a->script);
    jw_arr_end(&w);
    jw_kdom(&w, "options", a->options);
    if (json_array_size(a->args) > 0)
        jw_kdom(&w, "args", a->args);
    jw_kstr(&w, "cwd", cwd);
    jw_key(&w, "env");
    write_env(a, &w);
    jw_obj_end(&w);
    return buf_oom(out) ? err_set(e, -ENOMEM, "out of memory") : 0;
}
