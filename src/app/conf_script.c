/* SPDX-License-Identifier: MIT
 * From what a user typed to what is executed: a path, a program of PATH, or a shell line. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/interp.h"
#include "json/read.h"

/* The line uses its own arguments. */
static bool uses_arguments(const char *line)
{
    for (const char *p = line; (p = strchr(p, '$')) != NULL; p++) {
        size_t brace = p[1] == '{';
        if (p[1 + brace] && strchr("@*123456789", p[1 + brace]))
            return true;
    }
    return false;
}

/* PM2 drops what stands behind "--" after a shell line. Here it becomes the positional arguments of
 * the shell, and a line that does not use them gets them at its end: pm2 start "node a.js" -- --x
 * runs `node a.js --x`, whatever characters the arguments have. */
json_t *shell_line_args(const char *line, json_t *args)
{
    bool append = json_array_size(args) > 0 && !uses_arguments(line);
    AUTO_JSON list = json_array();
    if (json_array_append_new(list, json_string("-c")) < 0 ||
        json_array_append_new(list, json_sprintf("%s%s", line, append ? " \"$@\"" : "")) < 0)
        return NULL;
    if (json_array_size(args) > 0 &&
        (json_array_append_new(list, json_string("pm2")) < 0 || json_array_extend(list, args) < 0))
        return NULL;
    return json_incref(list);
}

static int shell_line(struct script *s, const char *line, json_t *args,
                      const struct interp_place *place, const struct app_world *w, struct err *e)
{
    s->path = interp_find("bash", place, w);
    if (!s->path)
        s->path = interp_find("sh", place, w);
    if (!s->path)
        return err_set(e, -ENOENT, "neither bash nor sh is in PATH to run: %s", line);
    s->is_shell_line = true;
    s->args = shell_line_args(line, args);
    return s->args ? 0 : out_of_memory(e);
}

/* 1 = it is there, 0 = nothing of that name, negative = there, but of no use. */
static int check_path(const char *path, const struct app_world *w, struct err *e)
{
    int code = 0;
    switch (w->kind(w->ctx, path, &code)) {
    case FILE_REGULAR:
    case FILE_FOLDER: return 1;
    case FILE_OTHER: return err_set(e, -EINVAL, "%s is neither a file nor a folder", path);
    case FILE_NONE: break;
    }
    if (code == 0 || code == -ENOENT || code == -ENOTDIR)
        return 0;
    return err_set(e, code, "cannot use %s: %s", path, err_text(code));
}

int script_find(struct script *s, const char *typed, json_t *args, const char *cwd,
                const char *env_path, const struct app_world *w, struct err *e)
{
    *s = (struct script){0};
    if (!typed || !*typed)
        return err_set(e, -ENOENT, "No script path - aborting");
    struct interp_place place = {.path = env_path, .cwd = cwd};
    char *path = path_resolve(cwd, typed, NULL);
    if (!path)
        return out_of_memory(e);
    bool has_blank = strpbrk(typed, " \t\n") != NULL;
    int rc = check_path(path, w, e);
    if (rc > 0) {
        s->path = path;
        return 0;
    }
    /* A long shell line is too long for a file name; that is no error of the line. */
    if (has_blank)
        rc = shell_line(s, typed, args, &place, w, e);
    else if (rc == 0 && !strchr(typed, '/') && (s->path = interp_find(typed, &place, w)))
        rc = 0;
    else if (rc == 0)
        rc = err_set(e, -ENOENT, "Script not found: %s", path);
    free(path);
    if (rc < 0)
        script_fini(s);
    return rc;
}

void script_fini(struct script *s)
{
    free(s->path);
    json_decref(s->args);
    *s = (struct script){0};
}
