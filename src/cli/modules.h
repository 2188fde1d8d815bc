/* SPDX-License-Identifier: MIT
 * Modules that are there: which are registered, and their processes. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

#define MODULES_NPM "module-db-v2" /* members of module_conf.json: PM2's names */
#define MODULES_TAR "tar-modules"

/* `[PM2][Module] ...` and `[PM2][Module][ERROR] ...` (on stderr) */
void modules_say(struct cli *cli, const char *fmt, ...) ATTR_FORMAT(2, 3);
void modules_complain(struct cli *cli, const char *fmt, ...) ATTR_FORMAT(2, 3);

/* The member of module_conf.json in which the module is registered; NULL when it is not. */
const char *modules_register_of(const json_t *settings, const char *name);

/* What has to be started of a module: a list as in a process file, from the package.json's `apps`,
 * `pm2`, `bin` or `main`. One that calls itself otherwise than the module is MODULE:APP, as in PM2;
 * but the only one of a module of npm has the module's name. New reference, NULL with `e`. */
json_t *modules_apps(const json_t *package, const char *name, const char *folder, bool is_tar,
                     struct err *e);

/* Start them (c.file's answer, new reference, NULL after the error was printed). */
json_t *modules_start(struct cli *cli, const json_t *apps, const char *folder);

/* Ids of the processes of a module. False after an error was printed; also when an app that is no
 * module has this name: `*ret_taken` (NULL: does not matter). New reference. */
json_t *modules_processes(struct cli *cli, const char *name, bool *ret_taken);
/* The most restarts that one of its processes has had; -1 after an error was printed. */
int64_t modules_restarts(struct cli *cli, const char *name);
/* End them and remove them from the list. Exit code. */
int modules_end(struct cli *cli, const char *name);

/* pm2d reads the settings again. Exit code. */
int modules_tell_daemon(struct cli *cli);

/* Start all that is registered and does not run: with a new daemon. One that cannot is told, and
 * keeps nobody else from starting. */
void modules_start_all(struct cli *cli);
