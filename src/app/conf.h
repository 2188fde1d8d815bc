/* SPDX-License-Identifier: MIT
 * From what a user wrote to a launchable app: the one place where options are normalised. Runs in
 * pm2d only. Pure: files, users and time come through struct app_world.
 *
 * A `conf` is a JSON object: PM2's pm2_env as it is before the first launch ("what prepare
 * receives", all keys in PM2's order), `env` included. Both ways in end here: our clients send what
 * the user wrote (app_conf_from_request), PM2's own client sends a ready conf (app_conf_check). */
#pragma once

#include <jansson.h>

#include "app/proc_sm.h"
#include "app/world.h"
#include "base/err.h"

/* Where the variables of a conf come from: an object of the conf beside `env`, for each variable
 * that is not the caller's. Values are for people: "pm2", "option", "/srv/eco.json:12" (env of a
 * file; without line where it is not known), "env_production /srv/eco.json:20", "deploy FILE". A
 * conf without it came from elsewhere, and nothing is known. Never shown among the attributes. */
#define CONF_ENV_FROM "_env_from"

/* What a process file adds to a request. All borrowed; NULL where there is none. */
struct app_file {
    const char *path;     /* absolute; NULL = standard input */
    const char *at;       /* the app in it: "apps[2]" */
    const json_t *lines;  /* path ("apps[2].env.PORT") to line number */
    const char *env_name; /* --env */
    json_t *deploy_env;   /* over the app's env, under its env_NAME */
};

/* What a client sends for a new app. All borrowed. */
struct app_request {
    const char *script; /* as typed */
    json_t *options;    /* object of attributes in any of their spellings (schema.h); may be NULL */
    json_t *args;       /* array of strings after "--"; NULL = none */
    const char *cwd;    /* absolute; the caller's */
    json_t *env;        /* object; the caller's environment */
    const char *home;   /* PM2_HOME */
    const char *log_dir;         /* usually home/logs */
    const char *pid_dir;         /* usually home/pids */
    const struct app_file *file; /* NULL = not from a file */
};

/* New conf (owned by the caller) or NULL with `e`: the text names the field, or the script with its
 * path. -ENOSYS: a value that this version does not have ("... is not available yet"). `warnings`
 * (array of strings, may be NULL) gets lines for the user. Unknown attributes are ignored.
 *
 * The environment, later wins: the caller's (filtered), env, PORT from `port` and io, the file's
 * deploy block, env_NAME, what PM2 sets (PM2_HOME, the user's HOME). A script that is not below the
 * app's folder is looked for from the folder of the process file, with a warning (PM2 knows only
 * the caller's folder). */
json_t *app_conf_from_request(const struct app_request *rq, const struct app_world *w,
                              json_t *warnings, struct err *e);

/* Check a conf from outside (RPC prepare) before anything uses it; fills what is missing. Edits
 * `conf` in place. 0 or -EINVAL / -ENOSYS with `e`. */
int app_conf_check(json_t *conf, const struct app_world *w, struct err *e);

/* Attributes of a restart (CLI options on an existing app) merged into a conf; `options` NULL =
 * none. Only given options change anything: the caller's variables when `rq->env` is given (those
 * that came from an earlier caller and are gone now go too, if the conf tells: CONF_ENV_FROM), log
 * and pid files (number them again: app_conf_number_paths), cwd, interpreter, user, name and so on;
 * not the script and the number of processes. 0 or negative with `e`, nothing changed then.
 */
int app_conf_update(json_t *conf, const struct app_request *rq, const struct app_world *w,
                    struct err *e);

/* What a process with `have` gets when the file that it came from now says `want`: all of `want`
 * but for what the daemon keeps about the process (unique_id, created_at, ...; the value of
 * increment_var). Number the paths then (app_conf_number_paths). New conf, or NULL on OOM. */
json_t *app_conf_renew(const json_t *have, const json_t *want);

/* Process-wide defaults (daemon's environment: PM2_KILL_TIMEOUT etc.), in ms. */
struct policy_defaults {
    int64_t kill_timeout_ms, kill_retry_ms, listen_timeout_ms, backoff_reset_ms;
    bool kill_use_message;
};
void policy_from_conf(const json_t *conf, const struct policy_defaults *d, struct proc_policy *ret);

/* Number of processes that a conf asks for: `instances` absent = 1, 0 = cpu_count, negative =
 * cpu_count + n, at least 1. -EINVAL past LIMIT_INSTANCES. */
int app_conf_instances(const json_t *conf, int cpu_count, struct err *e);

/* Log and pid paths of one instance, as PM2 numbers them: pid always "-ID.pid" (an existing
 * "-digits" before the extension is replaced), logs "-ID.log" unless merge_logs; paths that do not
 * end in ".log" and /dev/null stay. Edits the conf copy of that instance in place. 0 or -ENOMEM. */
int app_conf_number_paths(json_t *conf, int pm_id);

/* The command line of a conf. Strings are borrowed from `conf` and from `ret->memory`. */
struct app_command {
    char *file; /* interpreter or script: absolute, or a bare name for the app's PATH */
    char **argv;
    size_t argc;
    void *memory;
};
int app_command_from_conf(const json_t *conf, struct app_command *ret, struct err *e);
void app_command_fini(struct app_command *c);

/* The environment of the process as "KEY=value" strings: the conf's env, then PM2's own variables
 * (docs/COMPAT.md says which wins), Node channel variables last. `state` is an object of the
 * launch-time values (pm_id, status, pm_uptime, ..., in order). Array of strings, or NULL on OOM.
 */
json_t *app_environment(const json_t *conf, const json_t *state, bool channel);
