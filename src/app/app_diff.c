/* SPDX-License-Identifier: MIT
 * What another conf would change about an app. Pure. */
#include <string.h>

#include "app/app_set.h"
#include "app/conf_priv.h"
#include "app/names.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

/* Keys of a conf that an attribute of another name makes, and how they are compared. */
static const struct {
    const char *key, *attribute, *numbered; /* extension before which the daemon puts a number */
} made[] = {
    {"pm_exec_path", "script", NULL},          {"pm_cwd", "cwd", NULL},
    {"pm_log_path", "log_file", ".log"},       {"pm_out_log_path", "out_file", ".log"},
    {"pm_err_log_path", "error_file", ".log"}, {"pm_pid_path", "pid_file", ".pid"},
};

/* Attributes without effect on what runs, or compared by what they make; and the number of
 * processes, which only who has them can count (0 and -1 depend on the machine). */
static const char *const ignored[] = {
    "instances", "cwd",        "env",         "force",       "username",
    "write",     "filter_env", "install_url", "name_prefix",
};

static bool is_ignored(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        if (strcmp(ignored[i], name) == 0)
            return true;
    }
    return false;
}

static int tell(json_t *list, const char *name)
{
    return json_array_append_new(list, json_string(name)) < 0 ? -1 : 0;
}

/* ---- attributes ---- */

/* What a row is when nothing is given: its default, or off. */
static json_t *value_of(const json_t *conf, const struct schema_row *row)
{
    json_t *value = json_object_get(conf, row->name);
    if (!value && row->def)
        return schema_default(row);
    /* Lists and switches that are empty or off are like those that nobody gave. */
    bool is_nothing = json_is_false(value) || json_is_null(value) ||
                      ((json_is_array(value) || json_is_object(value)) &&
                       json_array_size(value) + json_object_size(value) == 0);
    return is_nothing ? NULL : json_incref(value);
}

static int diff_rows(json_t *list, const json_t *have, const json_t *want)
{
    for (size_t i = 0; i < schema_row_count; i++) {
        const struct schema_row *row = &schema_rows[i];
        if (is_ignored(row->name))
            continue;
        AUTO_JSON a = value_of(have, row);
        AUTO_JSON b = value_of(want, row);
        if (a != b && !json_equal(a, b) && tell(list, row->name) < 0)
            return -1;
    }
    return 0;
}

/* ---- paths ---- */

/* `path` as it is for process 0. */
static int unnumbered(const char *path, const char *ext, bool is_merged, struct buf *out)
{
    if (ext && (!is_merged || strcmp(ext, ".log") != 0))
        return path_number(path, ext, 0, out);
    buf_add_c(out, path);
    return buf_oom(out) ? -1 : 0;
}

static int diff_made(json_t *list, const json_t *have, const json_t *want)
{
    bool is_merged = json_truthy(json_object_get(want, "merge_logs")) &&
                     json_truthy(json_object_get(have, "merge_logs"));
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        const char *a = json_get_str(have, made[i].key), *b = json_get_str(want, made[i].key);
        AUTO(buf) old = BUF_INIT;
        AUTO(buf) new = BUF_INIT;
        if (unnumbered(a ? a : "", made[i].numbered, is_merged, &old) < 0 ||
            unnumbered(b ? b : "", made[i].numbered, is_merged, &new) < 0)
            return -1;
        if (strcmp(old.data, new.data) != 0 && tell(list, made[i].attribute) < 0)
            return -1;
    }
    return 0;
}

/* ---- environment ---- */

/* A variable that the file (or an option) sets: not PM2, not a shell. */
static bool is_declared(const json_t *from, const char *key)
{
    const char *source = json_get_str(from, key);
    return source && strncmp(source, ENV_OF_PM2, strlen(ENV_OF_PM2)) != 0;
}

static int tell_variable(json_t *list, const char *key)
{
    AUTO(buf) name = BUF_INIT;
    buf_printf(&name, "env.%s", key);
    return buf_oom(&name) ? -1 : tell(list, name.data);
}

static int diff_env(json_t *list, const json_t *have, const json_t *want)
{
    const json_t *old = json_object_get(have, "env"), *new = json_object_get(want, "env");
    const json_t *old_from = json_object_get(have, CONF_ENV_FROM);
    const json_t *new_from = json_object_get(want, CONF_ENV_FROM);
    const char *counter = json_get_str(want, "increment_var");
    const char *key;
    json_t *source;
    json_object_foreach ((json_t *)new_from, key, source) {
        bool is_counter = counter && strcmp(counter, key) == 0;
        if (is_declared(new_from, key) && !is_counter &&
            !json_equal(json_object_get(old, key), json_object_get(new, key)) &&
            tell_variable(list, key) < 0)
            return -1;
    }
    json_object_foreach ((json_t *)old_from, key, source) {
        if (is_declared(old_from, key) && !is_declared(new_from, key) &&
            !json_equal(json_object_get(old, key), json_object_get(new, key)) &&
            tell_variable(list, key) < 0)
            return -1;
    }
    return 0;
}

json_t *app_conf_diff(const json_t *have, const json_t *want)
{
    AUTO_JSON list = json_array();
    if (!list || diff_made(list, have, want) < 0 || diff_rows(list, have, want) < 0 ||
        diff_env(list, have, want) < 0)
        return NULL;
    return json_incref(list);
}
