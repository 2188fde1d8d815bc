/* SPDX-License-Identifier: MIT
 * Paths of an app: its folder, its log files, its pid file. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/names.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

#define NO_FILE "/dev/null"

int out_of_memory(struct err *e)
{
    return err_set(e, -ENOMEM, "out of memory");
}

/* Append the parts of `path` to `out`, which is absolute and has no slash at its end. */
static void add_parts(struct buf *out, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            const char *slash = memrchr(out->data, '/', out->len);
            buf_truncate(out, slash ? (size_t)(slash - out->data) : 0);
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            buf_add_byte(out, '/');
            buf_add(out, path, n);
        }
        path += n + (path[n] == '/');
    }
}

char *path_resolve(const char *base, const char *path, const char *home)
{
    AUTO(buf) out = BUF_INIT;
    if (home && path[0] == '~' && (path[1] == '\0' || path[1] == '/')) {
        add_parts(&out, home);
        path++;
    } else if (path[0] != '/') {
        add_parts(&out, base);
    }
    add_parts(&out, path);
    if (out.len == 0)
        buf_add_byte(&out, '/');
    return buf_detach(&out);
}

/* HOME as the app's user wrote `~`. */
static const char *home_of(const struct app_request *rq)
{
    return json_get_str(rq->env, "HOME");
}

char *conf_resolve_cwd(const json_t *options, const struct app_request *rq, struct err *e)
{
    const char *given = json_get_str(options, "cwd");
    if (!rq->cwd || rq->cwd[0] != '/') {
        err_set(e, -EINVAL, "cwd: the caller's folder must be an absolute path");
        return NULL;
    }
    char *cwd = path_resolve(rq->cwd, given ? given : "", home_of(rq));
    if (!cwd)
        out_of_memory(e);
    return cwd;
}

int conf_check_folder(const char *cwd, const struct app_world *w, struct err *e)
{
    int code = 0;
    enum file_kind kind = w->kind(w->ctx, cwd, &code);
    if (kind == FILE_FOLDER)
        return 0;
    code = kind == FILE_NONE ? code : -ENOTDIR;
    return err_set(e, code ? code : -ENOENT, "cwd %s: %s", cwd, err_text(code ? code : -ENOENT));
}

/* ---- log and pid files ---- */

static const struct {
    const char *option; /* attribute that names it */
    const char *key;    /* of the conf */
    const char *suffix; /* of the default file name */
    bool is_pid, by_default;
} files[] = {
    {"log_file", "pm_log_path", ".log", false, false},
    {"out_file", "pm_out_log_path", "-out.log", false, true},
    {"error_file", "pm_err_log_path", "-error.log", false, true},
    {"pid_file", "pm_pid_path", ".pid", true, true},
};

static void warn_once(json_t *warnings, const char *folder)
{
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "Folder does not exist: %s", folder);
    size_t i;
    json_t *old;
    json_array_foreach (warnings, i, old) {
        if (strcmp(json_string_value(old), line.data) == 0)
            return;
    }
    /* A warning that is lost for want of memory is no reason to fail. */
    (void)json_array_append_new(warnings, json_string(line.data));
}

/* A user-given file: not a folder, and its folder had better exist (the daemon creates it). */
static int check_file(const char *option, char *path, const struct app_world *w, json_t *warnings,
                      struct err *e)
{
    int code = 0;
    if (w->kind(w->ctx, path, &code) == FILE_FOLDER)
        return err_set(e, -EISDIR, "%s: %s is a folder", option, path);
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    *slash = '\0';
    enum file_kind kind = w->kind(w->ctx, path, &code);
    int rc = 0;
    if (kind == FILE_NONE && code == -ENOENT)
        warn_once(warnings, path);
    else if (kind != FILE_FOLDER)
        rc = err_set(e, -ENOTDIR, "%s: %s is not a folder that can be used", option, path);
    *slash = '/';
    return rc;
}

static char *default_file(size_t i, const char *name, const struct app_request *rq, struct err *e)
{
    AUTO(buf) path = BUF_INIT;
    const char *folder = files[i].is_pid ? rq->pid_dir : rq->log_dir;
    buf_printf(&path, "%s/", folder ? folder : "");
    char *result = NULL;
    if (name_stem(name, &path) == 0) {
        buf_add_c(&path, files[i].suffix);
        result = buf_detach(&path);
    }
    if (!result)
        out_of_memory(e);
    return result;
}

static char *given_file(size_t i, const char *typed, const char *cwd, const struct app_request *rq,
                        const struct app_world *w, json_t *warnings, struct err *e)
{
    bool none = strcmp(typed, "NULL") == 0 || strcmp(typed, NO_FILE) == 0;
    char *path = none ? strdup(NO_FILE) : path_resolve(cwd, typed, home_of(rq));
    if (!path) {
        out_of_memory(e);
    } else if (!none && check_file(files[i].option, path, w, warnings, e) < 0) {
        free(path);
        path = NULL;
    }
    return path;
}

int conf_set_paths(json_t *conf, const json_t *options, const struct app_request *rq,
                   const struct app_world *w, bool only_given, json_t *warnings,
                   const char **ret_at, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        *ret_at = files[i].option;
        const json_t *given = json_object_get(options, files[i].option);
        const char *typed = json_string_value(given);
        char *path;
        if (typed && *typed)
            path = given_file(i, typed, json_get_str(conf, "pm_cwd"), rq, w, warnings, e);
        else if (json_is_true(given) || (files[i].by_default && !only_given))
            path = default_file(i, json_get_str(conf, "name"), rq, e);
        else
            continue;
        if (!path)
            return e && e->code ? e->code : -ENOMEM;
        int rc = json_object_set_new(conf, files[i].key, json_string(path));
        free(path);
        if (rc < 0)
            return err_set(e, -EINVAL, "%s: not a valid path", files[i].option);
    }
    return 0;
}

int app_conf_number_paths(json_t *conf, int pm_id)
{
    bool merged = json_truthy(json_object_get(conf, "merge_logs"));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const char *path = json_get_str(conf, files[i].key);
        if (!path || strcmp(path, NO_FILE) == 0 || (merged && !files[i].is_pid))
            continue;
        AUTO(buf) numbered = BUF_INIT;
        if (path_number(path, files[i].is_pid ? ".pid" : ".log", pm_id, &numbered) < 0 ||
            json_object_set_new(conf, files[i].key, json_string(numbered.data)) < 0)
            return -ENOMEM;
    }
    return 0;
}
