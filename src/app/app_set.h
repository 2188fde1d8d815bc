/* SPDX-License-Identifier: MIT
 * The apps of a process file, from what the user wrote to confs, with all errors of the file at
 * once. Runs in pm2d (which starts them) and in `pm2 check` (which only looks). Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "app/conf.h"
#include "app/world.h"
#include "base/err.h"

/* What came with the file. All borrowed; NULL where optional. */
struct app_set_request {
    json_t *apps;         /* array, as written: struct procfile in procfile/procfile.h */
    const char *apps_at;  /* where the array is in the file ("apps"), begins paths; NULL = "" */
    const char *file;     /* absolute path of the file, or NULL (standard input, API) */
    json_t *lines;        /* object: path to line number, paths begin with "apps[2]" whatever
                             apps_at is; NULL = unknown */
    json_t *overlay;      /* options of the command line that apply to each app: watch, uid, gid,
                             cwd, and namespace, which only fills a gap */
    json_t *only;         /* array of names; NULL or empty = all */
    const char *env_name; /* --env: env_NAME of each app, and append_env_to_name */
    json_t *deploy_env;   /* deploy.NAME.env of the file: over env, under env_NAME; NULL */
    const char *cwd;      /* the caller's, absolute */
    json_t *env;          /* the caller's environment */
    const char *home, *log_dir, *pid_dir;
    bool is_check; /* only errors, warnings and failures: the items have no confs. Of `env`, PATH
                      and HOME do */
};

/* One complaint. */
struct app_set_note {
    char *path; /* "apps[2].instances"; "" = the file as a whole */
    char *text;
    long line; /* 0 = unknown */
};
struct app_set_notes {
    struct app_set_note *items;
    size_t count;
    size_t more; /* so many beyond LIMIT_FILE_NOTES are only counted */
};

/* An app of the file. Its attributes are right; when the machine lacks what they name (script,
 * folder, interpreter), it cannot run, which does not keep the others from running: as in PM2. */
struct app_set_item {
    json_t *conf;  /* NULL: it cannot run, or it was only checked */
    char *failure; /* why it cannot run; else NULL */
    char *name, *ns;
    size_t index; /* place in the file */
};

struct app_set {
    struct app_set_item *items; /* in an order in which each app comes after those it depends on,
                                   else in the order of the file */
    size_t count;
    struct app_set_notes errors, warnings;
};

/* Validate and normalise all of it: types, units, bounds; unknown fields are warnings that name the
 * nearest known one; the same name twice in a namespace; depends_on of an unknown app and cycles
 * (with the cycle shown) are errors. `only` is applied after validation, so that an error anywhere
 * in the file is told; what the chosen apps depend on is not added to them.
 * Names are the app's, with -NAME of append_env_to_name; `only` takes them without it too.
 * 0 also when there are errors (then there are no items); -ENOMEM; -E2BIG past LIMIT_FILE_APPS. */
int app_set_build(const struct app_set_request *rq, const struct app_world *w, struct app_set *ret,
                  struct err *e);
void app_set_fini(struct app_set *s);

/* What a stop, delete or restart of a file needs: name and namespace of each app, without looking
 * for scripts. Array of {name, namespace}, new reference; NULL with `e`. */
json_t *app_set_names(const struct app_set_request *rq, struct err *e);

/* Differences between the conf a process has and the one a file asks for, as the names of
 * attributes ("script", "args", "env.PORT", ...). What the daemon itself puts into a conf (numbered
 * paths, unique_id, created_at ...) does not count, nor does the number of processes, and of the
 * environment only what the file sets, not what came from shells. Array, new reference; NULL on
 * OOM. */
json_t *app_conf_diff(const json_t *have, const json_t *want);
