/* SPDX-License-Identifier: MIT
 * Shared by the conf_*.c files, interp.c, paths.c and select.c only. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "app/conf.h"

/* -ENOMEM with its text. */
int out_of_memory(struct err *e);

/* `path` against `base` (absolute) without "." and ".." parts and doubled slashes; `~` and `~/x`
 * start from `home` (NULL = not special). To be freed; NULL on OOM. */
char *path_resolve(const char *base, const char *path, const char *home);

/* ---- conf_script.c: what is to be executed ---- */

struct script {
    char *path;   /* absolute; may be a folder */
    json_t *args; /* of a shell line: replaces the arguments; else NULL */
    bool is_shell_line;
};
/* Find what the user typed: a path from `cwd`, a program in `env_path`, or a shell line. 0 or
 * negative with `e`; after 0, script_fini(). */
int script_find(struct script *s, const char *typed, json_t *args, const char *cwd,
                const char *env_path, const struct app_world *w, struct err *e);
void script_fini(struct script *s);
/* The shell's arguments for a line with arguments of its own. New reference, NULL on OOM. */
json_t *shell_line_args(const char *line, json_t *args);

/* ---- conf_env.c, conf_env_own.c: variables; `from` is CONF_ENV_FROM, NULL = not kept ---- */

/* The environment of a new app: the caller's (filtered, without what belongs to its own process),
 * then the app's own, PORT and PM2_HOME. New reference, NULL with `e`. */
json_t *env_from_request(const struct app_request *rq, const json_t *options, json_t *from,
                         struct err *e);
/* Overlay `options.env` (values as text where they are not scalars), port and io; for a file also
 * the deploy block and env_NAME. 0 or negative with `e`. */
int env_merge_options(json_t *env, json_t *from, const json_t *options,
                      const struct app_request *rq, struct err *e);
/* Overlay the caller's environment; what an earlier caller gave and this one does not goes. */
int env_merge_caller(json_t *env, json_t *from, json_t *caller, const json_t *filter,
                     struct err *e);
/* Set a variable on behalf of PM2: one that no caller changes later, or one that gives way. */
#define ENV_OF_PM2     "pm2"
#define ENV_BY_DEFAULT "pm2 default"
int env_set_own(json_t *env, json_t *from, const char *key, json_t *take_value, const char *source,
                struct err *e);
/* A name that is no variable, or one that belongs to the channel of another process. */
bool env_is_bad_name(const char *key);
bool env_is_channel_name(const char *key);
/* PYTHONUNBUFFERED for Python, unless it is set. */
int env_for_interpreter(json_t *env, json_t *from, const char *interpreter, struct err *e);

/* ---- conf_paths.c ---- */

/* pm_log_path, pm_out_log_path, pm_err_log_path and pm_pid_path from the options that name them, or
 * from the app's name where they are absent; with `only_given` the latter stay untouched. *ret_at
 * is the option that an error is about. */
int conf_set_paths(json_t *conf, const json_t *options, const struct app_request *rq,
                   const struct app_world *w, bool only_given, json_t *warnings,
                   const char **ret_at, struct err *e);
/* The folder of the app from option `cwd`: absolute, to be freed; NULL with `e`. */
char *conf_resolve_cwd(const json_t *options, const struct app_request *rq, struct err *e);
int conf_check_folder(const char *cwd, const struct app_world *w, struct err *e);

/* ---- conf_order.c ---- */

/* What `options` give or have by default, in the order of the table, then env_NAME; without what
 * ends up under other keys. New object, NULL on OOM. */
json_t *conf_ordered(const json_t *options);

/* ---- conf_build.c, conf_user.c ---- */

/* `at` is the attribute (as spelled by the user) that a text is about; "" = none. `code` of an
 * error is negative. Borrowed for the call. */
enum conf_note { CONF_ERROR, CONF_WARNING, CONF_UNKNOWN };
typedef void conf_note_fn(void *ctx, enum conf_note kind, const char *at, int code,
                          const char *text);
/* app_conf_from_request() with all that there is to say: after an error the checks go on with what
 * does not depend on it, but for want of memory. NULL after any error. */
json_t *conf_build(const struct app_request *rq, const struct app_world *w, conf_note_fn *note,
                   void *ctx);
/* Only what conf_build() has to say. */
void conf_examine(const struct app_request *rq, const struct app_world *w, conf_note_fn *note,
                  void *ctx);

/* uid and gid of `options` as numbers, HOME of that user into `env`. */
int conf_set_user(json_t *options, json_t *env, json_t *from, const struct app_world *w,
                  struct err *e);
/* "fork_mode" or "cluster_mode" into conf. -EINVAL: this interpreter knows nothing of clusters. */
int conf_set_mode(json_t *conf, const char *mode, const char *interpreter, struct err *e);
